//! Databases that are not what they should be, and attempts to do what nobody may.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use keyward::store::*;

use crate::samples::*;

async fn refused(url: &str) -> String {
    match Store::open(url).await {
        Err(StoreError::Damaged(text)) => text,
        other => panic!("{other:?}"),
    }
}

fn one() -> Commit {
    let insert = Change::Insert {
        record: record("a"),
        index: usual_entries("n"),
        names: unique("n"),
    };
    Commit {
        changes: vec![insert],
        audit: vec![audit("n", 1)],
    }
}

#[tokio::test]
async fn sqlite_files_are_the_servers_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let mode = |name: &str| {
        std::fs::metadata(directory.path().join(name))
            .map(|file| file.permissions().mode() & 0o777)
            .unwrap()
    };
    let store = Store::open(path.to_str().unwrap()).await.unwrap();
    store.apply(one()).await.unwrap();
    for name in ["store.db", "store.db-wal", "store.db-shm"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    store.close().await;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    drop(Store::open(path.to_str().unwrap()).await.unwrap());
    assert_eq!(mode("store.db"), 0o600);
}

#[tokio::test]
async fn sqlite_refuses_what_is_not_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let url = format!("sqlite:{}", path.display());
    let nowhere = Store::open(directory.path().join("no/store.db").to_str().unwrap()).await;
    assert!(
        matches!(nowhere, Err(StoreError::Unavailable(_))),
        "{nowhere:?}"
    );
    Store::open(&url).await.unwrap().close().await;
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute("UPDATE refinery_schema_history SET checksum = '1'", [])
        .unwrap();
    assert!(refused(&url).await.contains("another build"));
    raw.execute_batch(
        "DELETE FROM refinery_schema_history WHERE version > 1; UPDATE refinery_schema_history SET version = 999",
    )
    .unwrap();
    assert!(refused(&url).await.contains("newer server"));
    let foreign = directory.path().join("foreign.db");
    rusqlite::Connection::open(&foreign)
        .unwrap()
        .execute("CREATE TABLE t (a)", [])
        .unwrap();
    assert!(
        refused(foreign.to_str().unwrap())
            .await
            .contains("another program")
    );
    let text = directory.path().join("text.db");
    std::fs::write(
        &text,
        "not a database, but long enough to be looked at".repeat(100),
    )
    .unwrap();
    assert!(
        refused(text.to_str().unwrap())
            .await
            .contains("not a database")
    );
}

#[tokio::test]
async fn sqlite_rows_that_make_no_sense_are_damage() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = Store::open(path.to_str().unwrap()).await.unwrap();
    store.apply(one()).await.unwrap();
    store
        .apply(put(entity(EntityKind::Role, "r", 1)))
        .await
        .unwrap();
    let raw = rusqlite::Connection::open(&path).unwrap();
    for change in [
        "class = 77",
        "class = 1, mac = x'00'",
        "mac = zeroblob(32), state = -1",
        "state = 1, blob_kind = 9",
    ] {
        raw.execute(&format!("UPDATE objects SET {change}"), [])
            .unwrap();
        let fetched = store.fetch(TENANT, "a").await;
        assert!(
            matches!(fetched, Err(StoreError::Damaged(_))),
            "{change}: {fetched:?}"
        );
    }
    raw.execute("UPDATE entities SET kind = 99", []).unwrap();
    assert_eq!(
        store.entity(EntityKind::Role, TENANT, "r").await.unwrap(),
        None
    );
}

#[tokio::test]
async fn sqlite_keeps_what_was_written_down() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = Store::open(path.to_str().unwrap()).await.unwrap();
    store.apply(one()).await.unwrap();
    store.put_checkpoint("n", 1, "text").await.unwrap();
    let raw = rusqlite::Connection::open(&path).unwrap();
    for table in ["audit", "checkpoints"] {
        for sql in [
            format!("UPDATE {table} SET node = 'x'"),
            format!("DELETE FROM {table}"),
        ] {
            let error = raw.execute(&sql, []).unwrap_err().to_string();
            assert!(error.contains("never"), "{error}");
        }
    }
    assert_eq!(store.audit("n", 1, 9).await.unwrap(), [audit("n", 1)]);
}

fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

