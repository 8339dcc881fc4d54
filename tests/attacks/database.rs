//! The database of a server under test, as somebody sees it who can write to it.

use std::path::PathBuf;

use crate::postgres;
use crate::process::{Server, Setup};

pub enum Database {
    Sqlite(PathBuf),
    Postgres(&'static postgres::Cluster, String),
}

impl Database {
    pub fn run(&self, sql: &str) {
        match self {
            Database::Sqlite(path) => {
                let connection = rusqlite::Connection::open(path).unwrap();
                connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
                connection.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
            }
            Database::Postgres(cluster, name) => {
                cluster.sql(name, sql);
            }
        }
    }

    /// A number that a query answers.
    pub fn number(&self, sql: &str) -> i64 {
        match self {
            Database::Sqlite(path) => {
                let connection = rusqlite::Connection::open(path).unwrap();
                connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
                connection.query_row(sql, [], |row| row.get(0)).unwrap()
            }
            Database::Postgres(cluster, name) => cluster.sql(name, sql).parse().unwrap(),
        }
    }

    /// A text as the column types have it.
    pub fn text(&self, text: &str) -> String {
        match self {
            Database::Sqlite(_) => format!("'{text}'"),
            Database::Postgres(..) => format!("'\\x{}'::bytea", hex::encode(text)),
        }
    }

    pub fn bytes(&self, bytes: &[u8]) -> String {
        match self {
            Database::Sqlite(_) => format!("x'{}'", hex::encode(bytes)),
            Database::Postgres(..) => format!("'\\x{}'::bytea", hex::encode(bytes)),
        }
    }
}

/// Runs a test with a server on SQLite and with one on PostgreSQL.
pub fn on_both(test: impl Fn(&mut Server, &Database)) {
    let mut server = Server::start(Setup::default());
    let database = Database::Sqlite(server.directory().join("keyward.db"));
    test(&mut server, &database);
    assert!(server.is_alive());
    let Some(cluster) = postgres::shared() else { return };
    let url = cluster.database();
    let name = url.rsplit('/').next().unwrap().to_owned();
    let mut server = Server::start(Setup { database: Some(url), ..Setup::default() });
    test(&mut server, &Database::Postgres(cluster, name));
    assert!(server.is_alive());
}
