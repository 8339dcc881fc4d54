//! The contract of `verbs`, case by case.

use std::time::Duration;

use keyward::store::tally::{Behind, Place};
use keyward::store::*;

use crate::samples::*;

/// Each case on each database.
macro_rules! contract {
    ($($case:ident)*) => {
        mod sqlite_file { $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                let directory = tempfile::tempdir().unwrap();
                let store = keyward::store::Store::open(directory.path().join("store.db").to_str().unwrap()).await.unwrap();
                super::$case(&store).await;
                store.close().await;
            }
        )* }
        mod sqlite_memory { $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::$case(&keyward::store::Store::open("sqlite::memory:").await.unwrap()).await;
            }
        )* }
        mod postgres { $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                let Some(cluster) = crate::postgres::shared() else { return };
                super::$case(&keyward::store::Store::open(&cluster.database()).await.unwrap()).await;
            }
        )* }
    };
}

contract! {
    what_is_stored_comes_back
    identifiers_are_unique_in_their_tenant
    versions_are_optimistic
    a_commit_is_whole_or_not_at_all
    names_are_unique_until_destroyed
    names_move_between_objects
    entities_are_put_and_listed
    the_journal_has_every_change_in_order
    the_journal_skips_nothing_under_concurrency
    audit_rows_are_listed_in_order
    checkpoints_answer_the_newest
    scans_go_by_identifier
    rows_behind_are_found_and_counted
    locate_is_newest_first_and_paged
    locate_sees_storage_status
    locate_moves_states_by_date
    locate_wants_fields_in_one_instance
    locate_finds_each_object_once
    an_update_replaces_entries
    hostile_texts_are_only_texts
    large_rows_are_kept
    long_names_and_values_are_found
    what_is_too_large_is_refused
    one_of_many_updates_wins
    a_commit_may_change_a_row_twice
    a_line_of_commits_goes_ahead_in_order
    a_group_waits_for_no_line_for_long
    what_is_alike_is_found_whichever_way_it_is_kept
    what_fails_takes_nothing_else_along
    an_update_by_who_knows_what_was_there
    dates_are_found_within_and_across_seconds
}

async fn apply(store: &Store, commit: Commit) {
    store.apply(commit).await.unwrap();
}

async fn found(store: &Store, filter: &Filter) -> Vec<String> {
    store.locate(filter).await.unwrap().unique_identifiers
}

