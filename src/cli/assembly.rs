//! Puts the server together: store, token, engine. The one place that knows them all.

use std::sync::Arc;

use prometheus_client::registry::Registry;

use super::Failure;
use crate::config::Config;
use crate::net::{Encoding, Outcome, Peer, Readiness, Refusal, Service, Session, Trust};

/// What the network side is given.
pub(super) struct Assembled<S> {
    pub(super) service: Arc<S>,
    pub(super) ready: Readiness,
}

/// Opens what `config` names. `trust` is told of certificates registered by fingerprint, now and
/// whenever they change.
pub(super) async fn assemble(
    _config: &Config,
    _registry: &mut Registry,
    _trust: &Arc<Trust>,
) -> Result<Assembled<impl Service>, Failure> {
    Ok(Assembled {
        service: Arc::new(Echo),
        ready: Arc::new(|| Ok(())),
    })
}

/// Stands where the engine will.
struct Echo;

impl Service for Echo {
    type State = ();

    fn open(&self, _: &Peer) {}

    async fn call(
        &self,
        _: &Session<()>,
        request: &[u8],
        _: Encoding,
        out: &mut Vec<u8>,
    ) -> Outcome {
        out.extend_from_slice(request);
        Outcome::KeepOpen
    }

    async fn refuse(&self, _: &Session<()>, _: &[u8], _: Refusal, _: Encoding, _: &mut Vec<u8>) {}
}
