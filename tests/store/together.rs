//! PostgreSQL: commits that wait go together, and each gets its own answer all the same.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keyward::store::*;

use crate::samples::*;

const WRITERS: usize = 64;

fn new(id: &str, name: Option<&str>, audited: AuditRow) -> Commit {
    let names = name.map(unique).unwrap_or_default();
    Commit {
        audit: vec![audited],
        ..insert(record(id), usual_entries(name.unwrap_or(id)), names)
    }
}

/// From one version to the next; nothing of the object's own changes.
fn next(id: &str, version: i64, audited: AuditRow) -> Commit {
    let newer = Record {
        version,
        state: u32::try_from(version).unwrap(),
        attributes: vec![u8::try_from(version).unwrap(); 300],
        ..record(id)
    };
    let own = || (usual_entries(id), Vec::new());
    let commit = update(newer, own().0, own().1);
    Commit {
        audit: vec![audited],
        ..update_of(own(), commit)
    }
}

/// All journal entries, once there are as many as expected.
async fn journal(store: &Store, expected: usize) -> Vec<JournalEntry> {
    let begun = Instant::now();
    loop {
        let entries = store.journal(0, 1_000_000).await.unwrap();
        if entries.len() >= expected || begun.elapsed() > Duration::from_secs(10) {
            assert_eq!(entries.len(), expected);
            return entries;
        }
    }
}

/// How many transactions wrote them.
fn transactions(entries: &[JournalEntry]) -> usize {
    let transactions = entries.iter().map(|entry| entry.position >> 20);
    transactions.collect::<HashSet<_>>().len()
}

/// Of one writer: what it wrote and what became of it.
struct Told {
    id: String,
    name: String,
    version: i64,
    stands: bool,
}

