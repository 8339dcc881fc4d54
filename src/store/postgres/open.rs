//! Connecting and migrating.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Timeouts};
use tokio_postgres::{Client, Config};

use super::fault::{cause, connecting, fault};
use super::migrations::migrations;
use super::sets::Sets;
use super::tls::{self, Connector};
use crate::store::Options;
use crate::store::schema::{self, Applied};
use crate::store::verbs::StoreError;

/// To connect, and to wait for a connection of the pool.
const PATIENCE: Duration = Duration::from_secs(5);
/// No statement of ours takes so long, but on a database that has no answer. Every one walks along
/// an index; a planner without statistics (a new database, a large import) would rather read and
/// sort all of a tenant's objects than the ten that a page needs. Compiling them costs milliseconds.
const SESSION: &str = "SET statement_timeout = '60s'; SET lock_timeout = '10s'; \
                       SET idle_in_transaction_session_timeout = '30s'; \
                       SET default_transaction_isolation = 'read committed'; \
                       SET enable_seqscan = off; SET enable_bitmapscan = off; \
                       SET enable_hashjoin = off; SET enable_mergejoin = off; \
                       SET jit = off;";
/// Nodes that start together migrate one after the other. The number is "keyward" in ASCII.
const LOCK: &str = "SELECT pg_advisory_lock(x'6b657977617264'::bigint)";

/// A transaction id stands above bit 20 of a position. One statement, so that nodes starting
/// together lift the base once.
const LIFT: &str = "UPDATE journal_base SET base = base + lift.by FROM (SELECT (max(position) >> 20) + 1 \
                    - (pg_current_xact_id()::text::bigint + (SELECT base FROM journal_base)) AS by FROM journal) lift \
                    WHERE lift.by > 0";

pub(super) async fn open(options: &Options, sets: &Arc<Sets>) -> Result<Pool, StoreError> {
    let database = parse(&options.url)?;
    let migrate = options.migrate_url.as_deref().map(parse).transpose()?;
    prepare(&database, migrate.as_ref()).await?;
    let (config, connector) = database;
    let manager = Manager::from_config(
        config,
        connector,
        ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        },
    );
    let timeouts = Timeouts {
        wait: Some(PATIENCE),
        create: Some(PATIENCE),
        recycle: Some(PATIENCE),
    };
    let sets = Arc::clone(sets);
    let hook = deadpool_postgres::Hook::async_fn(move |client, _| {
        sets.forget();
        Box::pin(async move {
            client
                .batch_execute(SESSION)
                .await
                .map_err(deadpool_postgres::HookError::Backend)
        })
    });
    let pool = Pool::builder(manager)
        .max_size(options.connections.max(1))
        .timeouts(timeouts)
        .runtime(Runtime::Tokio1)
        .post_create(hook)
        .build();
    pool.map_err(|error| StoreError::Unavailable(error.to_string()))
}

/// Where a database is, and how it is reached.
type Database = (Config, Connector);

fn parse(url: &str) -> Result<Database, StoreError> {
    let (mut config, connector) = tls::parse(url)?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(PATIENCE);
    }
    if config.get_tcp_user_timeout().is_none() {
        // A server that is gone without a word is given up, not waited for.
        config.tcp_user_timeout(Duration::from_secs(15));
    }
    if config.get_application_name().is_none() {
        config.application_name("keyward");
    }
    Ok((config, connector))
}

/// Checks, migrates and checks again, as the role that serves.
async fn prepare(database: &Database, migrate: Option<&Database>) -> Result<(), StoreError> {
    let client = connect(database).await?;
    durable(&client).await?;
    let runner = migrations::runner();
    if schema::outstanding(&history(&client).await?, runner.get_migrations())? {
        let mut owner = connect(migrate.unwrap_or(database)).await?;
        owner.batch_execute(LOCK).await.map_err(fault)?;
        if schema::outstanding(&history(&owner).await?, runner.get_migrations())? {
            runner.run_async(&mut owner).await.map_err(|error| {
                StoreError::Damaged(format!("migration failed: {}", cause(&error)))
            })?;
        }
    }
    if schema::outstanding(&history(&client).await?, runner.get_migrations())? {
        return Err(StoreError::Damaged(
            "the server's role does not see the migrated tables".to_owned(),
        ));
    }
    client.batch_execute(LIFT).await.map_err(fault)
}

/// What is answered must be on disk. A database set up otherwise is refused or corrected, not believed.
async fn durable(client: &Client) -> Result<(), StoreError> {
    let row = client
        .query_one(
            "SELECT current_setting('fsync'), current_setting('synchronous_commit')",
            &[],
        )
        .await
        .map_err(fault)?;
    let (fsync, commit): (&str, &str) = (
        row.try_get(0).map_err(fault)?,
        row.try_get(1).map_err(fault)?,
    );
    if fsync == "off" {
        tracing::warn!("the database runs with fsync = off: a power loss may lose keys");
    }
    if commit == "off" {
        return Err(StoreError::Damaged(
            "synchronous_commit is off: a crash would lose keys that were answered; set it to on"
                .to_owned(),
        ));
    }
    Ok(())
}

async fn connect((config, connector): &Database) -> Result<Client, StoreError> {
    let connected = config.connect(connector.clone()).await;
    let (client, connection) = connected.map_err(connecting)?;
    // Ends with the client.
    tokio::spawn(connection);
    Ok(client)
}

async fn history(client: &Client) -> Result<Vec<Applied>, StoreError> {
    let table = client
        .query_one(
            "SELECT to_regclass('refinery_schema_history') IS NOT NULL",
            &[],
        )
        .await
        .map_err(fault)?;
    if !table.try_get::<_, bool>(0).map_err(fault)? {
        return Ok(Vec::new());
    }
    let rows = client.query(schema::HISTORY, &[]).await.map_err(fault)?;
    let line = |row: &tokio_postgres::Row| {
        Ok(Applied {
            version: row.try_get(0)?,
            name: row.try_get(1)?,
            checksum: row.try_get(2)?,
        })
    };
    rows.iter()
        .map(line)
        .collect::<Result<_, _>>()
        .map_err(fault)
}
