//! Searches among 100,000 objects walk along the right index, and end when the page is full.

use keyward::store::*;

use crate::samples::*;

const OBJECTS: usize = 100_000;
/// When the first ten objects were made; each second has ten.
const DATE: i64 = 1_700_000_000;

/// Objects with a Name, a length and a group; of 20,000 one has a length and a group of its own.
pub async fn fill(store: &Store, objects: std::ops::Range<usize>) {
    for chunk in objects.collect::<Vec<_>>().chunks(1000) {
        let changes = chunk.iter().map(|at| {
            let mut index = name_entries(&format!("name-{at}"), 0);
            index.push(number(LENGTH, if at % 20_000 == 7 { 128 } else { 256 }));
            index.push(text(GROUP, if at % 20_000 == 7 { "rare" } else { "usual" }));
            index.push(number(0x42_0100, DATE + (*at / 10) as i64));
            Change::Insert {
                record: record(&format!("o{at}")),
                index,
                names: unique(&format!("name-{at}")),
            }
        });
        store
            .apply(Commit {
                changes: changes.collect(),
                audit: Vec::new(),
            })
            .await
            .unwrap();
    }
}

fn group(value: &str) -> Term {
    let fields = vec![(0, IndexValue::Bytes(value.as_bytes().to_vec()))];
    Term::Matches {
        attribute: GROUP,
        name: String::new(),
        fields,
    }
}

/// Searches of all kinds, their hits, and whether the index of values has to drive them.
fn searches() -> Vec<(Filter, usize, bool)> {
    let some = |terms| Filter {
        maximum: Some(10),
        ..filter(terms)
    };
    let dates = |low, high| Term::Between {
        attribute: 0x42_0100,
        name: String::new(),
        low: DATE + low,
        high: DATE + high,
    };
    let length = |length| Term::Matches {
        attribute: LENGTH,
        name: String::new(),
        fields: vec![(0, IndexValue::Number(length))],
    };
    vec![
        (filter(vec![named("name-77777")]), 1, true),
        (
            filter(vec![Term::ObjectType(2), named("name-5"), group("usual")]),
            1,
            true,
        ),
        (filter(vec![group("usual"), named("name-5")]), 1, true),
        (filter(vec![group("rare")]), 5, true),
        (filter(vec![named("none")]), 0, true),
        (filter(vec![dates(500, 509)]), 100, true),
        (some(vec![dates(0, 9_000)]), 10, false),
        (some(vec![group("usual")]), 10, false),
        (filter(vec![length(128)]), 5, true),
        (some(vec![length(256)]), 10, false),
        (some(vec![]), 10, false),
        (
            some(vec![Term::State { state: 1, now: 0 }, Term::ObjectType(2)]),
            10,
            false,
        ),
        (
            filter(vec![
                Term::UniqueIdentifier("o77".to_owned()),
                group("usual"),
            ]),
            1,
            false,
        ),
    ]
}

async fn check(store: &Store, scans: &[&str], value_index: &str) {
    for (filter, hits, driven) in searches() {
        let located = store.locate(&filter).await.unwrap();
        let plan = store.explain(&filter).await.unwrap();
        assert_eq!(located.unique_identifiers.len(), hits, "{filter:?}");
        // A handful of rows in a range or of sets are sorted.
        let ranged = plan.contains("value>? AND value<?") || plan.contains("UNION");
        assert!(
            ranged || scans.iter().all(|scan| !plan.contains(scan)),
            "{filter:?}\n{plan}"
        );
        assert!(!driven || plan.contains(value_index), "{filter:?}\n{plan}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_does_not_scan() {
    let store = Store::open("sqlite::memory:").await.unwrap();
    fill(&store, 0..OBJECTS).await;
    check(&store, &["SCAN", "TEMP B-TREE"], "entries_value").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_does_not_scan() {
    let Some(cluster) = crate::postgres::shared() else {
        return;
    };
    let url = cluster.database();
    let store = Store::open(&url).await.unwrap();
    fill(&store, 0..OBJECTS).await;
    // Before the database has statistics, and with them.
    check(&store, &["Seq Scan"], "entries_value").await;
    cluster.sql(url.rsplit('/').next().unwrap(), "ANALYZE");
    check(&store, &["Seq Scan"], "entries_value").await;
}
