//! kill -9: what was answered is there, whole. The test program runs itself again as the victim.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use keyward::store::*;

use crate::samples::*;

const URL: &str = "KEYWARD_TEST_VICTIM_URL";
const WRITERS: usize = 16;
const ENOUGH: usize = 400;

/// The victim: writes and says what was answered, until it is killed or refused.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by the other tests, which kill it"]
async fn victim() {
    let store = Store::open(&std::env::var(URL).unwrap()).await.unwrap();
    let writers = (0..WRITERS).map(|writer| {
        let store = &store;
        async move {
            for at in 1.. {
                let id = format!("{writer}-{at}");
                let record = Record {
                    blob: None,
                    attributes: vec![1; 2000],
                    ..record(&id)
                };
                let changes = vec![
                    Change::Insert {
                        record,
                        index: usual_entries(&id),
                        names: unique(&id),
                    },
                    Change::Put(entity(EntityKind::Job, &id, 1)),
                ];
                let commit = Commit {
                    changes,
                    audit: vec![audit(&writer.to_string(), at)],
                };
                match store.apply(commit).await {
                    Ok(()) => println!("answered {id}"),
                    Err(StoreError::Unavailable(_)) => return println!("refused {id}"),
                    Err(error) => panic!("{error:?}"),
                }
            }
        }
    });
    futures_util::future::join_all(writers).await;
    // What is refused is refused whole; where only writing fails, reading goes on.
    if let Ok(records) = store.scan(TENANT, "", 10).await {
        println!("reads {}", records.len());
    }
}

fn start(url: &str, before: &str) -> Child {
    Command::new("sh")
        .args(["-c", &format!("{before} exec \"$@\""), "sh"])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "durable::victim",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(URL, url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Reads the victim's words; after [`ENOUGH`] answers does `deed`, then reads what is left.
fn answered(victim: &mut Child, deed: impl FnOnce(&mut Child)) -> (Vec<String>, Vec<String>) {
    let (mut answers, mut others, mut deed) = (Vec::new(), Vec::new(), Some(deed));
    for line in BufReader::new(victim.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        match line.strip_prefix("answered ") {
            Some(id) => answers.push(id.to_owned()),
            None => others.push(line),
        }
        if answers.len() == ENOUGH
            && let Some(deed) = deed.take()
        {
            deed(victim);
        }
    }
    victim.wait().unwrap();
    assert!(
        answers.len() >= ENOUGH,
        "{} answers only: {others:?}",
        answers.len()
    );
    (answers, others)
}

/// Everything answered is there; everything there is whole.
async fn check(store: &Store, answers: &[String]) {
    let mut there: HashSet<String> = HashSet::new();
    loop {
        let after = there.iter().max().cloned().unwrap_or_default();
        let page = store.scan(TENANT, &after, 1000).await.unwrap();
        if page.is_empty() {
            break;
        }
        there.extend(page.into_iter().map(|record| record.unique_identifier));
    }
    assert!(
        answers.iter().all(|id| there.contains(id)),
        "an answered object is gone"
    );
    // More may be there: what was written while its answer was on its way.
    let entities = store.entities(EntityKind::Job, Some(TENANT)).await.unwrap();
    assert_eq!(
        entities
            .into_iter()
            .map(|entity| entity.key)
            .collect::<HashSet<_>>(),
        there
    );
    let mut audited = HashSet::new();
    for writer in 0..WRITERS {
        let rows = store
            .audit(&writer.to_string(), 0, 1_000_000)
            .await
            .unwrap();
        assert!(
            rows.iter().zip(1..).all(|(row, at)| row.sequence == at),
            "the audit has a gap"
        );
        audited.extend(rows.iter().map(|row| format!("{writer}-{}", row.sequence)));
    }
    assert_eq!(audited, there);
    let begun = Instant::now();
    let journal = loop {
        let journal = store.journal(0, 10_000_000).await.unwrap();
        if journal.len() >= 2 * there.len() || begun.elapsed() > Duration::from_secs(10) {
            break journal;
        }
    };
    assert_eq!(journal.len(), 2 * there.len());
    assert_eq!(
        journal
            .into_iter()
            .map(|entry| entry.key)
            .collect::<HashSet<_>>(),
        there
    );
    for id in &there {
        assert_eq!(
            store
                .locate(&filter(vec![named(id)]))
                .await
                .unwrap()
                .unique_identifiers,
            [id.clone()]
        );
        let taken = store
            .apply(insert(record("new"), Vec::new(), unique(id)))
            .await;
        assert!(matches!(taken, Err(StoreError::NameTaken)), "{taken:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_survives_kill() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    for _ in 0..3 {
        let fresh = directory.path().join("next.db");
        let mut victim = start(fresh.to_str().unwrap(), "");
        let (answers, _) = answered(&mut victim, |victim| victim.kill().unwrap());
        let store = Store::open(fresh.to_str().unwrap()).await.unwrap();
        check(&store, &answers).await;
        store.close().await;
        std::fs::rename(&fresh, &path).unwrap();
        // Closed in order, the file stands alone.
        assert!(!directory.path().join("next.db-wal").exists());
        let store = Store::open(path.to_str().unwrap()).await.unwrap();
        check(&store, &answers).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_survives_a_full_disk() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    // Files of 12 MiB at most: the log meets it first.
    let mut victim = start(path.to_str().unwrap(), "trap '' XFSZ; ulimit -f 24576;");
    let (answers, others) = answered(&mut victim, |_| {});
    assert!(
        others.iter().any(|line| line.starts_with("refused ")),
        "{others:?}"
    );
    assert!(others.iter().any(|line| line == "reads 10"), "{others:?}");
    check(
        &Store::open(path.to_str().unwrap()).await.unwrap(),
        &answers,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_survives_kill() {
    let Some(mut cluster) = crate::postgres::Cluster::start(true) else {
        return;
    };
    let url = cluster.database();
    let store = Store::open(&url).await.unwrap();
    let mut victim = start(&url, "");
    // First the client dies, in the midst of its transactions.
    let (answers, _) = answered(&mut victim, |victim| victim.kill().unwrap());
    // What it had sent is still being done.
    let busy = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                AND pid <> pg_backend_pid() AND state <> 'idle'";
    while cluster.sql(url.rsplit('/').next().unwrap(), busy) != "0" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    check(&store, &answers).await;
    // Then the database.
    let url = cluster.database();
    let waiting = Store::open(&url).await.unwrap();
    let mut victim = start(&url, "");
    let (answers, others) = answered(&mut victim, |_| cluster.crash());
    assert!(
        others.iter().any(|line| line.starts_with("refused ")),
        "{others:?}"
    );
    let down = waiting.fetch(TENANT, "x").await;
    assert!(matches!(down, Err(StoreError::Unavailable(_))), "{down:?}");
    cluster.restart();
    // A store that was open all the time recovers by itself.
    let begun = Instant::now();
    while waiting.ping().await.is_err() {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "the pool does not recover"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    check(&waiting, &answers).await;
}