#[tokio::test]
async fn postgres_refuses_what_is_not_its_own() {
    let Some(cluster) = crate::postgres::shared() else {
        return;
    };
    let url = cluster.database();
    drop(Store::open(&url).await.unwrap());
    cluster.sql(
        name(&url),
        "UPDATE refinery_schema_history SET checksum = '1'",
    );
    assert!(refused(&url).await.contains("another build"));
    cluster.sql(
        name(&url),
        "DELETE FROM refinery_schema_history WHERE version > 1; UPDATE refinery_schema_history SET version = 999",
    );
    assert!(refused(&url).await.contains("newer server"));
    let lazy = cluster.database();
    cluster.sql(
        "postgres",
        &format!(
            "ALTER DATABASE {} SET synchronous_commit = off",
            name(&lazy)
        ),
    );
    assert!(refused(&lazy).await.contains("synchronous_commit"));
    for bad in [
        format!("{url}x"),
        "postgres://nobody@127.0.0.1:1/x".to_owned(),
        "postgres://?".to_owned(),
    ] {
        let begun = Instant::now();
        let opened = Store::open(&bad).await;
        assert!(opened.is_err(), "{bad}");
        assert!(begun.elapsed() < Duration::from_secs(6));
    }
}

#[tokio::test]
async fn postgres_keeps_what_was_written_down() {
    let Some(cluster) = crate::postgres::shared() else {
        return;
    };
    let url = cluster.database();
    let database = name(&url);
    // Another test, or an earlier one, may have made it.
    drop(cluster.try_sql("postgres", "postgres", "CREATE ROLE keyward LOGIN"));
    let options = Options {
        url: cluster.url("keyward", database),
        migrate_url: Some(url.clone()),
        connections: 2,
    };
    let denied = Store::open(&options.url).await;
    assert!(matches!(denied, Err(StoreError::Damaged(_))), "{denied:?}");
    let store = Store::open_with(&options).await.unwrap();
    store.apply(one()).await.unwrap();
    store
        .apply(update(
            Record {
                version: 2,
                ..record("a")
            },
            Vec::new(),
            Vec::new(),
        ))
        .await
        .unwrap();
    store
        .apply(put(entity(EntityKind::Role, "r", 1)))
        .await
        .unwrap();
    store
        .apply(put(entity(EntityKind::Role, "r", 2)))
        .await
        .unwrap();
    store.put_checkpoint("n", 1, "text").await.unwrap();
    assert_eq!(store.fetch(TENANT, "a").await.unwrap().unwrap().version, 2);
    for table in ["audit", "checkpoints"] {
        for change in [
            format!("UPDATE {table} SET node = 'x'"),
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table}"),
        ] {
            let error = cluster.try_sql("keyward", database, &change).unwrap_err();
            assert!(error.contains("permission denied"), "{error}");
            let error = cluster.try_sql("postgres", database, &change).unwrap_err();
            assert!(error.contains("never changed or deleted"), "{error}");
        }
    }
    for change in [
        "DELETE FROM objects",
        "UPDATE journal SET version = 1",
        "DROP TABLE audit",
        "SELECT keyward_grant('keyward')",
    ] {
        assert!(
            cluster.try_sql("keyward", database, change).is_err(),
            "{change}"
        );
    }
    // A server's role that may not migrate opens what is migrated.
    drop(Store::open(&options.url).await.unwrap());
}

#[tokio::test]
async fn postgres_recovers_from_lost_connections() {
    let Some(cluster) = crate::postgres::shared() else {
        return;
    };
    let url = cluster.database();
    let store = Store::open(&url).await.unwrap();
    store.apply(one()).await.unwrap();
    for _ in 0..3 {
        let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() \
                   AND pid <> pg_backend_pid()";
        cluster.sql(name(&url), end);
        let begun = Instant::now();
        loop {
            match store.fetch(TENANT, "a").await {
                Ok(Some(_)) => break,
                Err(StoreError::Unavailable(_)) if begun.elapsed() < Duration::from_secs(5) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn postgres_lifts_the_journal_above_a_restored_one() {
    let Some(cluster) = crate::postgres::shared() else {
        return;
    };
    let url = cluster.database();
    drop(Store::open(&url).await.unwrap());
    // As after a restore into a cluster that counts its transactions from the beginning.
    let later = "INSERT INTO journal VALUES ((pg_current_xact_id()::text::bigint + 5000) << 20, 0, 1, 'old', 1)";
    cluster.sql(name(&url), later);
    for version in 1..3 {
        let store = Store::open(&url).await.unwrap();
        store
            .apply(put(entity(EntityKind::Role, "r", version)))
            .await
            .unwrap();
        let begun = Instant::now();
        let entries = loop {
            let entries = store.journal(0, 9).await.unwrap();
            if entries.len() as i64 == version + 1 || begun.elapsed() > Duration::from_secs(10) {
                break entries;
            }
        };
        assert_eq!(entries[0].key, "old");
        assert_eq!(entries.last().map(|entry| entry.version), Some(version));
    }
}
