//! Rates, measured on demand: `cargo test --release --test store speed -- --ignored --nocapture --test-threads=1`

use std::time::Instant;

use keyward::store::*;

use crate::samples::*;

const CALLERS: usize = 64;
const EACH: usize = 200;

async fn measure(title: &str, store: &Store) {
    for callers in [1, CALLERS] {
        let begun = Instant::now();
        let callers_done = (0..callers).map(|caller| async move {
            for at in 1..=EACH {
                let id = format!("{callers}-{caller}-{at}");
                let insert = Change::Insert {
                    record: record(&id),
                    index: usual_entries(&id),
                    names: unique(&id),
                };
                let node = format!("{callers}-{caller}");
                let commit = Commit {
                    changes: vec![insert],
                    audit: vec![audit(&node, at as i64)],
                };
                store.apply(commit).await.unwrap();
            }
        });
        futures_util::future::join_all(callers_done).await;
        let rate = (callers * EACH) as f64 / begun.elapsed().as_secs_f64();
        println!("{title}: {rate:.0} creates/s with {callers} callers");
    }
    let begun = Instant::now();
    for at in 1..=EACH {
        let id = format!("64-1-{at}");
        store
            .apply(update(
                Record {
                    version: 2,
                    state: 2,
                    ..record(&id)
                },
                usual_entries(&id),
                unique(&id),
            ))
            .await
            .unwrap();
    }
    println!(
        "{title}: {:.0} activates/s with 1 caller",
        EACH as f64 / begun.elapsed().as_secs_f64()
    );
    let each = |begun: Instant, count: usize| begun.elapsed().as_secs_f64() * 1e6 / count as f64;
    let begun = Instant::now();
    for at in 0..10_000 {
        assert!(
            store
                .fetch(TENANT, &format!("64-{}-{}", at % 64, at % EACH + 1))
                .await
                .unwrap()
                .is_some()
        );
    }
    println!("{title}: fetch {:.1} us", each(begun, 10_000));
    let mut filled = 0;
    for objects in [1_000, 100_000, 1_000_000] {
        crate::plans::fill(store, filled..objects).await;
        filled = objects;
        let begun = Instant::now();
        for at in 0..5_000 {
            let name = format!("name-{}", at * 17 % objects);
            let found = store.locate(&filter(vec![named(&name)])).await.unwrap();
            assert_eq!(found.unique_identifiers.len(), 1);
        }
        let each = each(begun, 5_000);
        println!("{title}: locate by name among {objects}: {each:.1} us");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path().join("store.db").to_str().unwrap())
        .await
        .unwrap();
    measure("SQLite", &store).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn postgres() {
    let Some(cluster) = crate::postgres::Cluster::start(std::env::var_os("KEYWARD_LAZY").is_none())
    else {
        return;
    };
    measure(
        "PostgreSQL",
        &Store::open(&cluster.database()).await.unwrap(),
    )
    .await;
}
