//! Cryptographic operations in several parts, between their parts. Each is found by a random
//! Correlation Value and only by whom it belongs to, for the same operation on the same object in
//! the same version; it is taken out while a part is worked on, and not put back when that fails.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::{Fault, Reason};
use crate::library::digest::Running;
use crate::object::service::stream::CipherStream;
use crate::protocol::enumeration::Operation;
use crate::protocol::structure::Bytes;
use crate::store::record::TenantId;

/// Streams of the whole server, and of one identity.
const MOST: usize = 4096;
const MOST_OF_ONE: usize = 256;
/// How long a stream waits for its next part.
const AGE: Duration = Duration::from_secs(600);
/// Bytes that all streams together may hold back, and those of one identity.
const MEMORY: usize = 256 << 20;
const MEMORY_OF_ONE: usize = 64 << 20;

/// Whom a stream belongs to and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    pub tenant: TenantId,
    pub identity: String,
    pub operation: Operation,
    /// Unique Identifier of the key and version of its row; None for Hash.
    pub key: Option<(String, i64)>,
}

/// What is kept from part to part.
#[derive(Debug)]
pub enum State {
    Cipher(CipherStream),
    /// A whole message: for MACs and for signatures of whole messages; the MAC or signature to
    /// verify, whenever it came.
    Message {
        data: Bytes,
        proof: Bytes,
    },
    /// A digest.
    Digest {
        running: Running,
        proof: Bytes,
    },
}

impl State {
    fn memory(&self) -> usize {
        match self {
            State::Cipher(stream) => stream.held() + 512,
            State::Message { data, proof } => data.capacity() + proof.len() + 512,
            State::Digest { proof, .. } => proof.len() + 1024,
        }
    }
}

#[derive(Debug)]
struct Stream {
    bound: Bound,
    state: State,
    memory: usize,
    since: Instant,
}

#[derive(Debug, Default)]
pub struct Streams {
    open: Mutex<HashMap<[u8; 16], Stream>>,
}

fn unknown() -> Fault {
    Fault::new(
        Reason::InvalidCorrelationValue,
        "no operation in several parts goes by this Correlation Value; begin with Init Indicator",
    )
}

fn full() -> Fault {
    Fault::new(
        Reason::ServerLimitExceeded,
        "too many operations in several parts are open, or hold too much data; finish some, or try again later",
    )
}

impl Streams {
    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 16], Stream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a stream out for its next part. A stranger's is as unknown as none.
    pub fn take(&self, value: &[u8], bound: &Bound) -> Result<State, Fault> {
        let value: [u8; 16] = value.try_into().map_err(|_| unknown())?;
        let mut open = self.lock();
        match open.get(&value) {
            Some(stream) if stream.bound == *bound && stream.since.elapsed() < AGE => {}
            _ => return Err(unknown()),
        }
        open.remove(&value)
            .map(|stream| stream.state)
            .ok_or_else(unknown)
    }

    /// Keeps a stream for its next part.
    pub fn keep(&self, value: [u8; 16], bound: Bound, state: State) -> Result<(), Fault> {
        let memory = state.memory();
        let mut open = self.lock();
        if open.len() >= MOST / 2 {
            open.retain(|_, stream| stream.since.elapsed() < AGE);
        }
        let (mut all, mut own, mut count) = (memory, memory, 0);
        for stream in open.values() {
            all += stream.memory;
            if stream.bound.tenant == bound.tenant && stream.bound.identity == bound.identity {
                own += stream.memory;
                count += 1;
            }
        }
        if open.len() >= MOST || count >= MOST_OF_ONE || all > MEMORY || own > MEMORY_OF_ONE {
            return Err(full());
        }
        let stream = Stream {
            bound,
            state,
            memory,
            since: Instant::now(),
        };
        open.insert(value, stream);
        Ok(())
    }

    /// Ends what nobody has continued for too long; called now and then.
    pub fn expire(&self) {
        self.lock().retain(|_, stream| stream.since.elapsed() < AGE);
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.lock().len()
    }
}
