//! The engine as the network side sees it.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::Engine;
use super::batch::{self, Sender};
use super::endpoint::{Asker, Roles, Turning};
use super::envelope;
use super::error::{Fault, Reason};
use super::text;
use crate::net::{Channel, Encoding, Outcome, Peer, Refusal, Service, Session, Transport};
use crate::protocol::version::Version;

/// Answers requests with an engine.
#[derive(Debug)]
pub struct KmipService {
    engine: Arc<Engine>,
}

impl KmipService {
    pub fn new(engine: Arc<Engine>) -> Self {
        KmipService { engine }
    }

    async fn sender(&self, peer: &Peer) -> Sender {
        let address = peer.address.ip().to_string();
        match &peer.certificate {
            Some(certificate) => {
                self.engine
                    .sender(certificate, &peer.fingerprint, address)
                    .await
            }
            None => Sender {
                caller: Err(Fault::new(
                    Reason::AuthenticationNotSuccessful,
                    "a request needs a client certificate; connect with one",
                )),
                address,
                roles: Roles::Fixed,
            },
        }
    }
}

impl Service for KmipService {
    type State = Turning;

    fn open(&self, _: &Peer) -> Turning {
        Turning::default()
    }

    async fn call(
        &self,
        session: &Session<Self::State>,
        request: &[u8],
        encoding: Encoding,
        out: &mut Vec<u8>,
    ) -> Outcome {
        // Identity and revocation count at every request, also on an open connection (DESIGN §6).
        let mut sender = self.sender(&session.peer).await;
        if encoding == Encoding::Ttlv {
            if session.peer.transport == Transport::Kmip {
                sender.roles = Roles::Server;
            }
            let (roles, version) = batch::answer(&self.engine, &sender, request, out).await;
            if roles == Roles::Client {
                session.state.note(version);
                return Outcome::Turn;
            }
            return Outcome::KeepOpen;
        }
        // Text is read into the one form that the engine knows, and its answer written back.
        let mut answer = Zeroizing::new(Vec::new());
        match text::read(encoding, request, &self.engine.settings.limits.ttlv) {
            Ok(message) => {
                batch::answer(&self.engine, &sender, &message, &mut answer).await;
            }
            Err(error) => {
                let fault = Fault::new(
                    Reason::InvalidMessage,
                    format!("the message is not well formed: {error}"),
                );
                self.engine.unread(&sender, Version::NEWEST, &fault);
                envelope::refuse(
                    Version::NEWEST,
                    self.engine.clock.now(),
                    &fault,
                    &mut answer,
                );
            }
        }
        if let Err(error) = text::write(encoding, &answer, out) {
            tracing::error!(%error, "an answer could not be written as text");
            return Outcome::Close;
        }
        Outcome::KeepOpen
    }

    async fn turned<C: Channel>(&self, session: &Session<Self::State>, channel: &mut C) -> Outcome {
        let asker = Asker::new(
            &self.engine,
            &session.peer,
            session.state.version(),
            channel,
        );
        match asker.run().await {
            Ok(()) => Outcome::KeepOpen,
            Err(end) => {
                tracing::info!(address = %session.peer.address, %end, "a turned connection ends");
                Outcome::Close
            }
        }
    }

    async fn refuse(
        &self,
        session: &Session<Self::State>,
        start: &[u8],
        refusal: Refusal,
        _: Encoding,
        out: &mut Vec<u8>,
    ) {
        let fault = match refusal {
            Refusal::TooLarge { length, limit } => Fault::new(
                Reason::InvalidMessage,
                format!("the message has {length} bytes; this server takes {limit} at the most"),
            ),
            Refusal::NotKmip => {
                Fault::new(Reason::InvalidMessage, "this is not a KMIP request message")
            }
        };
        let sender = self.sender(&session.peer).await;
        let version = envelope::salvage_version(start);
        self.engine.unread(&sender, version, &fault);
        envelope::refuse(version, self.engine.clock.now(), &fault, out);
    }
}
