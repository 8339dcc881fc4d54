//! PostgreSQL's errors as the store's. A server's DETAIL holds values of rows: only its message is kept.

use deadpool_postgres::PoolError;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::store::verbs::StoreError;

/// Unique constraints, and what it means to break them.
fn taken(constraint: Option<&str>) -> Option<StoreError> {
    Some(match constraint? {
        "objects_identifier" | "entities_key" => StoreError::Exists,
        "names_taken" => StoreError::NameTaken,
        "audit_sequence" => StoreError::Damaged(
            "an audit sequence is taken: two servers use one node name".to_owned(),
        ),
        _ => return None,
    })
}

/// SQLSTATE classes that may pass: connection, resources, operator intervention, system error.
const PASSING: [&str; 4] = ["08", "53", "57", "58"];

/// Why several commits in one statement were not written.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) error: StoreError,
    /// The database refused what one of them says, and wrote none: the others may stand.
    pub(super) one: bool,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Refused {
        // What waits for a lock keeps only those waiting who want the same row.
        let locked = error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE);
        let answered = error.as_db_error().is_some();
        let error = fault(error);
        Refused {
            one: locked || answered && !matches!(error, StoreError::Unavailable(_)),
            error,
        }
    }
}

/// Before the statement was sent.
impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Refused {
        Refused {
            one: !error.is_unsure(),
            error,
        }
    }
}

pub(super) fn fault(error: Error) -> StoreError {
    let Some(refused) = error.as_db_error() else {
        // Without an answer of the server it is the connection, or a value this server cannot read.
        let conversion = std::error::Error::source(&error).is_some_and(|source| {
            source.downcast_ref::<std::io::Error>().is_none() && !error.is_closed()
        });
        return if conversion {
            StoreError::Damaged(error.to_string())
        } else {
            StoreError::Unavailable(error.to_string())
        };
    };
    let code = refused.code();
    if *code == SqlState::UNIQUE_VIOLATION
        && let Some(taken) = taken(refused.constraint())
    {
        return taken;
    }
    // How the statements of `write` say that the version they replace was not there.
    if *code == SqlState::NOT_NULL_VIOLATION && refused.table() == Some("journal") {
        return StoreError::Conflict;
    }
    // Two commits changed the same rows in opposite order: one of them has to decide again.
    if *code == SqlState::T_R_DEADLOCK_DETECTED || *code == SqlState::T_R_SERIALIZATION_FAILURE {
        return StoreError::Conflict;
    }
    let text = format!("{} ({})", refused.message(), code.code());
    let passing = PASSING.iter().any(|class| code.code().starts_with(class))
        || *code == SqlState::LOCK_NOT_AVAILABLE
        // A replica before its promotion, or a primary being demoted.
        || *code == SqlState::READ_ONLY_SQL_TRANSACTION
        || *code == SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT;
    if passing {
        StoreError::Unavailable(text)
    } else {
        StoreError::Damaged(text)
    }
}

/// No connection came about: the server says why, or it was not reached, or TLS failed.
pub(super) fn connecting(error: Error) -> StoreError {
    match error.as_db_error() {
        Some(_) => fault(error),
        None => StoreError::Unavailable(cause(&error)),
    }
}

/// An error with its sources, which say what is wrong. Not for what may quote rows.
pub(super) fn cause(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

pub(super) fn pool(error: PoolError) -> StoreError {
    match error {
        PoolError::Backend(error) => connecting(error),
        PoolError::PostCreateHook(error) => StoreError::Unavailable(error.to_string()),
        PoolError::Timeout(_) => {
            StoreError::Unavailable("no connection became free in time".to_owned())
        }
        PoolError::Closed | PoolError::NoRuntimeSpecified => {
            StoreError::Unavailable("the store is closed".to_owned())
        }
    }
}
