//! A server without its ports: an engine with a database in memory, a real embedded token and a
//! registered identity, and objects of every kind to ask for.

use std::sync::Arc;
use std::time::Duration;

use keyward::clock::Clock;
use keyward::engine::directory::fingerprint_key;
use keyward::engine::founding::{self, FIRST_TENANT};
use keyward::engine::service::KmipService;
use keyward::engine::settings::{CertificateSettings, Settings};
use keyward::engine::tenant::{Classes, Identity, Tenant};
use keyward::engine::{Engine, endpoint};
use keyward::hsm::{Config, Hsm, Replicas, Source};
use keyward::net::{
    Broken, Channel, Encoding, Outcome, Peer, Service, Session, TlsVersion, Transport, fingerprint,
};
use keyward::pki::Pki;
use keyward::protocol::enumeration::ResultStatus;
use keyward::protocol::names::Names;
use keyward::protocol::tag;
use keyward::store::Store;
use keyward::store::record::{Change, Commit, Entity, EntityKind};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::runtime::Runtime;
use ttlv::{Limits, Node, Value};
use zeroize::Zeroizing;

use crate::messages::{Named, hasten, split, split_text};

/// 2025-01-01. The same time for all inputs, so that what was found is found again.
pub const NOW: i64 = 1_735_689_600;
/// Inputs for one engine: its database grows with each, and what one leaves behind the next one meets.
const INPUTS: u32 = 256;
/// What objects there are: Request Messages, the first of which makes `#0`.
const STANDING: &[u8] = include_bytes!("../standing.xml");
/// What an answer may be when it is read back.
const OWN: Limits = Limits {
    bytes: 1 << 30,
    depth: 64,
    items: 1 << 24,
};

/// The engine, and what every one after it begins with.
#[derive(Debug)]
pub struct Ground {
    runtime: Runtime,
    hsm: Arc<Hsm>,
    deployment: String,
    rows: Vec<Entity>,
    /// Where the token looks for what it is told of its masters.
    _founded: Arc<Store>,
    peer: Arc<Peer>,
    seat: Option<Seat>,
    _directory: tempfile::TempDir,
}

#[derive(Debug)]
struct Seat {
    service: KmipService,
    standing: Named,
    left: u32,
}

impl Default for Ground {
    fn default() -> Self {
        Ground::new()
    }
}

impl Ground {
    /// # Panics
    /// When there is no directory for temporary files, or the token does not start.
    pub fn new() -> Ground {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let directory = tempfile::tempdir().expect("a directory");
        let pki = Pki::open(&directory.path().join("pki"), &[]).expect("certificates");
        let client = pki.first_client("owner").expect("a certificate");
        let certificate = CertificateDer::from_pem_file(client.certificate).expect("PEM");
        let (hsm, deployment, rows, founded) =
            runtime.block_on(found(&directory.path().join("token"), &certificate));
        let peer = Peer {
            address: ([127, 0, 0, 1], 5696).into(),
            fingerprint: fingerprint(&certificate),
            certificate: Some(Arc::new(certificate)),
            resumed: false,
            protocol: TlsVersion::Tls13,
            transport: Transport::Kmip,
        };
        Ground {
            runtime,
            hsm,
            deployment,
            rows,
            _founded: founded,
            peer: Arc::new(peer),
            seat: None,
            _directory: directory,
        }
    }

    /// Has the messages of a connection answered, one after another.
    ///
    /// # Panics
    /// When an answer is not well formed.
    pub fn converse(&mut self, input: &[u8]) {
        let (mut seat, session) = self.seat();
        let mut named = seat.standing.clone();
        self.runtime.block_on(async {
            let mut messages = split(input).into_iter();
            while let Some(message) = messages.next() {
                let message = filled(message, &named);
                let mut answer = Vec::new();
                let outcome = seat
                    .service
                    .call(&session, &message, Encoding::Ttlv, &mut answer);
                let outcome = outcome.await;
                if let Some(node) = answered(&answer) {
                    named.learn(&node);
                }
                if outcome == Outcome::Turn {
                    let rest = messages.by_ref().map(<[u8]>::to_vec).collect();
                    let mut channel = Script { rest };
                    seat.service.turned(&session, &mut channel).await;
                }
            }
        });
        seat.left -= 1;
        self.seat = Some(seat);
    }

