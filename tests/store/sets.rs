//! Entries that many objects have alike: rows from before there were sets, and sets that nobody has
//! any more. What stands in the tables is looked at beside the store.

use keyward::store::*;

use crate::postgres::Cluster;
use crate::samples::*;

const DATE: u32 = 0x42_0039;
const DAY: i64 = 1_700_000_000;

/// A database, asked in SQL.
enum Raw {
    Sqlite(tempfile::TempDir),
    Postgres(&'static Cluster, String),
}

impl Raw {
    fn all() -> Vec<Raw> {
        let mut all = vec![Raw::Sqlite(tempfile::tempdir().unwrap())];
        all.extend(
            crate::postgres::shared().map(|cluster| Raw::Postgres(cluster, cluster.database())),
        );
        all
    }

    fn url(&self) -> String {
        match self {
            Raw::Sqlite(directory) => directory.path().join("store.db").display().to_string(),
            Raw::Postgres(_, url) => url.clone(),
        }
    }

    /// The text for this one of the two.
    fn either<'a>(&self, sqlite: &'a str, postgres: &'a str) -> &'a str {
        match self {
            Raw::Sqlite(_) => sqlite,
            Raw::Postgres(..) => postgres,
        }
    }

    /// Runs statements, or one SELECT: the text in its first column.
    fn run(&self, sql: &str) -> String {
        match self {
            Raw::Sqlite(_) => {
                let file = rusqlite::Connection::open(self.url()).unwrap();
                if !sql.starts_with("SELECT") {
                    file.execute_batch(sql).unwrap();
                    return String::new();
                }
                file.query_row(sql, [], |row| row.get(0)).unwrap()
            }
            Raw::Postgres(cluster, url) => cluster.sql(url.rsplit('/').next().unwrap(), sql),
        }
    }

    fn count(&self, of: &str) -> i64 {
        let sql = format!("SELECT CAST(count(*) AS text) FROM {of}");
        self.run(&sql).parse().unwrap()
    }

    /// Makes it as the server of `version` did, with the history that `new` has of that.
    fn migrate(&self, new: &Raw, version: u32) {
        let path = self.either("migrations/sqlite", "migrations/postgres");
        let file = std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                name.starts_with(&format!("V{version}__"))
            });
        self.run(
            "CREATE TABLE IF NOT EXISTS refinery_schema_history \
             (version int4 PRIMARY KEY, name varchar(255), applied_on varchar(255), checksum varchar(255))",
        );
        self.run(&std::fs::read_to_string(file.unwrap()).unwrap());
        let column = |name: &str| {
            new.run(&format!(
                "SELECT {name} FROM refinery_schema_history WHERE version = {version}"
            ))
        };
        self.run(&format!(
            "INSERT INTO refinery_schema_history VALUES ({version}, '{}', '{}', '{}')",
            column("name"),
            column("applied_on"),
            column("checksum")
        ));
    }

    /// The row of an object without dates or blob.
    fn object(&self, id: &str, columns: &str, values: &str) {
        let (digest, archived) = (
            self.either("zeroblob(32)", "decode(repeat('00', 32), 'hex')"),
            self.either("0", "false"),
        );
        self.run(&format!(
            "INSERT INTO objects (tenant, unique_identifier, owner, version, object_type, class, state, archived, \
             mac_version, mac, attributes{columns}) \
             VALUES (1, '{id}', 'o', 1, 2, 1, 1, {archived}, 1, {digest}, {digest}{values})"
        ));
    }

    fn number(&self, object: i64, attribute: u32, field: u32, number: i64) {
        self.entry(object, (attribute, field), &number.to_string(), None);
    }

    fn entry(&self, object: i64, (attribute, field): (u32, u32), number: &str, text: Option<&str>) {
        let (value, values) = match (self, text) {
            (Raw::Sqlite(_), None) => ("value", number.to_owned()),
            (Raw::Sqlite(_), Some(text)) => ("value", format!("CAST('{text}' AS BLOB)")),
            (Raw::Postgres(..), None) => ("number, bytes", format!("{number}, ''")),
            (Raw::Postgres(..), Some(text)) => (
                "number, bytes",
                format!("0, '\\x01'::bytea || '{text}'::bytea"),
            ),
        };
        self.run(&format!(
            "INSERT INTO entries (object, tenant, attribute, name, instance, field, {value}) \
             VALUES ({object}, 1, {attribute}, '', 0, {field}, {values})"
        ));
    }

    fn name(&self, object: i64, name: &str) {
        self.number(object, NAME, NAME_TYPE, 1);
        self.entry(object, (NAME, NAME_VALUE), "", Some(name));
        self.run(&format!(
            "INSERT INTO names VALUES (1, '{name}', '', {object})"
        ));
    }
}

