//! The store in one SQLite file, for one node.
//!
//! One thread writes: it takes what waits, applies each commit whole or not at all and ends them all
//! with one COMMIT, so that one fsync serves many callers (WAL, `synchronous=FULL`). Short reads
//! run on the caller's thread, for a hop to another one costs more than they do; searches and
//! lists run on threads that may block, over connections of their own.

mod change;
mod read;
mod rows;
mod search;
mod sets;
mod tally;
mod write;

use std::fs::{File, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::ahead::{Applied, Line};
use super::filter::{Filter, Located};
use super::limit;
use super::record::{AuditRow, Commit, Entity, EntityKind, JournalEntry, Record, TenantId};
use super::schema;
use super::tally::{Behind, Place, Tally};
use super::verbs::StoreError;
use write::Job;

mod migrations {
    #![allow(clippy::all, unreachable_pub, reason = "generated")]
    refinery::embed_migrations!("migrations/sqlite");
}

/// Callers that may wait for the writer; more wait for a place in the queue.
const QUEUE: usize = 256;
/// How long one process waits for another one's lock on the file (the command line beside the server).
const BUSY: Duration = Duration::from_secs(10);
/// Statements each connection keeps prepared; searches come in more shapes than other reads.
const STATEMENTS: usize = 64;

#[derive(Debug)]
pub struct Sqlite {
    /// None once closing has begun.
    jobs: Option<flume::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
    point: Connections,
    scan: Connections,
}

/// Connections for reading, taken by whoever finds one free.
#[derive(Clone, Debug)]
struct Connections(Arc<[Arc<Mutex<Connection>>]>);

impl Connections {
    /// The first free one: under little load always the same, whose statements and pages are warm.
    fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let free = self
            .0
            .iter()
            .find_map(|connection| connection.try_lock().ok());
        match (free, self.0.first()) {
            (Some(connection), _) => read(&connection),
            (None, Some(connection)) => read(&lock(connection)),
            (None, None) => Err(StoreError::Unavailable("no connection".to_owned())),
        }
    }

    async fn spawn<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connections = self.clone();
        let done = tokio::task::spawn_blocking(move || connections.with(read)).await;
        done.map_err(|_| StoreError::Unavailable("the read was interrupted".to_owned()))?
    }
}

