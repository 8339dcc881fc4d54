//! The two databases, each made at its first use: a filter on the command line spares the other.

use std::cell::OnceCell;
use std::path::Path;

use keyward::store::Store;
use tokio::runtime::Runtime;

use crate::postgres::Cluster;

pub const DATABASES: [&str; 2] = ["sqlite", "postgres"];

pub struct Databases {
    pub runtime: Runtime,
    home: tempfile::TempDir,
    cluster: OnceCell<Option<Cluster>>,
}

impl Databases {
    pub fn new() -> Databases {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build();
        Databases {
            runtime: runtime.expect("a runtime"),
            home: tempfile::tempdir().expect("a directory"),
            cluster: OnceCell::new(),
        }
    }

    /// A new database of this kind. None where there is no PostgreSQL.
    pub fn open(&self, kind: &str, name: &str) -> Option<Store> {
        let url = match kind {
            "sqlite" => format!("sqlite:{}", self.home.path().join(name).display()),
            _ => self.cluster()?.database(),
        };
        Some(self.runtime.block_on(Store::open(&url)).expect("a store"))
    }

    /// It waits for the disk, as a production's does.
    fn cluster(&self) -> Option<&Cluster> {
        let start = || match Path::new("/usr/lib/postgresql").exists() {
            true => Cluster::start(true),
            false => {
                eprintln!("PostgreSQL is not installed: not measured");
                None
            }
        };
        self.cluster.get_or_init(start).as_ref()
    }
}
