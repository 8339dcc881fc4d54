//! A whole server without its network: a message goes in as bytes, its answer comes out.

use std::cell::OnceCell;
use std::net::SocketAddr;
use std::sync::Arc;

use criterion::Criterion;
use keyward::clock::Clock;
use keyward::engine::Engine;
use keyward::engine::access::STANDARD;
use keyward::engine::directory::fingerprint_key;
use keyward::engine::founding::{self, FIRST_TENANT};
use keyward::engine::service::KmipService;
use keyward::engine::settings::Settings;
use keyward::engine::tenant::{Identity, Tenant};
use keyward::hsm::Hsm;
use keyward::net::{Encoding, Peer, Service, Session, TlsVersion, Transport, fingerprint};
use keyward::pki::Pki;
use keyward::store::Store;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::runtime::Runtime;

use crate::databases::{DATABASES, Databases};
use crate::{messages, outside};

struct Ground<'r> {
    runtime: &'r Runtime,
    service: KmipService,
    session: Session<<KmipService as Service>::State>,
}

impl<'r> Ground<'r> {
    /// The same as after quickstart: a deployment, its first tenant, one identity.
    async fn new(runtime: &'r Runtime, store: Store) -> Ground<'r> {
        let home = outside::home();
        let (store, clock) = (Arc::new(store), Clock::System);
        let tenant = Tenant {
            name: "default".into(),
            share: true,
            duplicate_names: false,
            withheld: Vec::new(),
            classes: Default::default(),
        };
        let open = |opening: founding::Opening<'_>| {
            Hsm::init(keyward::hsm::Config {
                deployment: opening.deployment.to_owned(),
                ..outside::embedded(&home)
            })
        };
        let founded = founding::token(&store, &clock, &tenant, open).await;
        let (hsm, deployment) = founded.expect("a deployment");
        let pki = Pki::open(&home.join("pki"), &[]).expect("certificates");
        let client = pki.first_client("bench").expect("a client");
        let certificate = CertificateDer::from_pem_file(client.certificate).expect("PEM");
        let identity = Identity {
            name: "bench".into(),
            created: clock.now(),
            profiles: vec![STANDARD.to_owned()],
            requires_credential: false,
            derive: Vec::new(),
        };
        let key = fingerprint_key(&certificate);
        let added = founding::add_identity(&store, &hsm, FIRST_TENANT, &identity, &key).await;
        added.expect("an identity");
        let engine = Engine::open(store, hsm, clock, Settings::default(), deployment).await;
        let service = KmipService::new(engine.expect("an engine"));
        let peer = Peer {
            address: SocketAddr::from(([127, 0, 0, 1], 5696)),
            fingerprint: fingerprint(&certificate),
            certificate: Some(Arc::new(certificate)),
            resumed: false,
            protocol: TlsVersion::Tls13,
            transport: Transport::Kmip,
        };
        let state = service.open(&peer);
        let session = Session {
            peer: Arc::new(peer),
            state,
        };
        Ground {
            runtime,
            service,
            session,
        }
    }

    fn ask(&self, request: &[u8]) -> Vec<u8> {
        let mut answer = Vec::with_capacity(1024);
        let call = self
            .service
            .call(&self.session, request, Encoding::Ttlv, &mut answer);
        self.runtime.block_on(call);
        answer
    }

    /// A key that is active.
    fn key(&self, algorithm: &str, usage: &str) -> String {
        let create = messages::request("Create", &messages::create(algorithm, usage));
        let id = messages::made(&self.ask(&create));
        messages::answered(&self.ask(&messages::of_object("Activate", &id)));
        id
    }
}

pub fn run(criterion: &mut Criterion) {
    let databases = Databases::new();
    for kind in DATABASES {
        let ground = OnceCell::new();
        let open = || {
            let runtime = &databases.runtime;
            let store = databases.open(kind, "engine.db")?;
            Some(runtime.block_on(Ground::new(runtime, store)))
        };
        let ground = || ground.get_or_init(open).as_ref();
        let mut group = criterion.benchmark_group(format!("engine/{kind}"));
        let mut measure = |name: &str, request: &dyn Fn(&Ground<'_>) -> Vec<u8>| {
            group.bench_function(name, |b| {
                let Some(ground) = ground() else { return };
                let request = request(ground);
                messages::answered(&ground.ask(&request));
                b.iter(|| ground.ask(&request));
            });
        };
        measure("query", &|_| messages::query());
        measure("get", &|ground| {
            let id = ground.key("AES", "Encrypt Decrypt");
            messages::of_object("Get", &id)
        });
        measure("get attributes", &|ground| {
            let id = ground.key("AES", "Encrypt Decrypt");
            messages::of_object("GetAttributes", &id)
        });
        measure("encrypt 64 B", &|ground| {
            messages::encrypt(&ground.key("AES", "Encrypt Decrypt"), 64)
        });
        measure("encrypt 4 KiB", &|ground| {
            messages::encrypt(&ground.key("AES", "Encrypt Decrypt"), 4 << 10)
        });
        measure("mac", &|ground| {
            messages::mac(&ground.key("HMAC_SHA256", "MACGenerate MACVerify"))
        });
        measure("create", &|_| {
            messages::request("Create", &messages::create("AES", "Encrypt Decrypt"))
        });
        group.finish();
    }
}