/// PostgreSQL's journal may lag behind other transactions, of other databases too.
async fn journal(store: &Store, after: i64, expected: usize) -> Vec<JournalEntry> {
    for _ in 0..2000 {
        let entries = store.journal(after, 100_000).await.unwrap();
        if entries.len() >= expected {
            return entries;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the journal never showed {expected} entries");
}

async fn what_is_stored_comes_back(store: &Store) {
    let full = Record {
        activation_date: Some(-5),
        deactivation_date: Some(i64::MAX),
        archived: true,
        ..record("full")
    };
    let bare = Record {
        blob: None,
        class: Class::Cached,
        attributes: Vec::new(),
        ..record("bare")
    };
    let sealed = Blob {
        kind: BlobKind::Sealed,
        key_version: u32::MAX,
        length: u32::MAX,
        bytes: Vec::new(),
    };
    let edge = Record {
        tenant: TenantId(i64::MIN),
        owner: String::new(),
        version: i64::MAX,
        object_type: u32::MAX,
        class: Class::Served,
        state: u32::MAX,
        activation_date: Some(i64::MIN),
        blob: Some(sealed),
        mac_version: u32::MAX,
        ..record("edge")
    };
    for record in [full, bare, edge] {
        apply(
            store,
            insert(record.clone(), usual_entries("n"), Vec::new()),
        )
        .await;
        assert_eq!(
            store
                .fetch(record.tenant, &record.unique_identifier)
                .await
                .unwrap(),
            Some(record)
        );
    }
    assert_eq!(store.fetch(TENANT, "none").await.unwrap(), None);
    assert_eq!(store.fetch(TenantId(2), "full").await.unwrap(), None);
    store.ping().await.unwrap();
}

async fn identifiers_are_unique_in_their_tenant(store: &Store) {
    apply(store, insert(record("a"), Vec::new(), Vec::new())).await;
    let again = store
        .apply(insert(record("a"), Vec::new(), Vec::new()))
        .await;
    assert!(matches!(again, Err(StoreError::Exists)), "{again:?}");
    apply(
        store,
        insert(
            Record {
                tenant: TenantId(2),
                ..record("a")
            },
            Vec::new(),
            Vec::new(),
        ),
    )
    .await;
    apply(store, insert(record("A"), Vec::new(), Vec::new())).await;
}

async fn versions_are_optimistic(store: &Store) {
    apply(store, insert(record("a"), Vec::new(), Vec::new())).await;
    let second = Record {
        version: 2,
        state: 2,
        archived: true,
        attributes: vec![1],
        blob: None,
        ..record("a")
    };
    apply(store, update(second.clone(), Vec::new(), Vec::new())).await;
    for version in [1, 2, 4] {
        let stale = store
            .apply(update(
                Record {
                    version,
                    ..record("a")
                },
                Vec::new(),
                Vec::new(),
            ))
            .await;
        assert!(
            matches!(stale, Err(StoreError::Conflict)),
            "{version}: {stale:?}"
        );
    }
    let absent = store
        .apply(update(
            Record {
                version: 2,
                ..record("b")
            },
            Vec::new(),
            Vec::new(),
        ))
        .await;
    assert!(matches!(absent, Err(StoreError::Conflict)), "{absent:?}");
    assert_eq!(store.fetch(TENANT, "a").await.unwrap(), Some(second));
}

async fn a_commit_is_whole_or_not_at_all(store: &Store) {
    apply(store, insert(record("old"), Vec::new(), unique("taken"))).await;
    let before = journal(store, 0, 1).await;
    let new = || Change::Insert {
        record: record("new"),
        index: usual_entries("x"),
        names: unique("x"),
    };
    let failing = [
        Change::Insert {
            record: record("old"),
            index: Vec::new(),
            names: Vec::new(),
        },
        Change::Insert {
            record: record("other"),
            index: Vec::new(),
            names: unique("taken"),
        },
        Change::Update {
            record: Record {
                version: 7,
                ..record("old")
            },
            index: Vec::new(),
            names: Vec::new(),
            before: None,
        },
        Change::Put(entity(EntityKind::Role, "r", 2)),
    ];
    for (at, change) in failing.into_iter().enumerate() {
        let changes = vec![new(), Change::Put(entity(EntityKind::Job, "j", 1)), change];
        let result = store
            .apply(Commit {
                changes,
                audit: vec![audit("n", 1)],
            })
            .await;
        let expected = match at {
            0 => matches!(result, Err(StoreError::Exists)),
            1 => matches!(result, Err(StoreError::NameTaken)),
            _ => matches!(result, Err(StoreError::Conflict)),
        };
        assert!(expected, "{at}: {result:?}");
        assert_eq!(store.fetch(TENANT, "new").await.unwrap(), None);
        assert_eq!(
            store.entity(EntityKind::Job, TENANT, "j").await.unwrap(),
            None
        );
        assert_eq!(store.audit_head("n").await.unwrap(), 0);
        assert!(found(store, &filter(vec![named("x")])).await.is_empty());
    }
    let audited_twice = Commit {
        changes: vec![new()],
        audit: vec![audit("n", 1), audit("n", 1)],
    };
    assert!(matches!(
        store.apply(audited_twice).await,
        Err(StoreError::Damaged(_))
    ));
    assert_eq!(store.journal(0, 100).await.unwrap(), before);
    let good = Commit {
        changes: vec![new()],
        audit: vec![audit("n", 1), audit("n", 2)],
    };
    apply(store, good).await;
    assert_eq!(store.audit_head("n").await.unwrap(), 2);
    assert_eq!(journal(store, 0, 2).await.len(), 2);
}

async fn names_are_unique_until_destroyed(store: &Store) {
    apply(store, insert(record("a"), Vec::new(), unique("n"))).await;
    let taken = store
        .apply(insert(record("b"), Vec::new(), unique("n")))
        .await;
    assert!(matches!(taken, Err(StoreError::NameTaken)), "{taken:?}");
    apply(
        store,
        insert(
            Record {
                tenant: TenantId(2),
                ..record("b")
            },
            Vec::new(),
            unique("n"),
        ),
    )
    .await;
    for identifier in ["c", "d"] {
        let name = UniqueName {
            name: "n".to_owned(),
            distinguisher: identifier.to_owned(),
        };
        apply(store, insert(record(identifier), Vec::new(), vec![name])).await;
    }
    apply(store, insert(record("e"), Vec::new(), unique("m"))).await;
    let taken = store
        .apply(update(
            Record {
                version: 2,
                ..record("e")
            },
            Vec::new(),
            unique("n"),
        ))
        .await;
    assert!(matches!(taken, Err(StoreError::NameTaken)), "{taken:?}");
    // The name of a destroyed object is free again, even when its row still says it.
    apply(
        store,
        update(
            Record {
                version: 2,
                state: 5,
                ..record("a")
            },
            Vec::new(),
            unique("n"),
        ),
    )
    .await;
    apply(
        store,
        update(
            Record {
                version: 2,
                ..record("e")
            },
            Vec::new(),
            unique("n"),
        ),
    )
    .await;
    apply(store, insert(record("f"), Vec::new(), unique("m"))).await;
}

async fn names_move_between_objects(store: &Store) {
    apply(
        store,
        insert(
            record("a"),
            Vec::new(),
            [unique("x"), unique("y"), unique("x")].concat(),
        ),
    )
    .await;
    apply(store, insert(record("b"), Vec::new(), unique("z"))).await;
    let give = Change::Update {
        record: Record {
            version: 2,
            ..record("a")
        },
        index: Vec::new(),
        names: unique("y"),
        before: None,
    };
    let take = Change::Update {
        record: Record {
            version: 2,
            ..record("b")
        },
        index: Vec::new(),
        names: [unique("z"), unique("x")].concat(),
        before: None,
    };
    apply(
        store,
        Commit {
            changes: vec![give, take],
            audit: Vec::new(),
        },
    )
    .await;
    let back = store
        .apply(update(
            Record {
                version: 3,
                ..record("a")
            },
            Vec::new(),
            unique("x"),
        ))
        .await;
    assert!(matches!(back, Err(StoreError::NameTaken)), "{back:?}");
}

async fn entities_are_put_and_listed(store: &Store) {
    for kind in EntityKind::ALL {
        apply(store, put(entity(kind, "k", 1))).await;
        assert_eq!(
            store.entity(kind, TENANT, "k").await.unwrap(),
            Some(entity(kind, "k", 1))
        );
    }
    let twice = store.apply(put(entity(EntityKind::Role, "k", 1))).await;
    assert!(matches!(twice, Err(StoreError::Exists)), "{twice:?}");
    apply(store, put(entity(EntityKind::Role, "k", 2))).await;
    for version in [2, 4] {
        let stale = store
            .apply(put(entity(EntityKind::Role, "k", version)))
            .await;
        assert!(matches!(stale, Err(StoreError::Conflict)), "{stale:?}");
    }
    let keys = ["b", "a", "Z", "\u{e4}", "aa", ""];
    for key in keys {
        apply(store, put(entity(EntityKind::Policy, key, 1))).await;
    }
    apply(
        store,
        put(Entity {
            tenant: TenantId(0),
            ..entity(EntityKind::Policy, "zz", 1)
        }),
    )
    .await;
    let keys = |entities: Vec<Entity>| {
        entities
            .into_iter()
            .map(|entity| entity.key)
            .collect::<Vec<_>>()
    };
    let of_tenant = keys(
        store
            .entities(EntityKind::Policy, Some(TENANT))
            .await
            .unwrap(),
    );
    assert_eq!(of_tenant, ["", "Z", "a", "aa", "b", "k", "\u{e4}"]);
    let all = keys(store.entities(EntityKind::Policy, None).await.unwrap());
    assert_eq!(all, ["zz", "", "Z", "a", "aa", "b", "k", "\u{e4}"]);
}

async fn the_journal_has_every_change_in_order(store: &Store) {
    assert_eq!(store.journal_head().await.unwrap(), 0);
    apply(store, insert(record("a"), Vec::new(), Vec::new())).await;
    let put = Change::Put(entity(EntityKind::Manifest, "m", 1));
    let changed = Change::Update {
        record: Record {
            version: 2,
            ..record("a")
        },
        index: Vec::new(),
        names: Vec::new(),
        before: None,
    };
    apply(
        store,
        Commit {
            changes: vec![changed, put],
            audit: vec![audit("n", 1)],
        },
    )
    .await;
    let entries = journal(store, 0, 3).await;
    let seen: Vec<_> = entries
        .iter()
        .map(|e| (e.kind, e.tenant, e.key.as_str(), e.version))
        .collect();
    let manifest = EntityKind::Manifest as u8;
    assert_eq!(
        seen,
        [
            (0, TENANT, "a", 1),
            (0, TENANT, "a", 2),
            (manifest, TENANT, "m", 1)
        ]
    );
    assert!(entries.is_sorted_by(|a, b| a.position < b.position));
    assert!(entries[0].position > 0);
    assert_eq!(store.journal_head().await.unwrap(), entries[2].position);
    assert_eq!(
        store.journal(entries[0].position, 1).await.unwrap(),
        entries[1..2]
    );
    assert!(
        store
            .journal(entries[2].position, 9)
            .await
            .unwrap()
            .is_empty()
    );
}

async fn the_journal_skips_nothing_under_concurrency(store: &Store) {
    const WRITERS: usize = 8;
    const EACH: usize = 25;
    let write = async {
        let writers = (0..WRITERS).map(|writer| async move {
            for at in 0..EACH {
                apply(
                    store,
                    insert(
                        record(&format!("{writer}-{at}")),
                        usual_entries("x"),
                        Vec::new(),
                    ),
                )
                .await;
            }
        });
        futures_util::future::join_all(writers).await;
    };
    let tail = async {
        let (mut seen, mut position) = (Vec::new(), 0);
        while seen.len() < WRITERS * EACH {
            for entry in journal(store, position, 1).await {
                assert!(entry.position > position);
                position = entry.position;
                seen.push(entry.key);
            }
        }
        seen
    };
    let ((), mut seen) = tokio::join!(write, tail);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), WRITERS * EACH);
}