/// A panic while reading leaves nothing half done in a connection.
fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sqlite {
    /// Opens or creates the file at `path` (mode 0600); `:memory:` keeps nothing.
    ///
    /// # Errors
    /// `Unavailable` when the file cannot be opened, `Damaged` when it is not a store of our version.
    pub fn open(path: &str) -> Result<Sqlite, StoreError> {
        let memory = path == ":memory:";
        if !memory {
            create(Path::new(path))?;
        }
        let mut writer = connect(path)?;
        migrate(&mut writer)?;
        let writer = Arc::new(Mutex::new(writer));
        let readers = |count: usize| -> Result<Connections, StoreError> {
            // A database in memory is its one connection: readers take turns with the writer.
            if memory {
                return Ok(Connections(Arc::from([Arc::clone(&writer)])));
            }
            let open = (0..count).map(|_| reader(path).map(|reader| Arc::new(Mutex::new(reader))));
            Ok(Connections(open.collect::<Result<_, _>>()?))
        };
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        let (point, scan) = (
            readers(processors.clamp(2, 16))?,
            readers(processors.clamp(2, 4))?,
        );
        let (jobs, waiting) = flume::bounded(QUEUE);
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || write::run(&writer, &waiting))
            .map_err(|error| {
                StoreError::Unavailable(format!("no thread for the writer: {error}"))
            })?;
        Ok(Sqlite {
            jobs: Some(jobs),
            writer: Some(thread),
            point,
            scan,
        })
    }

    fn jobs(&self) -> Result<&flume::Sender<Job>, StoreError> {
        self.jobs.as_ref().ok_or_else(gone)
    }

    async fn send(&self, job: impl FnOnce(write::Answer) -> Job) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.jobs()?
            .send_async(job(answer))
            .await
            .map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    pub async fn apply(&self, commit: Commit) -> Result<(), StoreError> {
        limit::check(&commit)?;
        self.send(|answer| Job::Apply(Box::new(commit), answer))
            .await
    }

    pub async fn apply_ahead(
        &self,
        line: &Line,
        commit: Commit,
        more: bool,
    ) -> Result<Applied, StoreError> {
        limit::check(&commit)?;
        line.expect_more(more);
        let (applied, ahead) = oneshot::channel();
        let (answer, answered) = oneshot::channel();
        let job = Job::Ahead {
            commit: Box::new(commit),
            line: line.clone(),
            applied,
            answer,
        };
        self.jobs()?.send_async(job).await.map_err(|_| gone())?;
        match ahead.await {
            Ok(()) => Ok(Applied::waiting(answered)),
            // Refused: answered with the rest of its group, when what it met is durable or gone.
            Err(_) => answered
                .await
                .map_err(|_| gone())?
                .map(|()| Applied::durable()),
        }
    }

    pub async fn settle(&self, line: &Line, applied: Applied) -> Result<(), StoreError> {
        if line.goes_on() {
            line.expect_more(false);
            self.jobs()?
                .send_async(Job::Hurry)
                .await
                .map_err(|_| gone())?;
        }
        applied.settled().await
    }

    pub async fn put_checkpoint(
        &self,
        node: &str,
        size: i64,
        text: &str,
    ) -> Result<(), StoreError> {
        let (node, text) = (node.to_owned(), text.to_owned());
        self.send(|answer| Job::Checkpoint {
            node,
            size,
            text,
            answer,
        })
        .await
    }

    pub async fn fetch(
        &self,
        tenant: TenantId,
        unique_identifier: &str,
    ) -> Result<Option<Record>, StoreError> {
        self.point
            .with(|connection| read::fetch(connection, tenant, unique_identifier))
    }

    pub async fn entity(
        &self,
        kind: EntityKind,
        tenant: TenantId,
        key: &str,
    ) -> Result<Option<Entity>, StoreError> {
        self.point
            .with(|connection| read::entity(connection, kind, tenant, key))
    }

    pub async fn journal_head(&self) -> Result<i64, StoreError> {
        self.point.with(read::journal_head)
    }

    pub async fn audit_head(&self, node: &str) -> Result<i64, StoreError> {
        self.point
            .with(|connection| read::audit_head(connection, node))
    }

    pub async fn checkpoint(&self, node: &str) -> Result<Option<(i64, String)>, StoreError> {
        self.point
            .with(|connection| read::checkpoint(connection, node))
    }

    pub async fn ping(&self) -> Result<(), StoreError> {
        self.point
            .with(|connection| read::journal_head(connection).map(drop))
    }

    pub async fn locate(&self, filter: &Filter) -> Result<Located, StoreError> {
        limit::check_filter(filter)?;
        let (driver, short) = self
            .point
            .with(|connection| search::driver(connection, filter))?;
        if short {
            return self
                .point
                .with(|connection| search::locate(connection, filter, driver));
        }
        let filter = filter.clone();
        self.scan
            .spawn(move |connection| search::locate(connection, &filter, driver))
            .await
    }

    pub(super) fn explain(&self, filter: &Filter) -> Result<String, StoreError> {
        limit::check_filter(filter)?;
        self.point
            .with(|connection| search::explain(connection, filter))
    }

    pub async fn entities(
        &self,
        kind: EntityKind,
        tenant: Option<TenantId>,
    ) -> Result<Vec<Entity>, StoreError> {
        self.scan
            .spawn(move |connection| read::entities(connection, kind, tenant))
            .await
    }

    pub async fn journal(
        &self,
        position: i64,
        limit: u32,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        self.scan
            .spawn(move |connection| read::journal(connection, position, limit))
            .await
    }

    /// One writer: nothing is ever held back.
    pub async fn journal_ahead(
        &self,
        position: i64,
        limit: u32,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        self.journal(position, limit).await
    }

    pub async fn audit(
        &self,
        node: &str,
        from: i64,
        limit: u32,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let node = node.to_owned();
        self.scan
            .spawn(move |connection| read::audit(connection, &node, from, limit))
            .await
    }

    pub async fn audit_leaves(
        &self,
        node: &str,
        from: i64,
        limit: u32,
    ) -> Result<Vec<(i64, [u8; 32])>, StoreError> {
        let node = node.to_owned();
        self.scan
            .spawn(move |connection| read::audit_leaves(connection, &node, from, limit))
            .await
    }

    pub async fn audit_nodes(&self) -> Result<Vec<String>, StoreError> {
        self.scan.spawn(read::audit_nodes).await
    }

    pub async fn checkpoints(
        &self,
        node: &str,
        above: i64,
        limit: u32,
    ) -> Result<Vec<(i64, String)>, StoreError> {
        let node = node.to_owned();
        self.scan
            .spawn(move |connection| read::checkpoints(connection, &node, above, limit))
            .await
    }

    pub async fn scan(
        &self,
        tenant: TenantId,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        let after = after.to_owned();
        self.scan
            .spawn(move |connection| read::scan(connection, tenant, &after, limit))
            .await
    }

    pub async fn behind(
        &self,
        tenant: TenantId,
        after: &str,
        than: &Behind,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        let (after, than) = (after.to_owned(), *than);
        self.scan
            .spawn(move |connection| tally::behind(connection, tenant, &after, than, limit))
            .await
    }

    pub async fn entities_behind(
        &self,
        after: &Place,
        mac_version: u32,
        limit: u32,
    ) -> Result<Vec<Entity>, StoreError> {
        let after = after.clone();
        self.scan
            .spawn(move |connection| tally::entities_behind(connection, &after, mac_version, limit))
            .await
    }

    pub async fn tally(&self) -> Result<Tally, StoreError> {
        self.scan.spawn(tally::tally).await
    }
}

