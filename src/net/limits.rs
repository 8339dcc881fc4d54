//! How much a client may ask of the network side, and for how long.

use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest request, in bytes, its header included.
    pub message: usize,
    /// Connections served at a time on one port; more wait to be accepted.
    pub connections: usize,
    /// From accepting to the end of the TLS handshake.
    pub handshake: Duration,
    /// Without any request.
    pub idle: Duration,
    /// From the first byte of a request to its last.
    pub request: Duration,
    /// For a client to take an answer.
    pub response: Duration,
    /// For requests under way when the server is told to end.
    pub drain: Duration,
}