async fn audit_rows_are_listed_in_order(store: &Store) {
    assert_eq!(store.audit_head("n").await.unwrap(), 0);
    for sequence in [1, 2, 3] {
        apply(
            store,
            Commit {
                changes: Vec::new(),
                audit: vec![audit("n", sequence), audit("m", sequence)],
            },
        )
        .await;
    }
    assert_eq!(
        store.audit("n", 2, 9).await.unwrap(),
        [audit("n", 2), audit("n", 3)]
    );
    assert_eq!(store.audit("m", 0, 1).await.unwrap(), [audit("m", 1)]);
    assert_eq!(store.audit_head("m").await.unwrap(), 3);
    assert!(store.audit("x", 0, 9).await.unwrap().is_empty());
    assert_eq!(
        store.audit_leaves("n", 2, 9).await.unwrap(),
        [(2, audit("n", 2).hash), (3, audit("n", 3).hash)]
    );
    assert_eq!(store.audit_leaves("n", 0, 1).await.unwrap().len(), 1);
    store.put_checkpoint("a", 1, "text").await.unwrap();
    assert_eq!(store.audit_nodes().await.unwrap(), ["a", "m", "n"]);
}

async fn checkpoints_answer_the_newest(store: &Store) {
    assert_eq!(store.checkpoint("n").await.unwrap(), None);
    for (size, text) in [(1, "one"), (10, "ten"), (9, "nine"), (10, "ten again")] {
        store.put_checkpoint("n", size, text).await.unwrap();
    }
    let listed = |above, limit| async move {
        let listed = store.checkpoints("n", above, limit).await.unwrap();
        listed.into_iter().map(|(_, text)| text).collect::<Vec<_>>()
    };
    assert_eq!(listed(0, 9).await, ["one", "nine", "ten", "ten again"]);
    assert_eq!(listed(1, 2).await, ["nine", "ten"]);
    store.put_checkpoint("m", 99, "other").await.unwrap();
    assert_eq!(
        store.checkpoint("n").await.unwrap(),
        Some((10, "ten again".to_owned()))
    );
}

async fn scans_go_by_identifier(store: &Store) {
    for identifier in ["c", "a", "B", "d"] {
        apply(store, insert(record(identifier), Vec::new(), Vec::new())).await;
    }
    apply(
        store,
        insert(
            Record {
                tenant: TenantId(2),
                ..record("bb")
            },
            Vec::new(),
            Vec::new(),
        ),
    )
    .await;
    let keys = async |after: &str, limit| {
        let records = store.scan(TENANT, after, limit).await.unwrap();
        records
            .into_iter()
            .map(|record| record.unique_identifier)
            .collect::<Vec<_>>()
    };
    assert_eq!(keys("", 9).await, ["B", "a", "c", "d"]);
    assert_eq!(keys("a", 1).await, ["c"]);
}

async fn rows_behind_are_found_and_counted(store: &Store) {
    let under = |identifier: &str, kind, key_version, mac_version| Record {
        blob: Some(Blob {
            kind,
            key_version,
            ..record("x").blob.unwrap()
        }),
        mac_version,
        ..record(identifier)
    };
    let archived = Record {
        blob: None,
        archived: true,
        mac_version: 2,
        ..record("archived")
    };
    for row in [
        under("wrapped 1", BlobKind::Wrapped, 1, 2),
        under("wrapped 2", BlobKind::Wrapped, 2, 2),
        under("sealed 1", BlobKind::Sealed, 1, 2),
        under("mac 1", BlobKind::Sealed, 2, 1),
        // Under no key of its tenant.
        under("anchored", BlobKind::Anchored, 0, 2),
        archived,
    ] {
        apply(store, insert(row, Vec::new(), Vec::new())).await;
    }
    let behind = async |wrap, seal, mac, archived, after: &str, limit| {
        let than = Behind {
            wrap,
            seal,
            mac,
            archived,
        };
        let found = store.behind(TENANT, after, &than, limit).await.unwrap();
        let found = found.into_iter().map(|record| record.unique_identifier);
        found.collect::<Vec<_>>()
    };
    assert!(behind(1, 1, 1, false, "", 9).await.is_empty());
    assert_eq!(behind(2, 1, 1, false, "", 9).await, ["wrapped 1"]);
    assert_eq!(behind(1, 2, 1, false, "", 9).await, ["sealed 1"]);
    assert_eq!(behind(1, 1, 2, false, "", 9).await, ["mac 1"]);
    assert_eq!(behind(1, 1, 1, true, "", 9).await, ["archived"]);
    let all = ["archived", "mac 1", "sealed 1", "wrapped 1"];
    assert_eq!(behind(2, 2, 2, true, "", 9).await, all);
    assert_eq!(behind(2, 2, 2, true, "mac 1", 1).await, ["sealed 1"]);

    for (kind, tenant, key, mac_version) in [
        (EntityKind::Tenant, 1, "b", 1),
        (EntityKind::Tenant, 1, "c", 2),
        (EntityKind::Tenant, 2, "a", 1),
        (EntityKind::Identity, 1, "a", 1),
    ] {
        let row = Entity {
            kind,
            tenant: TenantId(tenant),
            key: key.to_owned(),
            version: 1,
            body: b"body".to_vec(),
            mac_version,
            mac: [1; 32],
        };
        let commit = Commit {
            changes: vec![Change::Put(row)],
            audit: Vec::new(),
        };
        apply(store, commit).await;
    }
    let (mut after, mut found) = (Place::default(), Vec::new());
    while let [row] = store
        .entities_behind(&after, 2, 1)
        .await
        .unwrap()
        .as_slice()
    {
        found.push((row.kind, row.tenant.0, row.key.clone()));
        after = Place {
            kind: row.kind as u8,
            tenant: row.tenant.0,
            key: row.key.clone(),
        };
    }
    let place = |kind, tenant, key: &str| (kind, tenant, key.to_owned());
    assert_eq!(
        found,
        [
            place(EntityKind::Tenant, 1, "b"),
            place(EntityKind::Tenant, 2, "a"),
            place(EntityKind::Identity, 1, "a"),
        ]
    );

    let tally = store.tally().await.unwrap();
    let objects: u64 = tally.objects.iter().map(|line| line.rows).sum();
    assert_eq!((tally.objects.len(), objects), (6, 6));
    let old: Vec<_> = tally
        .entities
        .iter()
        .filter(|line| line.mac_version == 1)
        .map(|line| (line.kind, line.rows))
        .collect();
    assert_eq!(
        old,
        [
            (EntityKind::Tenant as u8, 2),
            (EntityKind::Identity as u8, 1)
        ]
    );
}

