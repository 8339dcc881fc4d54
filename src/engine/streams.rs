//! Cryptographic operations in several parts, between their parts. Each is found by a random
//! Correlation Value and only by whom it belongs to, for the same operation on the same object in
//! the same version; it is taken out while a part is worked on, and not put back when that fails.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Engine;
use super::error::{Fault, Reason};
use crate::library::digest::Running;
use crate::mechanism::Row;
use crate::object::service::signature::Scheme;
use crate::object::service::stream::CipherStream;
use crate::protocol::enumeration::Operation;
use crate::protocol::structure::Bytes;
use crate::store::record::TenantId;

/// Streams of the whole server, and of one identity.
const MOST: usize = 4096;
const MOST_OF_ONE: usize = 256;
/// How long a stream waits for its next part.
const AGE: Duration = Duration::from_secs(600);
/// How often abandoned ones are looked for.
const STEP: Duration = Duration::from_secs(10);
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

/// What is kept from part to part: also what the first part asked for, which later ones need not say again.
#[derive(Debug)]
pub enum State {
    Cipher(CipherStream),
    /// A message for a MAC; the MAC to verify, whenever it came.
    Mac {
        row: &'static Row,
        data: Bytes,
        proof: Bytes,
    },
    /// A message for a signature over all of it; the signature to verify, whenever it came.
    Message {
        scheme: Scheme,
        data: Bytes,
        proof: Bytes,
    },
    /// A digest, for a signature where there is a scheme.
    Digest {
        scheme: Option<Scheme>,
        running: Running,
        proof: Bytes,
    },
}

impl State {
    fn memory(&self) -> usize {
        match self {
            State::Cipher(stream) => stream.held() + 512,
            State::Mac { data, proof, .. } | State::Message { data, proof, .. } => {
                data.capacity() + proof.len() + 512
            }
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

#[derive(Debug)]
pub struct Streams {
    open: Mutex<HashMap<[u8; 16], Stream>>,
    /// How long a stream waits for its next part.
    age: Duration,
}

impl Default for Streams {
    fn default() -> Self {
        Streams {
            open: Mutex::default(),
            age: AGE,
        }
    }
}

/// Ends abandoned streams for as long as the engine lives: what they hold is somebody's data.
pub fn keep(engine: &Arc<Engine>) {
    let weak = Arc::downgrade(engine);
    tokio::spawn(async move {
        while let Some(engine) = weak.upgrade() {
            engine.streams.expire();
            drop(engine);
            tokio::time::sleep(STEP).await;
        }
    });
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
            Some(stream) if stream.bound == *bound && stream.since.elapsed() < self.age => {}
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
        // Those that nobody continues are in nobody's way.
        open.retain(|_, stream| stream.since.elapsed() < self.age);
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
        self.lock()
            .retain(|_, stream| stream.since.elapsed() < self.age);
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.lock().len()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::mechanism::hash;
    use crate::protocol::enumeration::HashingAlgorithm;

    fn bound() -> Bound {
        Bound {
            tenant: TenantId(1),
            identity: "somebody".into(),
            operation: Operation::HASH,
            key: None,
        }
    }

    fn digest() -> State {
        let row = hash::find(HashingAlgorithm::SHA_256).unwrap();
        State::Digest {
            scheme: None,
            running: Running::new(row).unwrap(),
            proof: Bytes::default(),
        }
    }

    #[test]
    fn a_stream_is_taken_once() {
        let streams = Streams::default();
        streams.keep([1; 16], bound(), digest()).unwrap();
        streams.expire();
        assert_eq!(streams.open(), 1);
        streams.take(&[1; 16], &bound()).unwrap();
        let again = streams.take(&[1; 16], &bound()).unwrap_err();
        assert_eq!(again.reason, Reason::InvalidCorrelationValue);
        assert_eq!(streams.open(), 0);
    }

    /// Too old: unknown, gone, and in the way of no other.
    #[test]
    fn abandoned_streams_end() {
        let streams = Streams {
            age: Duration::ZERO,
            ..Streams::default()
        };
        for number in 0..=u8::MAX {
            for other in 0..2 {
                let mut value = [number; 16];
                value[0] = other;
                streams.keep(value, bound(), digest()).unwrap();
            }
        }
        assert_eq!(streams.open(), 1);
        assert!(streams.take(&[u8::MAX; 16], &bound()).is_err());
        streams.expire();
        assert_eq!(streams.open(), 0);
    }
}
