//! A server without its network, with several identities: requests go in as bytes.

use std::path::PathBuf;
use std::sync::Arc;

pub use crate::message::*;
use crate::softhsm;
use keyward::clock::Clock;
use keyward::engine::directory::fingerprint_key;
use keyward::engine::founding::{self, FIRST_TENANT};
use keyward::engine::settings::Settings;
use keyward::engine::tenant::{Classes, Identity, Tenant};
use keyward::engine::{Engine, access, batch};
use keyward::hsm::{Config, Hsm, Replicas, Source};
use keyward::protocol::enumeration::{KeyFormatType, ObjectType, Operation, RevocationReasonCode};
use keyward::protocol::tag;
use keyward::store::Store;
use keyward::store::record::TenantId;
use rustls_pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use ttlv::{Node, Value};

const LABEL: &str = "services";

/// Who asks: the first two are of one tenant, which shares its objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// With the profile `standard`.
    Tester,
    /// Without.
    Plain,
    /// Of another tenant, with `standard`.
    Stranger,
}

impl Who {
    fn name(self) -> &'static str {
        match self {
            Who::Tester => "tester",
            Who::Plain => "plain",
            Who::Stranger => "stranger",
        }
    }

    fn certificate(self) -> CertificateDer<'static> {
        CertificateDer::from(format!("{} has a fingerprint", self.name()).into_bytes())
    }
}

#[derive(Clone, Debug)]
enum Token {
    Embedded(PathBuf),
    SoftHsm,
}

impl Token {
    fn config(&self, deployment: &str, node: &str) -> Config {
        let source = match self {
            Token::Embedded(dir) => Source::Embedded { dir: dir.clone() },
            Token::SoftHsm => softhsm::source(LABEL),
        };
        Config {
            source,
            deployment: deployment.to_owned(),
            node: node.to_owned(),
            workers: 2,
            loaded_keys: 16,
            hardware: false,
            replicas: Replicas::default(),
            isolation: None,
        }
    }
}

pub struct Ground {
    pub engine: Arc<Engine>,
    url: String,
    token: Token,
    directory: tempfile::TempDir,
}

async fn engine(url: &str, token: &Token, hsm: Option<Arc<Hsm>>, node: &str) -> Arc<Engine> {
    let store = Arc::new(Store::open(url).await.unwrap());
    let clock = Clock::System;
    let open = |opening: founding::Opening<'_>| match opening.first {
        true => Hsm::init(token.config(opening.deployment, "main")),
        false => Hsm::open(token.config(opening.deployment, "main")),
    };
    let tenant = |name: &str| Tenant {
        name: name.into(),
        share: true,
        duplicate_names: true,
        withheld: Vec::new(),
        classes: Classes::default(),
    };
    let first = tenant("default");
    let (hsm, deployment) = match hsm {
        // A further node of the same deployment, in one process.
        Some(hsm) => {
            let again = Arc::clone(&hsm);
            let row = store
                .entity(
                    keyward::store::record::EntityKind::Deployment,
                    TenantId(0),
                    "deployment",
                )
                .await
                .unwrap()
                .unwrap();
            let body: keyward::engine::tenant::Deployment =
                serde_json::from_slice(&row.body).unwrap();
            (again, body.identifier)
        }
        None => founding::token(&store, &clock, &first, open).await.unwrap(),
    };
    if founding::identities(&store, &hsm).await.unwrap().is_empty() {
        let other = founding::found_tenant(&store, &hsm, &clock, &tenant("other"))
            .await
            .unwrap();
        let standard = || vec![access::STANDARD.to_owned()];
        for (who, tenant, profiles) in [
            (Who::Tester, FIRST_TENANT, standard()),
            (Who::Plain, FIRST_TENANT, Vec::new()),
            (Who::Stranger, other, standard()),
        ] {
            let identity = Identity {
                name: who.name().into(),
                created: 0,
                profiles,
                derive: Vec::new(),
                requires_credential: false,
            };
            let key = fingerprint_key(&who.certificate());
            founding::add_identity(&store, &hsm, tenant, &identity, &key)
                .await
                .unwrap();
        }
    }
    let settings = Settings {
        node: node.into(),
        ..Settings::default()
    };
    Engine::open(store, hsm, clock, settings, deployment)
        .await
        .unwrap()
}

impl Ground {
    async fn on(url: Option<String>, token: Token) -> Ground {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keyward.db");
        let url = url.unwrap_or_else(|| format!("sqlite:{}", path.display()));
        let engine = engine(&url, &token, None, "main").await;
        Ground {
            engine,
            url,
            token,
            directory,
        }
    }

    /// SQLite and an embedded token.
    pub async fn new() -> Ground {
        Ground::on(None, Token::Embedded(token_directory())).await
    }

    pub async fn on_postgres(url: String) -> Ground {
        Ground::on(Some(url), Token::Embedded(token_directory())).await
    }

    /// None where SoftHSM is not installed.
    pub async fn on_softhsm() -> Option<Ground> {
        let directory = tempfile::tempdir().unwrap();
        softhsm::token(directory.path(), LABEL)?;
        let mut ground = Ground::on(None, Token::SoftHsm).await;
        // The token goes with it.
        ground.directory = directory;
        Some(ground)
    }