impl Drop for Sqlite {
    /// Waits until everything sent is on disk and the log is folded into the file.
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(writer) = self.writer.take() {
            drop(writer.join());
        }
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

/// Makes the file before SQLite does, so that it never has another mode than 0600 (SQLite gives
/// its log and shared memory the mode of the file).
fn create(path: &Path) -> Result<(), StoreError> {
    let failed =
        |error: std::io::Error| StoreError::Unavailable(format!("{}: {error}", path.display()));
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Ok(file) => {
            file.sync_all().map_err(failed)?;
            let directory = path
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty());
            // Until its directory is on disk, a new file may be gone after a power loss.
            File::open(directory.unwrap_or(Path::new(".")))
                .and_then(|at| at.sync_all())
                .map_err(failed)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            std::fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

fn connect(path: &str) -> Result<Connection, StoreError> {
    let connection = Connection::open(path).map_err(rows::fault)?;
    connection.busy_timeout(BUSY).map_err(rows::fault)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let set = |name: &str, value: &str| {
        connection
            .pragma_update(None, name, value)
            .map_err(rows::fault)
    };
    set("journal_mode", "WAL")?;
    set("synchronous", "FULL")?;
    // Savepoints keep the pages they may have to restore in a temporary file otherwise.
    set("temp_store", "MEMORY")?;
    // 64 MiB: the index rows of values are written all over their tree.
    set("cache_size", "-65536")?;
    // 16 MiB of log between checkpoints, each of which is two more synchronisations.
    set("wal_autocheckpoint", "4000")?;
    set("journal_size_limit", "67108864")?;
    set("trusted_schema", "OFF")?;
    Ok(connection)
}

fn reader(path: &str) -> Result<Connection, StoreError> {
    let connection = connect(path)?;
    connection
        .pragma_update(None, "cache_size", "-8192")
        .map_err(rows::fault)?;
    connection
        .pragma_update(None, "query_only", "ON")
        .map_err(rows::fault)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let tables: i64 = connection
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE type = 'table'",
            [],
            |row| row.get(0),
        )
        .map_err(rows::fault)?;
    let ours: i64 = connection
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE name = 'refinery_schema_history'",
            [],
            |row| row.get(0),
        )
        .map_err(rows::fault)?;
    if tables > 0 && ours == 0 {
        return Err(StoreError::Damaged(
            "the file is a database of another program".to_owned(),
        ));
    }
    let mut applied = Vec::new();
    if ours > 0 {
        let mut statement = connection.prepare(schema::HISTORY).map_err(rows::fault)?;
        let line = |row: &rusqlite::Row<'_>| {
            Ok(schema::Applied {
                version: row.get(0)?,
                name: row.get(1)?,
                checksum: row.get(2)?,
            })
        };
        applied = statement
            .query_map([], line)
            .and_then(Iterator::collect)
            .map_err(rows::fault)?;
    }
    let runner = migrations::migrations::runner();
    if !schema::outstanding(&applied, runner.get_migrations())? {
        return Ok(());
    }
    runner
        .run(connection)
        .map(drop)
        .map_err(|error| StoreError::Damaged(format!("migration failed: {error}")))
}