fn between(low: i64, high: i64) -> Term {
    Term::Between {
        attribute: DATE,
        name: String::new(),
        low,
        high,
    }
}

fn length(length: i64) -> Term {
    Term::Matches {
        attribute: LENGTH,
        name: String::new(),
        fields: vec![(0, IndexValue::Number(length))],
    }
}

async fn found(store: &Store, term: Term) -> Vec<String> {
    let located = store.locate(&filter(vec![term])).await.unwrap();
    located.unique_identifiers
}

fn entries(name: &str, date: i64) -> Vec<IndexEntry> {
    let mut entries = name_entries(name, 0);
    entries.extend([number(LENGTH, 256), number(DATE, date)]);
    entries
}

async fn all_are_found(store: &Store, changed: &str) {
    assert_eq!(found(store, length(256)).await, ["b", "a"], "{changed}");
    assert_eq!(found(store, named("first")).await, ["a"], "{changed}");
    assert_eq!(found(store, named("second")).await, ["b"], "{changed}");
    assert_eq!(found(store, between(DAY, DAY)).await, ["a"], "{changed}");
    let both = found(store, between(DAY, DAY + 5)).await;
    assert_eq!(both, ["b", "a"], "{changed}");
}

/// Of V1 all entries are the object's own, of V2 dates, and what stands beside a text.
#[tokio::test(flavor = "multi_thread")]
async fn older_rows_are_found_and_moved() {
    for (old, new) in Raw::all().into_iter().zip(Raw::all()) {
        Store::open(&new.url()).await.unwrap().close().await;
        old.migrate(&new, 1);
        old.object("a", "", "");
        old.name(1, "first");
        old.number(1, LENGTH, 0, 256);
        old.number(1, DATE, 0, DAY);
        old.migrate(&new, 2);
        old.object("b", ", alike", ", -1");
        let digest = old.either("x'00'", "'0'");
        old.run(&format!(
            "INSERT INTO alike (tenant, digest) VALUES (1, {digest})"
        ));
        old.number(-1, LENGTH, 0, 256);
        old.name(2, "second");
        old.number(2, DATE, 0, DAY + 5);

        let store = Store::open(&old.url()).await.unwrap();
        assert_eq!(old.count("entries WHERE object > 0"), 7);
        all_are_found(&store, "nothing").await;
        for (id, name, date) in [("a", "first", DAY), ("b", "second", DAY + 5)] {
            let rules = || async { store.fetch(TENANT, id).await.unwrap().unwrap().index_rules };
            assert_eq!(rules().await, 0);
            let next = Record {
                version: 2,
                ..record(id)
            };
            let next = update(next, entries(name, date), unique(name));
            store.apply(next).await.unwrap();
            assert_eq!(rules().await, INDEX_RULES);
            all_are_found(&store, id).await;
        }
        assert_eq!(old.count("entries WHERE object > 0"), 2, "their names");
        // What was moved is updated without a look at what is there.
        let next = Record {
            version: 3,
            ..record("a")
        };
        let next = update(next, entries("first", DAY + 1), unique("first"));
        let before = (entries("first", DAY), unique("first"));
        store.apply(update_of(before, next)).await.unwrap();
        assert_eq!(found(&store, between(DAY, DAY)).await, [""; 0]);
        assert_eq!(found(&store, between(DAY + 1, DAY + 1)).await, ["a"]);
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sets_that_nobody_has_are_deleted() {
    const CHANGES: i64 = 3_000;
    for raw in Raw::all() {
        let store = Store::open(&raw.url()).await.unwrap();
        for (id, date) in [("kept", DAY), ("moving", DAY + 1)] {
            let made = insert(record(id), vec![number(DATE, date)], Vec::new());
            store.apply(made).await.unwrap();
        }
        for version in 2..=CHANGES {
            let index = |version| vec![number(DATE, DAY + version)];
            let next = Record {
                version,
                ..record("moving")
            };
            let next = update(next, index(version), Vec::new());
            let before = (index(version - 1), Vec::new());
            store.apply(update_of(before, next)).await.unwrap();
            if version == CHANGES / 2 && matches!(raw, Raw::Postgres(..)) {
                // No node can be about to name what was asked for so long ago.
                raw.run("UPDATE alike SET used = now() - interval '4 hours'");
            }
        }
        // In SQLite the young ones stay, in PostgreSQL those that were asked for lately.
        let left = raw.count("alike");
        let most: i64 = raw.either("1040", "1520").parse().unwrap();
        assert!(left < most, "{left} in {}", raw.url());
        assert_eq!(raw.count("entries"), left, "one for each");
        assert_eq!(found(&store, between(0, DAY)).await, ["kept"]);
        let last = DAY + CHANGES;
        assert_eq!(found(&store, between(last, last)).await, ["moving"]);
        assert_eq!(found(&store, between(DAY + 1, last - 1)).await, [""; 0]);
        store.close().await;
    }
}

/// The set that a new object names may have been nobody's until this moment, and old.
#[tokio::test(flavor = "multi_thread")]
async fn a_set_is_not_deleted_while_it_is_being_named() {
    const CHANGES: i64 = 1_100;
    for raw in Raw::all() {
        let store = Store::open(&raw.url()).await.unwrap();
        let index = |length, date| vec![number(LENGTH, length), number(DATE, date)];
        for (id, length) in [("first", 256), ("other", 512)] {
            let made = insert(record(id), index(length, DAY), Vec::new());
            store.apply(made).await.unwrap();
        }
        for version in 2..=CHANGES {
            // The last leaves its set to nobody, and makes none.
            let (length, date) = match version {
                CHANGES => (512, DAY + version - 1),
                _ => (256, DAY + version),
            };
            let next = Record {
                version,
                ..record("first")
            };
            let next = update(next, index(length, date), Vec::new());
            store.apply(next).await.unwrap();
        }
        assert_eq!(found(&store, length(256)).await, [""; 0]);
        let made = insert(record("new"), index(256, 2 * DAY), Vec::new());
        store.apply(made).await.unwrap();
        assert_eq!(found(&store, length(256)).await, ["new"], "{}", raw.url());
        store.close().await;
    }
}

/// A set that is old enough to be deleted is asked for again, and then it is young.
#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_is_named_again_is_kept() {
    let Some(cluster) = crate::postgres::shared() else {
        return;
    };
    let raw = Raw::Postgres(cluster, cluster.database());
    let first = Store::open(&raw.url()).await.unwrap();
    let dated = |id: &str, date| insert(record(id), vec![number(DATE, date)], Vec::new());
    first.apply(dated("a", DAY)).await.unwrap();
    let moved = Record {
        version: 2,
        ..record("a")
    };
    let moved = update(moved, vec![number(DATE, DAY + 1)], Vec::new());
    first.apply(moved).await.unwrap();
    raw.run("UPDATE alike SET used = now() - interval '4 hours'");
    // Another node, which has not asked for it yet.
    let second = Store::open(&raw.url()).await.unwrap();
    second.apply(dated("b", DAY)).await.unwrap();
    assert_eq!(
        raw.count("alike WHERE used > now() - interval '1 minute'"),
        1
    );
    for at in 2..9 {
        first.apply(dated(&at.to_string(), DAY + at)).await.unwrap();
    }
    assert_eq!(found(&second, between(DAY, DAY)).await, ["b"]);
    assert_eq!(found(&second, between(DAY + 1, DAY + 1)).await, ["a"]);
}