    /// The server stops and starts again.
    pub async fn restart(&mut self) {
        self.engine.close().await;
        self.engine = engine(&self.url, &self.token, None, "main").await;
    }

    /// Another node on the same database.
    pub async fn second(&self) -> Arc<Engine> {
        let hsm = Arc::clone(&self.engine.hsm);
        engine(&self.url, &self.token, Some(hsm), "second").await
    }

    /// The bytes of the answer.
    pub async fn bytes(&self, who: Who, operation: Operation, payload: Vec<Item>) -> Vec<u8> {
        answer(&self.engine, who, operation, payload).await
    }

    pub async fn ask(&self, who: Who, operation: Operation, payload: Vec<Item>) -> Answer {
        Answer::read(&self.bytes(who, operation, payload).await)
    }

    /// The same of the tester.
    pub async fn tell(&self, operation: Operation, payload: Vec<Item>) -> Answer {
        self.ask(Who::Tester, operation, payload).await
    }

    /// A registered symmetric key, active.
    pub async fn symmetric(&self, algorithm: u32, material: &[u8], more: Vec<Item>) -> String {
        let mut attributes = vec![
            number(tag::CRYPTOGRAPHIC_ALGORITHM, algorithm),
            integer(tag::CRYPTOGRAPHIC_LENGTH, 8 * material.len() as i32),
            // Encrypt, Decrypt, MAC Generate, MAC Verify.
            integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 0x18c),
            Node::new(tag::ACTIVATION_DATE, Value::DateTime(1)),
        ];
        attributes.extend(more);
        let value = structure(tag::KEY_VALUE, vec![bytes(tag::KEY_MATERIAL, material)]);
        let block = vec![
            number(tag::KEY_FORMAT_TYPE, KeyFormatType::RAW.0),
            value,
            number(tag::CRYPTOGRAPHIC_ALGORITHM, algorithm),
            integer(tag::CRYPTOGRAPHIC_LENGTH, 8 * material.len() as i32),
        ];
        let object = structure(tag::SYMMETRIC_KEY, vec![structure(tag::KEY_BLOCK, block)]);
        self.register(ObjectType::SYMMETRIC_KEY, attributes, object)
            .await
    }

    /// A registered RSA or EC private key, active: signs and decrypts.
    pub async fn private(&self, algorithm: u32, pkcs8: &[u8], more: Vec<Item>) -> String {
        let mut attributes = vec![
            number(tag::CRYPTOGRAPHIC_ALGORITHM, algorithm),
            integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 0x9),
            Node::new(tag::ACTIVATION_DATE, Value::DateTime(1)),
        ];
        attributes.extend(more);
        let value = structure(tag::KEY_VALUE, vec![bytes(tag::KEY_MATERIAL, pkcs8)]);
        let block = vec![number(tag::KEY_FORMAT_TYPE, KeyFormatType::PKCS_8.0), value];
        let object = structure(tag::PRIVATE_KEY, vec![structure(tag::KEY_BLOCK, block)]);
        self.register(ObjectType::PRIVATE_KEY, attributes, object)
            .await
    }

    /// A registered public key, active: verifies and encrypts.
    pub async fn public(&self, algorithm: u32, info: &[u8]) -> String {
        let attributes = vec![
            number(tag::CRYPTOGRAPHIC_ALGORITHM, algorithm),
            integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 0x6),
            Node::new(tag::ACTIVATION_DATE, Value::DateTime(1)),
        ];
        let value = structure(tag::KEY_VALUE, vec![bytes(tag::KEY_MATERIAL, info)]);
        let block = vec![number(tag::KEY_FORMAT_TYPE, KeyFormatType::X_509.0), value];
        let object = structure(tag::PUBLIC_KEY, vec![structure(tag::KEY_BLOCK, block)]);
        self.register(ObjectType::PUBLIC_KEY, attributes, object)
            .await
    }

    async fn register(&self, of: ObjectType, attributes: Vec<Item>, object: Item) -> String {
        let payload = vec![
            number(tag::OBJECT_TYPE, of.0),
            structure(tag::ATTRIBUTES, attributes),
            object,
        ];
        self.tell(Operation::REGISTER, payload).await.ok().id()
    }

    pub async fn revoke(&self, id: &str) {
        let code = RevocationReasonCode::CESSATION_OF_OPERATION.0;
        let reason = vec![number(tag::REVOCATION_REASON_CODE, code)];
        let payload = vec![uid(id), structure(tag::REVOCATION_REASON, reason)];
        self.tell(Operation::REVOKE, payload).await.ok();
    }
}

pub fn token_directory() -> PathBuf {
    // It stays: kryoptic opens every database it was ever given again when another is added.
    tempfile::Builder::new()
        .prefix("keyward-test-token-")
        .tempdir()
        .unwrap()
        .keep()
}

pub async fn answer(
    engine: &Arc<Engine>,
    who: Who,
    operation: Operation,
    payload: Vec<Item>,
) -> Vec<u8> {
    let certificate = who.certificate();
    let fingerprint = Sha256::digest(&certificate).into();
    let sender = engine
        .sender(&certificate, &fingerprint, "192.0.2.1".into())
        .await;
    let mut answer = Vec::new();
    batch::answer(engine, &sender, &message(operation, payload), &mut answer).await;
    answer
}
