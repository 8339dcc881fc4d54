//! The audit log from requests to `verify`: on SQLite and PostgreSQL, with an embedded token.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

#[path = "../support/postgres.rs"]
mod postgres;

mod ground;

use ground::{Ground, UNDO, create, create_rotating, get, query};
use keyward::audit::merkle::leaf_hash;
use keyward::audit::record::{Record, records};
use keyward::audit::verify::Finding;
use keyward::engine::founding::FIRST_TENANT;
use keyward::engine::rotation;

async fn each(test: impl AsyncFn(Ground)) {
    test(Ground::sqlite().await).await;
    if let Some(ground) = Ground::postgres().await {
        test(ground).await;
    }
}

fn named(findings: &[Finding]) -> Vec<(i64, i64)> {
    findings
        .iter()
        .map(|finding| (finding.from, finding.to))
        .collect()
}

fn covers(findings: &[Finding], row: i64) -> bool {
    findings
        .iter()
        .any(|finding| finding.from <= row && row <= finding.to)
}

async fn all_records(ground: &Ground) -> Vec<Record> {
    let rows = ground.engine.store.audit("main", 1, 10_000).await.unwrap();
    rows.iter()
        .flat_map(|row| records(&row.body))
        .map(Option::unwrap)
        .collect()
}

/// Some batches, sealed in between: several rows under several checkpoints.
async fn fill(ground: &Ground) {
    for _ in 0..4 {
        for _ in 0..3 {
            ground.send(None, vec![create(), get("nothing")]).await;
        }
        ground.engine.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_stands_in_the_log_intent_before_outcome() {
    each(async |ground| {
        ground.send(None, vec![create()]).await;
        ground.send(None, vec![get("nothing")]).await;
        ground.engine.close().await;
        let records = all_records(&ground).await;
        let said: Vec<_> = records
            .iter()
            .map(|record| {
                (
                    record.phase.as_str(),
                    record.operation.as_str(),
                    record.result.as_str(),
                )
            })
            .collect();
        let intent = said
            .iter()
            .position(|said| *said == ("intent", "Create", "pending"))
            .unwrap();
        let outcome = said
            .iter()
            .position(|said| *said == ("outcome", "Create", "success"))
            .unwrap();
        assert!(
            said.contains(&("outcome", "Get", "ObjectNotFound")),
            "{said:?}"
        );
        assert_eq!(said.len(), 3);
        assert_eq!(records[intent].request, records[outcome].request);
        assert_eq!(records[outcome].objects.len(), 1);
        assert_eq!(records[outcome].identity, "tester");
        let rows = ground.engine.store.audit("main", 1, 100).await.unwrap();
        let place = |phase: &str| {
            let holds = |body: &[u8]| {
                keyward::audit::record::records(body)
                    .flatten()
                    .any(|r| r.phase == phase && r.operation == "Create")
            };
            rows.iter().find(|row| holds(&row.body)).unwrap().sequence
        };
        assert!(place("intent") < place("outcome"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_of_which_the_same_is_to_be_said_have_one_record() {
    const CONTINUE: u32 = 1;
    each(async |ground| {
        let batch = vec![
            query(),
            query(),
            query(),
            get("nothing"),
            get("nothing"),
            query(),
            create(),
            query(),
            query(),
        ];
        ground.send(Some(CONTINUE), batch).await;
        ground.engine.close().await;
        let mut said: Vec<_> = all_records(&ground)
            .await
            .into_iter()
            .filter(|record| record.phase == "outcome")
            .map(|record| (record.item, record.items, record.operation, record.result))
            .collect();
        said.sort();
        let expected = [
            (0, Some(3), "Query", "success"),
            // What was refused is told one by one.
            (3, None, "Get", "ObjectNotFound"),
            (4, None, "Get", "ObjectNotFound"),
            (5, None, "Query", "success"),
            // What changed something has its record in the transaction.
            (6, None, "Create", "success"),
            (7, Some(2), "Query", "success"),
        ];
        let expected = expected.map(|(item, items, operation, result)| {
            (item, items, operation.to_owned(), result.to_owned())
        });
        assert_eq!(said, expected);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_was_undone_leaves_its_records() {
    each(async |ground| {
        ground
            .send(Some(UNDO), vec![create(), get("nothing")])
            .await;
        ground.engine.close().await;
        let said: Vec<(String, String)> = all_records(&ground)
            .await
            .into_iter()
            .map(|record| (record.operation, record.result))
            .collect();
        for expected in [
            ("Create", "pending"),
            ("Get", "ObjectNotFound"),
            ("Create", "undone"),
        ] {
            assert!(
                said.contains(&(expected.0.into(), expected.1.into())),
                "{said:?}"
            );
        }
        assert_eq!(said.len(), 3);
        let report = ground.verify(&[]).await;
        assert_eq!((report.is_sound(), report.records), (true, 3));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sealed_is_proven_and_goes_on_after_a_restart() {
    each(async |mut ground| {
        fill(&ground).await;
        let first = ground.verify(&[]).await;
        assert_eq!(first.findings, []);
        assert_eq!(i64::try_from(first.sealed), Ok(first.head));
        assert_eq!((first.rows, first.checkpoints), (first.sealed, 4));
        let held = ground.anchor();
        ground.restart().await;
        fill(&ground).await;
        let second = ground.verify(&[("held", &held)]).await;
        assert_eq!(second.findings, []);
        assert!(second.sealed > first.sealed);
        assert_eq!((second.held[0].size, second.held.len()), (first.sealed, 1));
        assert!(
            second
                .key
                .unwrap()
                .starts_with(&format!("{}+", second.origin))
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_done_to_a_sealed_row_is_found() {
    each(async |ground| {
        fill(&ground).await;
        ground.unlock();
        // A body alone: the row is named.
        let body = ground.body(5).await;
        let forged = [body.as_slice(), b" "].concat();
        ground.set(5, &forged, &leaf_hash(&body));
        assert_eq!(named(&ground.verify(&[]).await.findings), [(5, 5)]);
        // With its hash: the rows between two checkpoints are named, or fewer.
        ground.set(5, &forged, &leaf_hash(&forged));
        let report = ground.verify(&[]).await;
        assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
        assert!(covers(&report.findings, 5));
        assert!(
            report.findings[0].to - report.findings[0].from < 8,
            "{:?}",
            report.findings
        );
        // The hash alone.
        ground.set(5, &body, &leaf_hash(&forged));
        assert_eq!(named(&ground.verify(&[]).await.findings), [(5, 5)]);
        ground.set(5, &body, &leaf_hash(&body));
        assert_eq!(ground.verify(&[]).await.findings, []);
        // Two rows exchanged.
        for (from, to) in [(5, -1), (6, 5), (-1, 6)] {
            ground.sql(&format!(
                "UPDATE audit SET sequence = {to} WHERE sequence = {from}"
            ));
        }
        let report = ground.verify(&[]).await;
        assert!(
            covers(&report.findings, 5) || covers(&report.findings, 6),
            "{:?}",
            report.findings
        );
        for (from, to) in [(5, -1), (6, 5), (-1, 6)] {
            ground.sql(&format!(
                "UPDATE audit SET sequence = {to} WHERE sequence = {from}"
            ));
        }
        assert_eq!(ground.verify(&[]).await.findings, []);
        // Added where no server writes, and missing; later damage is found beside it.
        ground.sql("UPDATE audit SET sequence = 0 WHERE sequence = 2");
        let last = ground.engine.audit.head();
        let forged = ground.body(last).await;
        ground.set(last, b"{}\n", &leaf_hash(&forged));
        assert_eq!(
            named(&ground.verify(&[]).await.findings),
            [(0, 0), (2, 2), (last, last)]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_cut_is_found_by_what_is_held_outside() {
    each(async |ground| {
        fill(&ground).await;
        let held = ground.anchor();
        ground.unlock();
        let sizes: Vec<i64> = ground
            .engine
            .store
            .checkpoints("main", 0, 10)
            .await
            .unwrap()
            .into_iter()
            .map(|c| c.0)
            .collect();
        // A checkpoint in the middle is gone: the next one names it.
        let whole = ground.verify(&[]).await;
        ground.sql(&format!(
            "UPDATE checkpoints SET node = {} WHERE size = {}",
            ground.text("away"),
            sizes[1]
        ));
        assert_eq!(
            named(&ground.verify(&[]).await.findings),
            [(sizes[2], sizes[2])]
        );
        ground.sql(&format!(
            "UPDATE checkpoints SET node = {} WHERE size = {}",
            ground.text("main"),
            sizes[1]
        ));
        assert_eq!(ground.verify(&[]).await.findings, []);
        // The newest rows are gone, their checkpoint is not.
        ground.sql(&format!("DELETE FROM audit WHERE sequence > {}", sizes[2]));
        assert_eq!(
            named(&ground.verify(&[]).await.findings),
            [(sizes[2] + 1, sizes[3])]
        );
        // Nor that: only who kept a checkpoint knows.
        ground.sql(&format!(
            "DELETE FROM checkpoints WHERE size = {}",
            sizes[3]
        ));
        assert_eq!(ground.verify(&[]).await.findings, []);
        let report = ground.verify(&[("held", &held)]).await;
        assert_eq!(named(&report.findings), [(sizes[2] + 1, sizes[3])]);
        assert!(report.held.is_empty() && whole.is_sound());
        // A checkpoint that somebody else signed.
        ground.sql(&format!(
            "UPDATE checkpoints SET size = {} WHERE size = {}",
            sizes[2] - 1,
            sizes[2]
        ));
        assert!(!ground.verify(&[]).await.is_sound());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_put_back_goes_on_behind_what_the_anchor_knows() {
    each(async |mut ground| {
        fill(&ground).await;
        ground.unlock();
        let size = ground.engine.audit.head();
        let held = ground.anchor();
        ground.sql("DELETE FROM audit WHERE sequence > 3");
        ground.sql("DELETE FROM checkpoints");
        ground.restart().await;
        // No number is used twice, and no row made up for those that are gone.
        ground.send(None, vec![create()]).await;
        ground.engine.close().await;
        let (sealed, _) = ground
            .engine
            .store
            .checkpoint("main")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(sealed, size + 2);
        let report = ground.verify(&[("held", &held)]).await;
        assert!(
            report
                .findings
                .iter()
                .any(|finding| (finding.from, finding.to) == (4, size)),
            "{:?}",
            report.findings
        );
        assert!(report.held.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_signed_on_top_of_a_checkpoint_that_was_not() {
    each(async |mut ground| {
        fill(&ground).await;
        ground.unlock();
        ground.sql(&format!(
            "INSERT INTO checkpoints (node, size, text) VALUES ({}, 1000, {0})",
            ground.text("main")
        ));
        ground.forget_anchor();
        ground.restart().await;
        assert!(ground.engine.sealer.is_none());
        ground.send(None, vec![create()]).await;
        ground.engine.close().await;
        assert_eq!(
            ground
                .engine
                .store
                .checkpoint("main")
                .await
                .unwrap()
                .unwrap()
                .0,
            1000
        );
        assert!(!ground.verify(&[]).await.is_sound());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_wait_for_a_database_that_is_away() {
    let Some(mut cluster) = postgres::Cluster::start(true) else {
        return;
    };
    let ground = Ground::in_cluster(&cluster).await;
    ground.send(None, vec![create()]).await;
    ground.engine.audit.flush().await;
    let before = all_records(&ground).await.len();
    cluster.crash();
    // Refused, but not forgotten.
    ground.send(None, vec![create()]).await;
    ground.send(None, vec![get("nothing")]).await;
    cluster.restart();
    ground.engine.close().await;
    let records = all_records(&ground).await;
    assert!(records.len() > before, "{records:?}");
    let report = ground.verify(&[]).await;
    assert_eq!(report.findings, []);
    assert_eq!(i64::try_from(report.sealed), Ok(ground.engine.audit.head()));
}

/// The rotation itself is tested beside it; here that the database decides between nodes, and that
/// what each of them did stands in its log.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_of_a_cluster_rotate_each_key_once_and_record_it() {
    const KEYS: usize = 12;
    let Some(ground) = Ground::postgres().await else {
        return;
    };
    for _ in 0..KEYS {
        ground.send(None, vec![create_rotating()]).await;
    }
    let nodes = [
        ground.engine.clone(),
        ground.node("second").await,
        ground.node("third").await,
    ];
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    let looks: Vec<_> = nodes
        .iter()
        .map(|node| {
            let node = node.clone();
            tokio::spawn(async move {
                let mut failed = rotation::Failed::default();
                rotation::turn(&node, &mut failed).await.unwrap()
            })
        })
        .collect();
    let mut rotated = 0;
    for look in looks {
        rotated += look.await.unwrap();
    }
    assert_eq!(rotated, KEYS as u64);
    let rows = ground.engine.store.scan(FIRST_TENANT, "", 1000).await;
    assert_eq!(rows.unwrap().len(), 2 * KEYS);
    let mut recorded = Vec::new();
    for (node, name) in nodes.iter().zip(["main", "second", "third"]) {
        node.close().await;
        let rows = node.store.audit(name, 1, 10_000).await.unwrap();
        let all = rows
            .iter()
            .flat_map(|row| records(&row.body))
            .map(Option::unwrap);
        recorded.extend(all.filter(|record| {
            record.operation == "ReKey" && record.phase == "outcome" && record.result == "success"
        }));
    }
    assert_eq!(recorded.len(), KEYS);
    for record in recorded {
        assert_eq!(
            (record.identity.as_str(), record.address.as_str()),
            ("tester", "server"),
            "the owner's rotation, by the server"
        );
        assert_eq!(record.objects.len(), 2, "the replaced key and the new one");
    }
}