    /// Has messages in a text encoding answered: XML where they begin with `<`, else JSON.
    ///
    /// # Panics
    /// When an answer is not well formed.
    pub fn converse_in_text(&mut self, input: &[u8]) {
        let (mut seat, session) = self.seat();
        let mut named = seat.standing.clone();
        self.runtime.block_on(async {
            for message in split_text(input) {
                let encoding = match message.first() {
                    Some(b'<') => Encoding::Xml,
                    _ => Encoding::Json,
                };
                let message = named.fill_text(message);
                let mut answer = Vec::new();
                let call = seat.service.call(&session, &message, encoding, &mut answer);
                // Control characters that a client chose do not exist in XML.
                if call.await == Outcome::Close && encoding == Encoding::Xml {
                    continue;
                }
                let node = match encoding {
                    Encoding::Xml => ttlv::xml::decode(&answer, &Names, &OWN),
                    _ => ttlv::json::decode(&answer, &Names, &OWN).map(Node::into_owned),
                };
                let node = node.expect("an answer is well formed");
                blameless(&node);
                named.learn(&node);
            }
        });
        seat.left -= 1;
        self.seat = Some(seat);
    }

    /// Has one message answered that stands for itself; the answer.
    ///
    /// # Panics
    /// When the answer is not well formed.
    pub fn ask(&mut self, message: &Node<'_>) -> Node<'static> {
        let (seat, session) = self.seat();
        let message = ttlv::binary::to_vec(message);
        let mut answer = Vec::new();
        let call = seat
            .service
            .call(&session, &message, Encoding::Ttlv, &mut answer);
        self.runtime.block_on(call);
        let node = answered(&answer).expect("an answer");
        let node = node.into_owned();
        self.seat = Some(seat);
        node
    }

    /// One input more was worked on by [`Ground::ask`].
    pub fn done(&mut self) {
        if let Some(seat) = &mut self.seat {
            seat.left = seat.left.saturating_sub(1);
        }
    }

    /// An engine with room for another input, and a new connection to it.
    fn seat(&mut self) -> (Seat, Session<endpoint::Turning>) {
        let seat = match self.seat.take().filter(|seat| seat.left > 0) {
            Some(seat) => seat,
            None => self.runtime.block_on(self.new_seat()),
        };
        let session = self.session(&seat.service);
        (seat, session)
    }

    fn session(&self, service: &KmipService) -> Session<endpoint::Turning> {
        Session {
            peer: Arc::clone(&self.peer),
            state: service.open(&self.peer),
        }
    }

    async fn new_seat(&self) -> Seat {
        let store = Store::open("sqlite::memory:").await.expect("a database");
        let commit = Commit {
            changes: self.rows.iter().cloned().map(Change::Put).collect(),
            audit: Vec::new(),
        };
        store.apply(commit).await.expect("the rows of the founding");
        let engine = Engine::open(
            Arc::new(store),
            Arc::clone(&self.hsm),
            Clock::set(NOW),
            settings(),
            self.deployment.clone(),
        );
        let service = KmipService::new(engine.await.expect("an engine"));
        let mut standing = Named::default();
        let session = self.session(&service);
        let objects = ttlv::xml::decode_collection(STANDING, &Names, &OWN, &mut |_, _, _| None);
        for mut object in objects.expect("standing.xml is well formed") {
            let known = standing.clone();
            known.fill(&mut object);
            let mut answer = Vec::new();
            let request = ttlv::binary::to_vec(&object);
            service
                .call(&session, &request, Encoding::Ttlv, &mut answer)
                .await;
            let answer = answered(&answer).expect("an answer");
            assert!(succeeded(&answer), "{}", shown(&answer));
            standing.learn(&answer);
        }
        Seat {
            service,
            standing,
            left: INPUTS,
        }
    }
}

fn settings() -> Settings {
    Settings {
        interop: true,
        certificates: CertificateSettings::default(),
        // Not while inputs are worked on.
        rotation: Duration::from_secs(3600),
        ..Settings::default()
    }
}

/// A token and what its deployment begins with.
async fn found(
    directory: &std::path::Path,
    certificate: &CertificateDer<'_>,
) -> (Arc<Hsm>, String, Vec<Entity>, Arc<Store>) {
    let store = Arc::new(Store::open("sqlite::memory:").await.expect("a database"));
    let tenant = Tenant {
        name: "default".into(),
        share: true,
        duplicate_names: false,
        withheld: Vec::new(),
        classes: Classes {
            cached: true,
            preferred: None,
        },
    };
    let open = |opening: founding::Opening<'_>| {
        Hsm::init(Config {
            source: Source::Embedded {
                dir: directory.to_owned(),
            },
            deployment: opening.deployment.to_owned(),
            node: "node".into(),
            workers: 1,
            loaded_keys: 256,
            hardware: false,
            replicas: Replicas::default(),
            isolation: None,
        })
    };
    let clock = Clock::set(NOW);
    let (hsm, deployment) = founding::token(&store, &clock, &tenant, open)
        .await
        .expect("a deployment");
    let identity = Identity {
        name: "owner".into(),
        created: NOW,
        profiles: Vec::new(),
        requires_credential: false,
        derive: vec!["*".into()],
    };
    founding::add_identity(
        &store,
        &hsm,
        FIRST_TENANT,
        &identity,
        &fingerprint_key(certificate),
    )
    .await
    .expect("an identity");
    let mut rows = Vec::new();
    for kind in EntityKind::ALL {
        let of_kind = store.entities(kind, None).await.expect("rows");
        // All at their first version, so that they can be put into an empty database.
        assert!(of_kind.iter().all(|row| row.version == 1), "{kind:?}");
        rows.extend(of_kind);
    }
    (hsm, deployment, rows, store)
}

