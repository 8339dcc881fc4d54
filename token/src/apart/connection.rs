//! Messages: a length (4 bytes), the call's number (1 byte; none in an answer), and what goes with it.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use zeroize::Zeroizing;

use super::wire::{Reader, Templates, Wire};
use crate::error::Error;

/// Both ends refuse a longer message, in bytes; the largest request of the server has half of it.
pub(super) const LONGEST: usize = 1 << 27;
/// The first call of a session's connection; the numbers of others begin at 0.
pub(super) const OPEN_SESSION: u8 = u8::MAX;

const HEAD: usize = size_of::<u32>();
/// Room for what most messages have.
const USUAL: usize = 1024;

/// A connection to the token's process. What crosses it is wiped at both ends.
#[derive(Debug)]
pub struct Connection {
    pub(super) stream: UnixStream,
    /// The process, for messages to people.
    pub(super) id: u32,
}

impl Connection {
    /// Calls, and waits for the answer.
    pub(crate) fn ask<T: for<'a> Wire<'a>>(
        &self,
        call: u8,
        arguments: impl FnOnce(&mut Vec<u8>),
    ) -> Result<T, Error> {
        let mut message = begun();
        message.push(call);
        arguments(&mut message);
        let answered = send(&self.stream, &mut message).and_then(|()| receive(&self.stream));
        let answer = answered.ok().flatten().ok_or_else(|| self.ended())?;
        let templates = Templates::default();
        let mut reader = Reader::new(content(&answer), &templates);
        Result::<T, Error>::take(&mut reader).unwrap_or_else(|| Err(self.ended()))
    }

    fn ended(&self) -> Error {
        // Nothing is asked here any more: an answer that comes late would be another call's.
        drop(self.stream.shutdown(std::net::Shutdown::Both));
        Error::Process(format!("the token's process {} has ended", self.id))
    }
}

/// A message with room for its length.
pub(super) fn begun() -> Zeroizing<Vec<u8>> {
    let mut message = Zeroizing::new(Vec::with_capacity(USUAL));
    message.extend_from_slice(&[0; HEAD]);
    message
}

/// Without its length.
pub(super) fn content(message: &[u8]) -> &[u8] {
    message.get(HEAD..).unwrap_or_default()
}

pub(super) fn send(mut stream: &UnixStream, message: &mut [u8]) -> io::Result<()> {
    let length = message.len().saturating_sub(HEAD);
    let head = u32::try_from(length).ok().filter(|_| length <= LONGEST);
    let head = head.ok_or_else(|| refused("the message is too long"))?;
    for (to, from) in message.iter_mut().zip(head.to_ne_bytes()) {
        *to = from;
    }
    stream.write_all(message)
}

/// The next message with its length; None at the end.
pub(super) fn receive(mut stream: &UnixStream) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut message = Zeroizing::new(vec![0; USUAL]);
    let mut filled = 0;
    loop {
        let free = message.get_mut(filled..).unwrap_or_default();
        match stream.read(free) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        let Some(head) = message.first_chunk().filter(|_| filled >= HEAD) else {
            continue;
        };
        let whole = HEAD + u32::from_ne_bytes(*head) as usize;
        if whole > HEAD + LONGEST || filled > whole {
            return Err(refused("this is no message of a token's process"));
        }
        if filled == whole {
            message.truncate(whole);
            return Ok(Some(message));
        }
        if message.len() < whole {
            let mut larger = Zeroizing::new(vec![0; whole]);
            for (to, from) in larger.iter_mut().zip(message.iter()) {
                *to = *from;
            }
            message = larger;
        }
    }
}

fn refused(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