/// Makes an object (every other round under a name that eight want), changes it twice, once from a
/// version that it no longer has, and makes it once more.
async fn writer(store: &Store, writer: usize, rounds: usize) -> Vec<Told> {
    let node = format!("node-{writer}");
    let mut sequence = 0;
    let mut audited = || {
        sequence += 1;
        audit(&node, sequence)
    };
    let mut told = Vec::new();
    for round in 0..rounds {
        let id = format!("{writer}-{round}");
        let wanted = match round % 2 {
            0 => id.clone(),
            _ => format!("wanted-{}-{round}", writer / 8),
        };
        let named = (round % 2 == 1 || writer.is_multiple_of(2)).then_some(wanted.as_str());
        let made = store.apply(new(&id, named, audited())).await;
        let stands = match made {
            Ok(()) => true,
            Err(StoreError::NameTaken) if round % 2 == 1 => false,
            other => panic!("{id}: {other:?}"),
        };
        let changed = store.apply(next(&id, 2, audited())).await;
        let again = store.apply(next(&id, 2, audited())).await;
        let twice = store.apply(new(&id, None, audited())).await;
        if stands {
            changed.unwrap();
            assert!(matches!(again, Err(StoreError::Conflict)), "{again:?}");
            assert!(matches!(twice, Err(StoreError::Exists)), "{twice:?}");
        } else {
            assert!(matches!(changed, Err(StoreError::Conflict)), "{changed:?}");
            twice.unwrap();
        }
        told.push(Told {
            id,
            name: wanted,
            version: if stands { 2 } else { 1 },
            stands,
        });
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_many_gets_its_own_answer() {
    const ROUNDS: usize = 6;
    let Some(cluster) = crate::postgres::shared() else {
        return;
    };
    let store = Store::open(&cluster.database()).await.unwrap();
    let writers = (0..WRITERS).map(|at| writer(&store, at, ROUNDS));
    let told: Vec<Vec<Told>> = join_all(writers).await;
    let mut holders: HashMap<&str, usize> = HashMap::new();
    let mut written = 0;
    for (at, told) in told.iter().enumerate() {
        for (round, told) in (0..).zip(told) {
            let there = store.fetch(TENANT, &told.id).await.unwrap().unwrap();
            assert_eq!(there.version, told.version, "{}", told.id);
            let has_name = round % 2 == 1 || at.is_multiple_of(2);
            *holders.entry(&told.name).or_default() += usize::from(told.stands && has_name);
            // Its entries are its own, and nobody else's.
            let held = if told.stands && has_name {
                &told.name
            } else {
                &told.id
            };
            let located = store.locate(&filter(vec![named(held)])).await.unwrap();
            assert_eq!(located.unique_identifiers, [told.id.clone()]);
            written += usize::try_from(told.version).unwrap();
        }
        // What failed left no row: of four in a round two stand, or one.
        let stood = told.iter().flat_map(|told| match told.stands {
            true => [true, true, false, false],
            false => [false, false, false, true],
        });
        let expected: Vec<i64> = (1..)
            .zip(stood)
            .filter_map(|(at, stood)| stood.then_some(at))
            .collect();
        let rows = store.audit(&format!("node-{at}"), 0, 1000).await.unwrap();
        assert_eq!(
            rows.iter().map(|row| row.sequence).collect::<Vec<_>>(),
            expected
        );
    }
    for (name, holders) in holders {
        let wanted = name.starts_with("wanted") || holders > 0;
        assert!(!wanted || holders == 1, "{name} is held by {holders}");
    }
    let entries = journal(&store, written).await;
    assert!(transactions(&entries) < written, "nothing went together");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_alone_is_written_alone() {
    let Some(cluster) = crate::postgres::shared() else {
        return;
    };
    let store = Store::open(&cluster.database()).await.unwrap();
    for at in 1..=20 {
        store
            .apply(new(&at.to_string(), None, audit("n", at)))
            .await
            .unwrap();
    }
    assert_eq!(transactions(&journal(&store, 20).await), 20);
    // And many at once are not.
    let many = (21..=220).map(|at| store.apply(new(&at.to_string(), None, audit("n", at))));
    let many: Vec<_> = many.collect();
    for written in join_all(many).await {
        written.unwrap();
    }
    let transactions = transactions(&journal(&store, 220).await);
    assert!(transactions < 60, "{transactions}");
    assert_eq!(store.audit("n", 0, 1000).await.unwrap().len(), 220);
}

/// Connections end under the writers: each learns that its end is not known, and what was answered
/// is there, whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_group_is_answered_and_loses_nothing() {
    let Some(cluster) = crate::postgres::shared() else {
        return;
    };
    let url = cluster.database();
    let store = Store::open(&url).await.unwrap();
    let ended = AtomicBool::new(false);
    let writers = (0..WRITERS).map(|writer| {
        let (store, ended) = (&store, &ended);
        async move {
            let (mut answers, node) = (Vec::new(), writer.to_string());
            for at in 1.. {
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                let id = format!("{writer}-{at}");
                let made = store.apply(new(&id, Some(&id), audit(&node, 2 * at))).await;
                let changed = match &made {
                    Ok(()) => store.apply(next(&id, 2, audit(&node, 2 * at + 1))).await,
                    Err(_) => made.clone(),
                };
                for result in [&made, &changed] {
                    let known = matches!(result, Ok(()) | Err(StoreError::Unavailable(_)));
                    assert!(known, "{result:?}");
                }
                answers.push((id, made.is_ok(), changed.is_ok()));
            }
            answers
        }
    });
    let ender = async {
        let database = url.rsplit('/').next().unwrap();
        // Statements are so short that they have to be held up to be met.
        let end = "LOCK TABLE audit IN EXCLUSIVE MODE; SELECT pg_sleep(0.1); \
                   SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(150)).await;
            tokio::task::block_in_place(|| cluster.sql(database, end));
        }
        ended.store(true, Ordering::Relaxed);
    };
    let (answers, ()) = tokio::join!(join_all(writers), ender);
    let answers: Vec<_> = answers.into_iter().flatten().collect();
    let lost = answers.iter().filter(|(_, _, changed)| !changed).count();
    assert!(lost >= WRITERS, "{lost} of {} were lost", answers.len());
    while store.ping().await.is_err() {}
    for (id, made, changed) in &answers {
        let there = store.fetch(TENANT, id).await.unwrap();
        let version = there.as_ref().map_or(0, |there| there.version);
        assert!(!made || version >= 1, "{id} was answered and is gone");
        assert!(
            !changed || version == 2,
            "{id} was answered and is as before"
        );
        let (writer, at) = id.split_once('-').unwrap();
        let first = 2 * at.parse::<i64>().unwrap();
        let rows = store.audit(writer, first, 2).await.unwrap();
        let rows = rows.iter().filter(|row| row.sequence < first + 2).count();
        assert_eq!(rows as i64, version, "{id}: whole or not at all");
        let located = store.locate(&filter(vec![named(id)])).await.unwrap();
        assert_eq!(located.unique_identifiers.len(), usize::from(version > 0));
    }
}

/// Items of one message that only make objects, and cannot be refused, are one transaction.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_written_at_once() {
    let Some(cluster) = crate::postgres::shared() else {
        return;
    };
    let store = Store::open(&cluster.database()).await.unwrap();
    let line = Line::default();
    let mut waiting = Vec::new();
    for at in 1..=10 {
        let commit = new(&at.to_string(), None, audit("n", at));
        waiting.push(store.apply_ahead(&line, commit, true).await.unwrap());
    }
    assert_eq!(store.fetch(TENANT, "1").await.unwrap(), None);
    for applied in waiting {
        store.settle(&line, applied).await.unwrap();
    }
    let entries = journal(&store, 10).await;
    assert_eq!(transactions(&entries), 1);
    let keys: Vec<_> = entries.iter().map(|entry| entry.key.clone()).collect();
    let expected: Vec<_> = (1..=10).map(|at| at.to_string()).collect();
    assert_eq!(keys, expected);
    // Newest first, as if they had been made one after the other.
    let located = store.locate(&filter(Vec::new())).await.unwrap();
    assert_eq!(
        located.unique_identifiers,
        expected.iter().rev().cloned().collect::<Vec<_>>()
    );
    // One that is there already is refused by itself.
    let mut waiting = Vec::new();
    for (id, sequence) in [("11", 11), ("5", 12), ("12", 13)] {
        let commit = new(id, None, audit("n", sequence));
        waiting.push(store.apply_ahead(&line, commit, true).await.unwrap());
    }
    let mut results = Vec::new();
    for applied in waiting {
        results.push(store.settle(&line, applied).await);
    }
    assert!(
        matches!(results[..], [Ok(()), Err(StoreError::Exists), Ok(())]),
        "{results:?}"
    );
    // One with a name is answered before the next, and takes along what was kept back.
    let kept = store
        .apply_ahead(&line, new("13", None, audit("n", 14)), true)
        .await
        .unwrap();
    let named = store
        .apply_ahead(&line, new("14", Some("name"), audit("n", 15)), true)
        .await
        .unwrap();
    assert!(store.fetch(TENANT, "13").await.unwrap().is_some());
    let taken = store
        .apply_ahead(&line, new("15", Some("name"), audit("n", 16)), true)
        .await;
    assert!(matches!(taken, Err(StoreError::NameTaken)), "{taken:?}");
    for applied in [kept, named] {
        store.settle(&line, applied).await.unwrap();
    }
    // What nobody waits for is not written.
    let dropped = Line::default();
    drop(
        store
            .apply_ahead(&dropped, new("16", None, audit("n", 17)), true)
            .await
            .unwrap(),
    );
    drop(dropped);
    assert_eq!(journal(&store, 14).await.len(), 14);
    assert_eq!(store.fetch(TENANT, "16").await.unwrap(), None);
}

/// A line whose database went away gets no later commit through.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_line_stays_broken() {
    let Some(mut cluster) = crate::postgres::Cluster::start(false) else {
        return;
    };
    let store = Store::open(&cluster.database()).await.unwrap();
    let line = Line::default();
    let first = store
        .apply_ahead(&line, new("1", None, audit("n", 1)), true)
        .await
        .unwrap();
    cluster.crash();
    while store.ping().await.is_ok() {}
    let lost = store.settle(&line, first).await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    cluster.restart();
    let begun = Instant::now();
    while store.ping().await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
    let refused = store
        .apply_ahead(&line, new("2", None, audit("n", 2)), false)
        .await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );
    let other = Line::default();
    let next = store
        .apply_ahead(&other, new("3", None, audit("n", 3)), false)
        .await
        .unwrap();
    store.settle(&other, next).await.unwrap();
}