/// A message with names filled in; as it came where it cannot be read.
fn filled(message: &[u8], named: &Named) -> Vec<u8> {
    let Ok(mut node) = ttlv::binary::decode(message, &Limits::default()) else {
        return message.to_vec();
    };
    hasten(&mut node);
    named.fill(&mut node);
    ttlv::binary::to_vec(&node)
}

/// # Panics
/// When an answer cannot be read, or says that the server is at fault: whatever a client sends is
/// the client's.
fn answered(answer: &[u8]) -> Option<Node<'_>> {
    if answer.is_empty() {
        return None;
    }
    let node = ttlv::binary::decode(answer, &OWN).expect("an answer is well formed");
    blameless(&node);
    Some(node)
}

/// What the server says when it is its own fault. The reason alone does not tell: old versions have
/// General Failure for much that is not.
const OWN_FAULTS: [&str; 8] = [
    "tell the administrator",
    "does not answer at the moment",
    "did not finish",
    "the stream is another one's",
    "the stream was not kept",
    "not a signature",
    "could not be made",
    "could not be written",
];

fn blameless(answer: &Node<'_>) {
    for item in answer.items() {
        if let Some(Value::TextString(said)) =
            item.child(tag::RESULT_MESSAGE).map(|node| &node.value)
        {
            // What stands in quotes is the client's word, which may be one of these.
            let said: String = said.split('"').step_by(2).collect();
            let own = OWN_FAULTS.iter().any(|fault| said.contains(fault));
            assert!(!own, "{}", shown(answer));
        }
    }
}

fn shown(answer: &Node<'_>) -> String {
    let mut text = String::new();
    match ttlv::xml::encode(answer, &Names, &mut text) {
        Ok(()) => text,
        Err(error) => error.to_string(),
    }
}

fn succeeded(answer: &Node<'_>) -> bool {
    let mut items = answer
        .items()
        .iter()
        .filter(|item| item.tag == tag::BATCH_ITEM);
    let success = Value::Enumeration(ResultStatus::SUCCESS.0);
    items.all(|item| {
        item.child(tag::RESULT_STATUS)
            .is_some_and(|status| status.value == success)
    })
}

/// A turned connection's other side: says what is left of the input, then hangs up.
struct Script {
    rest: std::collections::VecDeque<Vec<u8>>,
}

impl Channel for Script {
    async fn send(&mut self, message: &[u8]) -> Result<(), Broken> {
        answered(message);
        Ok(())
    }

    async fn receive(
        &mut self,
        _: Duration,
        most: usize,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Broken> {
        let next = self
            .rest
            .pop_front()
            .filter(|message| message.len() <= most);
        next.map(|message| Some(Zeroizing::new(message)))
            .ok_or(Broken)
    }
}

/// How many identifiers the standing objects have, so that the first of an input's own is known.
pub fn standing() -> usize {
    let mut ground = Ground::new();
    let (seat, _) = ground.seat();
    seat.standing.identifiers.len()
}