async fn locate_is_newest_first_and_paged(store: &Store) {
    for at in 0..300 {
        let owner = if at % 3 == 0 { "three" } else { "other" }.to_owned();
        let index = vec![
            text(GROUP, if at < 10 { "few" } else { "many" }),
            number(LENGTH, at),
        ];
        apply(
            store,
            insert(
                Record {
                    owner,
                    ..record(&format!("o{at}"))
                },
                index,
                Vec::new(),
            ),
        )
        .await;
    }
    let group = |value: &str| Term::Matches {
        attribute: GROUP,
        name: String::new(),
        fields: vec![(0, IndexValue::Bytes(value.as_bytes().to_vec()))],
    };
    let names = |range: Vec<i32>| {
        range
            .into_iter()
            .map(|at| format!("o{at}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found(store, &filter(Vec::new())).await,
        names((0..300).rev().collect())
    );
    assert_eq!(
        found(store, &filter(vec![group("few")])).await,
        names((0..10).rev().collect())
    );
    let paged = |terms, offset, maximum| Filter {
        offset,
        maximum,
        count: true,
        ..filter(terms)
    };
    for terms in [
        vec![],
        vec![group("many")],
        vec![Term::ObjectType(2), group("many")],
    ] {
        let all = if terms.is_empty() { 300 } else { 290 };
        let page = store.locate(&paged(terms, 5, Some(3))).await.unwrap();
        assert_eq!(page.unique_identifiers, names(vec![294, 293, 292]));
        assert_eq!(page.total, Some(all));
    }
    let beyond = store
        .locate(&paged(vec![group("few")], 100, None))
        .await
        .unwrap();
    assert_eq!(
        (beyond.unique_identifiers.len(), beyond.total),
        (0, Some(10))
    );
    let none = store
        .locate(&paged(vec![group("few")], 0, Some(0)))
        .await
        .unwrap();
    assert_eq!((none.unique_identifiers.len(), none.total), (0, Some(10)));
    let owned = Filter {
        owner: Some("three".to_owned()),
        ..filter(vec![group("few")])
    };
    assert_eq!(found(store, &owned).await, names(vec![9, 6, 3, 0]));
    let range = Term::Between {
        attribute: LENGTH,
        name: String::new(),
        low: 3,
        high: 5,
    };
    assert_eq!(
        found(store, &filter(vec![range])).await,
        names(vec![5, 4, 3])
    );
    let range = Term::Between {
        attribute: LENGTH,
        name: String::new(),
        low: 3,
        high: 290,
    };
    assert_eq!(
        found(store, &filter(vec![range])).await,
        names((3..=290).rev().collect())
    );
    assert_eq!(
        found(
            store,
            &filter(vec![Term::UniqueIdentifier("o7".to_owned())])
        )
        .await,
        ["o7"]
    );
    assert!(
        found(
            store,
            &Filter {
                tenant: TenantId(2),
                ..filter(vec![group("few")])
            }
        )
        .await
        .is_empty()
    );
}

async fn locate_sees_storage_status(store: &Store) {
    for (identifier, state, archived) in [
        ("on", 2, false),
        ("off", 2, true),
        ("gone", 5, false),
        ("bad", 6, true),
        ("comp", 4, false),
    ] {
        apply(
            store,
            insert(
                Record {
                    state,
                    archived,
                    ..record(identifier)
                },
                vec![number(LENGTH, 1)],
                vec![],
            ),
        )
        .await;
    }
    let cases: [(bool, bool, bool, &[&str]); 8] = [
        (false, false, false, &[]),
        (true, false, false, &["comp", "on"]),
        (false, true, false, &["off"]),
        (false, false, true, &["bad", "gone"]),
        (true, true, false, &["comp", "off", "on"]),
        (true, false, true, &["comp", "bad", "gone", "on"]),
        (false, true, true, &["bad", "gone", "off"]),
        (true, true, true, &["comp", "bad", "gone", "off", "on"]),
    ];
    let one = Term::Matches {
        attribute: LENGTH,
        name: String::new(),
        fields: vec![(0, IndexValue::Number(1))],
    };
    for (online, archived, destroyed, expected) in cases {
        for terms in [vec![], vec![one.clone()]] {
            assert_eq!(
                found(
                    store,
                    &Filter {
                        online,
                        archived,
                        destroyed,
                        ..filter(terms)
                    }
                )
                .await,
                expected
            );
        }
    }
}

async fn locate_moves_states_by_date(store: &Store) {
    let dated = |identifier: &str, state, activation_date, deactivation_date| {
        insert(
            Record {
                state,
                activation_date,
                deactivation_date,
                ..record(identifier)
            },
            Vec::new(),
            Vec::new(),
        )
    };
    apply(store, dated("never", 1, None, None)).await;
    apply(store, dated("later", 1, Some(100), Some(200))).await;
    apply(store, dated("active", 2, Some(0), Some(200))).await;
    apply(store, dated("compromised", 4, Some(0), Some(0))).await;
    let at = async |state, now| found(store, &filter(vec![Term::State { state, now }])).await;
    assert_eq!(at(1, 99).await, ["later", "never"]);
    assert_eq!(at(2, 99).await, ["active"]);
    assert_eq!(at(1, 100).await, ["never"]);
    assert_eq!(at(2, 199).await, ["active", "later"]);
    assert_eq!(at(3, 200).await, ["active", "later"]);
    assert!(at(2, 200).await.is_empty());
    assert_eq!(at(4, 200).await, ["compromised"]);
}

async fn locate_wants_fields_in_one_instance(store: &Store) {
    let entry = |instance, field, value| IndexEntry {
        attribute: NAME,
        name: String::new(),
        instance,
        field,
        value,
    };
    let bytes = |value: &str| IndexValue::Bytes(value.as_bytes().to_vec());
    let index = vec![
        entry(0, NAME_VALUE, bytes("a")),
        entry(0, NAME_TYPE, IndexValue::Number(1)),
        entry(1, NAME_VALUE, bytes("b")),
        entry(1, NAME_TYPE, IndexValue::Number(2)),
    ];
    apply(store, insert(record("o"), index, Vec::new())).await;
    for (value, kind, hits) in [("a", 1, 1), ("b", 2, 1), ("a", 2, 0), ("b", 1, 0)] {
        let forward = vec![
            (NAME_VALUE, bytes(value)),
            (NAME_TYPE, IndexValue::Number(kind)),
        ];
        for fields in [forward.clone(), forward.into_iter().rev().collect()] {
            let term = Term::Matches {
                attribute: NAME,
                name: String::new(),
                fields,
            };
            // Twice: once it drives the search, once it is looked up.
            assert_eq!(
                found(store, &filter(vec![term.clone(), term])).await.len(),
                hits
            );
        }
    }
}

async fn locate_finds_each_object_once(store: &Store) {
    let index = |name: &str| {
        (0..5)
            .flat_map(|instance| name_entries(name, instance))
            .collect::<Vec<_>>()
    };
    apply(store, insert(record("a"), index("n"), Vec::new())).await;
    apply(
        store,
        insert(record("b"), [index("n"), index("n")].concat(), Vec::new()),
    )
    .await;
    let located = store
        .locate(&Filter {
            count: true,
            ..filter(vec![named("n")])
        })
        .await
        .unwrap();
    assert_eq!(
        (located.unique_identifiers, located.total),
        (vec!["b".to_owned(), "a".to_owned()], Some(2))
    );
}

async fn an_update_replaces_entries(store: &Store) {
    apply(store, insert(record("a"), usual_entries("old"), Vec::new())).await;
    let mut index = usual_entries("new");
    index.push(IndexEntry {
        instance: 3,
        ..text(GROUP, "more")
    });
    apply(
        store,
        update(
            Record {
                version: 2,
                ..record("a")
            },
            index.clone(),
            Vec::new(),
        ),
    )
    .await;
    assert!(found(store, &filter(vec![named("old")])).await.is_empty());
    assert_eq!(found(store, &filter(vec![named("new")])).await, ["a"]);
    index.retain(|entry| entry.attribute != NAME);
    apply(
        store,
        update(
            Record {
                version: 3,
                ..record("a")
            },
            index,
            Vec::new(),
        ),
    )
    .await;
    assert!(found(store, &filter(vec![named("new")])).await.is_empty());
    let present = |attribute| {
        filter(vec![Term::Present {
            attribute,
            name: String::new(),
        }])
    };
    assert!(found(store, &present(NAME)).await.is_empty());
    assert_eq!(found(store, &present(GROUP)).await, ["a"]);
}

async fn hostile_texts_are_only_texts(store: &Store) {
    let texts = [
        "'; DROP TABLE objects; --",
        "\" OR 1=1 --",
        "%_\\",
        "$1 ?1 :a @b",
        "nul\0inside",
        "\0",
        "schl\u{fc}ssel \u{1F511} \u{202E}abc",
        "e\u{301}",
        "\u{e9}",
        "line\r\nbreak",
        "",
    ];
    for hostile in texts {
        let entry = IndexEntry {
            name: hostile.to_owned(),
            ..text(CUSTOM, hostile)
        };
        let record = Record {
            owner: hostile.to_owned(),
            ..record(hostile)
        };
        apply(
            store,
            insert(
                record.clone(),
                [vec![entry], name_entries(hostile, 0)].concat(),
                unique(hostile),
            ),
        )
        .await;
        apply(store, put(entity(EntityKind::Identity, hostile, 1))).await;
        apply(
            store,
            Commit {
                changes: Vec::new(),
                audit: vec![audit(hostile, 1)],
            },
        )
        .await;
        store.put_checkpoint(hostile, 1, hostile).await.unwrap();
        assert_eq!(store.fetch(TENANT, hostile).await.unwrap(), Some(record));
        assert_eq!(
            store
                .entity(EntityKind::Identity, TENANT, hostile)
                .await
                .unwrap()
                .unwrap()
                .key,
            hostile
        );
        assert_eq!(
            store.audit(hostile, 0, 9).await.unwrap(),
            [audit(hostile, 1)]
        );
        assert_eq!(
            store.checkpoint(hostile).await.unwrap(),
            Some((1, hostile.to_owned()))
        );
        let custom = Term::Matches {
            attribute: CUSTOM,
            name: hostile.to_owned(),
            fields: vec![(0, IndexValue::Bytes(hostile.as_bytes().to_vec()))],
        };
        let search = Filter {
            owner: Some(hostile.to_owned()),
            ..filter(vec![named(hostile), custom])
        };
        assert_eq!(found(store, &search).await, [hostile]);
    }
    assert_eq!(
        store.scan(TENANT, "", 99).await.unwrap().len(),
        texts.len() - 1
    );
    let keys: Vec<_> = journal(store, 0, 2 * texts.len())
        .await
        .into_iter()
        .map(|entry| entry.key)
        .collect();
    assert!(
        texts
            .iter()
            .all(|hostile| keys.iter().filter(|key| key == hostile).count() == 2)
    );
}

async fn large_rows_are_kept(store: &Store) {
    let blob = Blob {
        kind: BlobKind::Sealed,
        key_version: 1,
        length: 1 << 20,
        bytes: vec![0x5A; 1 << 20],
    };
    let large = Record {
        blob: Some(blob),
        attributes: vec![1; 1 << 20],
        ..record("large")
    };
    let mut index: Vec<_> = (0..10_000)
        .map(|at| IndexEntry {
            instance: at,
            ..number(LENGTH, i64::from(at))
        })
        .collect();
    apply(store, insert(large.clone(), index.clone(), Vec::new())).await;
    assert_eq!(
        store.fetch(TENANT, "large").await.unwrap().as_ref(),
        Some(&large)
    );
    index.truncate(9_999);
    let begun = std::time::Instant::now();
    apply(
        store,
        update(
            Record {
                version: 2,
                ..large.clone()
            },
            index,
            Vec::new(),
        ),
    )
    .await;
    apply(
        store,
        update(
            Record {
                version: 3,
                ..large
            },
            Vec::new(),
            Vec::new(),
        ),
    )
    .await;
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    let last = Term::Matches {
        attribute: LENGTH,
        name: String::new(),
        fields: vec![(0, IndexValue::Number(9_999))],
    };
    assert!(found(store, &filter(vec![last])).await.is_empty());
}

async fn long_names_and_values_are_found(store: &Store) {
    for (at, length) in [255, 256, 257, 5000, 100_000].into_iter().enumerate() {
        let (long, identifier) = ("x".repeat(length), format!("o{at}"));
        let entry = IndexEntry {
            name: long.clone(),
            ..text(CUSTOM, &long)
        };
        let index = [vec![entry.clone()], name_entries(&long, 0)].concat();
        apply(
            store,
            insert(record(&identifier), index.clone(), unique(&long)),
        )
        .await;
        let again = store
            .apply(insert(record("again"), Vec::new(), unique(&long)))
            .await;
        assert!(matches!(again, Err(StoreError::NameTaken)), "{again:?}");
        let custom = Term::Matches {
            attribute: CUSTOM,
            name: long.clone(),
            fields: vec![(0, entry.value)],
        };
        let search = filter(vec![named(&long), custom]);
        assert_eq!(found(store, &search).await, [identifier.clone()]);
        assert!(search.holds(&record(&identifier), &index));
        apply(
            store,
            update(
                Record {
                    version: 2,
                    ..record(&identifier)
                },
                index,
                unique(&long),
            ),
        )
        .await;
        assert_eq!(found(store, &search).await, [identifier]);
    }
}

async fn what_is_too_large_is_refused(store: &Store) {
    let refused = |result: Result<(), StoreError>| {
        assert!(matches!(result, Err(StoreError::Unfit(_))), "{result:?}")
    };
    apply(
        store,
        insert(
            record(&"i".repeat(limit::IDENTIFIER)),
            Vec::new(),
            Vec::new(),
        ),
    )
    .await;
    refused(
        store
            .apply(insert(
                record(&"i".repeat(limit::IDENTIFIER + 1)),
                Vec::new(),
                Vec::new(),
            ))
            .await,
    );
    apply(
        store,
        put(entity(EntityKind::Mapping, &"k".repeat(limit::KEY), 1)),
    )
    .await;
    refused(
        store
            .apply(put(entity(
                EntityKind::Mapping,
                &"k".repeat(limit::KEY + 1),
                1,
            )))
            .await,
    );
    let terms = |count| filter(vec![named("x"); count]);
    assert!(found(store, &terms(limit::CONDITIONS / 2)).await.is_empty());
    refused(
        store
            .locate(&terms(limit::CONDITIONS / 2 + 1))
            .await
            .map(drop),
    );
}

async fn one_of_many_updates_wins(store: &Store) {
    apply(store, insert(record("a"), usual_entries("n"), Vec::new())).await;
    for version in 2..7 {
        let tries = (0..16).map(|at| {
            let record = Record {
                version,
                attributes: vec![at],
                ..record("a")
            };
            let sequence = version * 100 + i64::from(at);
            let audit = vec![audit("n", sequence)];
            let changes = vec![Change::Update {
                record,
                index: usual_entries(&format!("n{at}")),
                names: Vec::new(),
                before: None,
            }];
            async move { store.apply(Commit { changes, audit }).await.map(|()| at) }
        });
        let results = futures_util::future::join_all(tries).await;
        let won: Vec<_> = results.iter().flatten().collect();
        assert_eq!(won.len(), 1, "{results:?}");
        assert!(
            results
                .iter()
                .all(|result| matches!(result, Ok(_) | Err(StoreError::Conflict))),
            "{results:?}"
        );
        assert_eq!(
            store.fetch(TENANT, "a").await.unwrap().unwrap().attributes,
            [*won[0]]
        );
        assert_eq!(store.audit("n", version * 100, 99).await.unwrap().len(), 1);
        assert_eq!(
            found(store, &filter(vec![named(&format!("n{}", won[0]))])).await,
            ["a"]
        );
    }
}

async fn a_commit_may_change_a_row_twice(store: &Store) {
    let changes = vec![
        Change::Insert {
            record: record("a"),
            index: usual_entries("n"),
            names: unique("n"),
        },
        Change::Update {
            record: Record {
                version: 2,
                ..record("a")
            },
            index: usual_entries("m"),
            names: unique("m"),
            before: None,
        },
        Change::Insert {
            record: record("b"),
            index: usual_entries("n"),
            names: unique("n"),
        },
        Change::Put(entity(EntityKind::Role, "r", 1)),
        Change::Put(entity(EntityKind::Role, "r", 2)),
    ];
    apply(
        store,
        Commit {
            changes,
            audit: vec![audit("n", 1)],
        },
    )
    .await;
    assert_eq!(found(store, &filter(vec![named("m")])).await, ["a"]);
    assert_eq!(found(store, &filter(vec![named("n")])).await, ["b"]);
    assert_eq!(
        store
            .entity(EntityKind::Role, TENANT, "r")
            .await
            .unwrap()
            .unwrap()
            .version,
        2
    );
    let versions: Vec<_> = journal(store, 0, 5)
        .await
        .into_iter()
        .map(|entry| entry.version)
        .collect();
    assert_eq!(versions, [1, 2, 1, 1, 2]);
}

async fn a_line_of_commits_goes_ahead_in_order(store: &Store) {
    let line = Line::default();
    let insert = |id: &str, name: &str| insert(record(id), usual_entries(name), unique(name));
    let first = store.apply_ahead(&line, insert("a", "n"), true).await;
    // What is refused is refused at once, and takes nothing else with it.
    let taken = store.apply_ahead(&line, insert("b", "n"), true).await;
    assert!(matches!(taken, Err(StoreError::NameTaken)), "{taken:?}");
    let second = store.apply_ahead(&line, insert("c", "m"), true).await;
    // It builds on what is not durable yet.
    let next = Record {
        version: 2,
        state: 2,
        ..record("c")
    };
    let next = update(next, usual_entries("m"), unique("m"));
    let third = store.apply_ahead(&line, next, false).await;
    for applied in [first, second, third] {
        store.settle(&line, applied.unwrap()).await.unwrap();
    }
    assert!(store.fetch(TENANT, "a").await.unwrap().is_some());
    assert!(store.fetch(TENANT, "b").await.unwrap().is_none());
    let c = store.fetch(TENANT, "c").await.unwrap().unwrap();
    assert_eq!((c.version, c.state), (2, 2));
    assert_eq!(journal(store, 0, 3).await.len(), 3);
}

/// A line that says it goes on and does not: neither its own commits nor others' wait for it.
async fn a_group_waits_for_no_line_for_long(store: &Store) {
    let (silent, settled) = (Line::default(), Line::default());
    let insert = |id: &str| insert(record(id), usual_entries(id), unique(id));
    let begun = std::time::Instant::now();
    let first = store.apply_ahead(&silent, insert("a"), true).await.unwrap();
    apply(store, insert("b")).await;
    assert!(store.fetch(TENANT, "b").await.unwrap().is_some());
    let second = store
        .apply_ahead(&settled, insert("c"), true)
        .await
        .unwrap();
    store.settle(&settled, second).await.unwrap();
    assert!(store.fetch(TENANT, "c").await.unwrap().is_some());
    assert!(begun.elapsed() < Duration::from_secs(5));
    store.settle(&silent, first).await.unwrap();
}

async fn what_is_alike_is_found_whichever_way_it_is_kept(store: &Store) {
    let entry = |instance, field, value| IndexEntry {
        instance,
        field,
        ..number(CUSTOM, value)
    };
    // In a set; with a text in the same instance, which keeps it out; and too large for one.
    let plain = vec![number(LENGTH, 256), entry(0, 1, 5), entry(0, 2, 6)];
    let mut with_text = plain.clone();
    with_text.push(IndexEntry {
        field: 3,
        ..text(CUSTOM, "t")
    });
    let large = vec![number(LENGTH, 256), entry(0, 1, 5), entry(0, 2, 1 << 40)];
    for (id, index) in [
        ("a", &plain),
        ("b", &with_text),
        ("c", &large),
        ("d", &plain),
    ] {
        apply(store, insert(record(id), index.clone(), Vec::new())).await;
    }
    let custom = |fields: Vec<(u32, i64)>| Term::Matches {
        attribute: CUSTOM,
        name: String::new(),
        fields: fields
            .into_iter()
            .map(|(field, value)| (field, IndexValue::Number(value)))
            .collect(),
    };
    let length = |low, high| Term::Between {
        attribute: LENGTH,
        name: String::new(),
        low,
        high,
    };
    let same = |terms: Vec<Term>| filter(terms);
    let all = ["d", "c", "b", "a"];
    assert_eq!(found(store, &same(vec![custom(vec![(1, 5)])])).await, all);
    let both = custom(vec![(1, 5), (2, 6)]);
    assert_eq!(
        found(store, &same(vec![both.clone()])).await,
        ["d", "b", "a"]
    );
    assert_eq!(found(store, &same(vec![length(200, 300)])).await, all);
    let page = Filter {
        offset: 1,
        maximum: Some(1),
        count: true,
        ..filter(vec![length(0, i64::MAX), both.clone()])
    };
    let located = store.locate(&page).await.unwrap();
    assert_eq!(located.unique_identifiers, ["b"]);
    assert_eq!(located.total, Some(3));
    // Another tenant's set is another set.
    let other = Record {
        tenant: TenantId(2),
        ..record("e")
    };
    apply(store, insert(other, plain.clone(), Vec::new())).await;
    assert_eq!(
        found(store, &same(vec![both.clone()])).await,
        ["d", "b", "a"]
    );
    // An update leaves the set.
    let next = |id| Record {
        version: 2,
        ..record(id)
    };
    apply(store, update(next("a"), large.clone(), Vec::new())).await;
    apply(store, update(next("c"), plain.clone(), Vec::new())).await;
    assert_eq!(found(store, &same(vec![both])).await, ["d", "c", "b"]);
    let at_least = Term::AtLeast {
        attribute: CUSTOM,
        field: 2,
        low: 7,
    };
    assert_eq!(found(store, &same(vec![at_least])).await, ["a"]);
}

/// Among many commits at once some fail after they have written the most part.
async fn what_fails_takes_nothing_else_along(store: &Store) {
    apply(store, insert(record("first"), Vec::new(), unique("taken"))).await;
    let commit = |at: usize| {
        let id = at.to_string();
        let name = if at % 5 == 3 { "taken" } else { id.as_str() };
        let mut commit = insert(
            record(&format!("a{at}")),
            usual_entries(&id),
            unique(&format!("a{at}")),
        );
        let second = insert(record(&format!("b{at}")), usual_entries(&id), unique(name));
        commit.changes.extend(second.changes);
        commit.audit.push(audit(&format!("node{at}"), 1));
        commit
    };
    let single = (0..200).filter(|at| at % 2 == 0).map(|at| async move {
        let applied = store.apply(commit(at)).await;
        (at, applied)
    });
    // Two commits each, of which one or the other may fail.
    let lines = (0..200).filter(|at| at % 4 == 1).map(|at| async move {
        let line = Line::default();
        let mut ended = Vec::new();
        for (at, more) in [(at, true), (at + 2, false)] {
            let applied = store.apply_ahead(&line, commit(at), more).await;
            ended.push((at, applied));
        }
        let mut settled = Vec::new();
        for (at, applied) in ended {
            settled.push(match applied {
                Ok(applied) => (at, store.settle(&line, applied).await),
                Err(error) => (at, Err(error)),
            });
        }
        settled
    });
    let (single, lines) = tokio::join!(
        futures_util::future::join_all(single),
        futures_util::future::join_all(lines)
    );
    let all: Vec<_> = single
        .into_iter()
        .chain(lines.into_iter().flatten())
        .collect();
    assert_eq!(all.len(), 200);
    for (at, applied) in all {
        let fails = at % 5 == 3;
        assert_eq!(
            matches!(applied, Err(StoreError::NameTaken)),
            fails,
            "{at}: {applied:?}"
        );
        assert!(fails || applied.is_ok(), "{at}: {applied:?}");
        for kind in ["a", "b"] {
            let row = store.fetch(TENANT, &format!("{kind}{at}")).await.unwrap();
            assert_eq!(row.is_none(), fails, "{kind}{at}");
        }
        let hits = found(store, &filter(vec![named(&at.to_string())])).await;
        assert_eq!(hits.len(), if fails { 0 } else { 2 }, "{at}");
        let written = store.audit(&format!("node{at}"), 1, 9).await.unwrap();
        assert_eq!(written.is_empty(), fails, "{at}");
        // The names of what failed are free.
        if fails {
            let free = insert(
                record(&format!("c{at}")),
                Vec::new(),
                unique(&format!("a{at}")),
            );
            apply(store, free).await;
        }
    }
}

async fn an_update_by_who_knows_what_was_there(store: &Store) {
    const DATE: u32 = 0x42_0048;
    let index = |name: &str, length: i64, date: i64| {
        let mut index = name_entries(name, 0);
        index.push(number(LENGTH, length));
        index.push(number(DATE, 1_700_000_000 + date));
        index
    };
    let term = |attribute, value| {
        let fields = vec![(0, IndexValue::Number(value))];
        let name = String::new();
        filter(vec![Term::Matches {
            attribute,
            name,
            fields,
        }])
    };
    apply(store, insert(record("a"), index("n", 128, 0), unique("n"))).await;
    apply(store, insert(record("b"), index("o", 128, 0), unique("o"))).await;
    // What changes from one to the next: a date; nothing; a length; a Name; all; the state.
    let versions = [
        ("n", 128, 0),
        ("n", 128, 1),
        ("n", 128, 1),
        ("n", 256, 1),
        ("m", 256, 1),
        ("l", 512, 2),
        ("l", 512, 3),
    ];
    for (version, pair) in (2..).zip(versions.windows(2)) {
        let (old, new) = (pair[0], pair[1]);
        let last = version == versions.len() as i64;
        let next = Record {
            version,
            state: if last { 5 } else { 1 },
            ..record("a")
        };
        let before = (index(old.0, old.1, old.2), unique(old.0));
        let commit = update(next, index(new.0, new.1, new.2), unique(new.0));
        let commit = update_of(before, commit);
        apply(store, commit.clone()).await;
        let again = store.apply(commit).await;
        assert!(matches!(again, Err(StoreError::Conflict)), "{again:?}");
        for (name, length, date) in versions {
            let shown = |hit: bool, with_b: bool| {
                let hits = [("b", with_b), ("a", hit && !last)];
                let hits = hits.into_iter().filter(|(_, hit)| *hit);
                hits.map(|(id, _)| id.to_owned()).collect::<Vec<_>>()
            };
            let hits = found(store, &filter(vec![named(name)])).await;
            assert_eq!(hits, shown(name == new.0, false), "{version}: {name}");
            let hits = found(store, &term(LENGTH, length)).await;
            assert_eq!(
                hits,
                shown(length == new.1, length == 128),
                "{version}: {length}"
            );
            let hits = found(store, &term(DATE, 1_700_000_000 + date)).await;
            assert_eq!(hits, shown(date == new.2, date == 0), "{version}: {date}");
        }
        let row = store.fetch(TENANT, "a").await.unwrap().unwrap();
        assert_eq!((row.version, row.index_rules), (version, INDEX_RULES));
    }
    assert_eq!(journal(store, 0, 8).await.len(), 8);
    // The names it gave up are free, also the one it held when it was destroyed.
    for name in ["n", "m", "l"] {
        apply(store, insert(record(name), Vec::new(), unique(name))).await;
    }
}

async fn dates_are_found_within_and_across_seconds(store: &Store) {
    const MADE: u32 = 0x42_0039;
    const CHANGED: u32 = 0x42_0048;
    const NOW: i64 = 1_700_000_000;
    let index = |made: i64, changed: i64| vec![number(MADE, made), number(CHANGED, changed)];
    // Two in each second, and one from before 1978, whose dates are its own.
    for at in 0..6 {
        let made = NOW + at / 2;
        let commit = insert(record(&at.to_string()), index(made, made), Vec::new());
        apply(store, commit).await;
    }
    apply(store, insert(record("old"), index(-5, 77), Vec::new())).await;
    let between = |attribute, low, high| Term::Between {
        attribute,
        name: String::new(),
        low,
        high,
    };
    let within = |low, high| filter(vec![between(MADE, low, high)]);
    assert_eq!(found(store, &within(NOW, NOW)).await, ["1", "0"]);
    assert_eq!(
        found(store, &within(NOW + 1, NOW + 9)).await,
        ["5", "4", "3", "2"]
    );
    assert_eq!(
        found(store, &within(i64::MIN, NOW)).await,
        ["old", "1", "0"]
    );
    assert_eq!(found(store, &within(i64::MIN, -1)).await, ["old"]);
    let page = Filter {
        offset: 1,
        maximum: Some(2),
        count: true,
        ..within(NOW, i64::MAX)
    };
    let located = store.locate(&page).await.unwrap();
    assert_eq!(located.unique_identifiers, ["4", "3"]);
    assert_eq!(located.total, Some(6));
    // Changed twice in one second, and once more in the next; its neighbours stay.
    for (version, changed) in [(2, 5), (3, 5), (4, 6)] {
        let next = Record {
            version,
            ..record("1")
        };
        let before = if version == 2 { 0 } else { 5 };
        let commit = update(next, index(NOW, NOW + changed), Vec::new());
        let before = (index(NOW, NOW + before), Vec::new());
        apply(store, update_of(before, commit)).await;
        let both = filter(vec![
            between(MADE, NOW, NOW),
            between(CHANGED, NOW + changed, NOW + changed),
        ]);
        assert_eq!(found(store, &both).await, ["1"]);
        let stays = filter(vec![between(CHANGED, NOW, NOW + 4)]);
        assert_eq!(found(store, &stays).await, ["5", "4", "3", "2", "0"]);
    }
    assert_eq!(
        found(store, &filter(vec![between(CHANGED, NOW + 5, NOW + 5)])).await,
        [""; 0]
    );
    let present = Term::Present {
        attribute: CHANGED,
        name: String::new(),
    };
    assert_eq!(found(store, &filter(vec![present])).await.len(), 7);
}
