//! Moves bytes: its TLS ports, their certificates, framing and limits. Knows no operation; what
//! a message means is asked of a [`Service`].

mod blanking;
mod buffer;
mod connection;
#[cfg(any(test, fuzzing))]
pub mod door;
mod frame;
mod http;
mod legacy;
mod limits;
mod listener;
mod metrics;
mod service;
mod stream;
mod tls;
mod trust;
mod turned;

#[cfg(test)]
mod tests;

pub use http::{Pages, Readiness, Standing};
pub use legacy::LegacyFiles;
pub use limits::Limits;
pub use listener::{Parts, Server};
pub use metrics::NetMetrics;
pub use service::{
    Broken, Channel, Encoding, Outcome, Peer, Refusal, Service, Session, TlsVersion, Transport,
};
pub use tls::{Tls, TlsError, TlsFiles, TlsMinimum};
pub use trust::{ClientAuthorities, Fingerprint, Trust, fingerprint};
