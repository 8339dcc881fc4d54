//! A server without its network: requests go in as bytes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyward::audit::checkpoint::AuditKey;
use keyward::audit::verify::{self, Expected, Report};
use keyward::clock::Clock;
use keyward::engine::directory::fingerprint_key;
use keyward::engine::founding::{self, FIRST_TENANT};
use keyward::engine::settings::Settings;
use keyward::engine::tenant::{Classes, Identity, Tenant};
use keyward::engine::{Engine, access, batch};
use keyward::hsm::{Config, Hsm, Replicas, Source};
use keyward::protocol::tag;
use keyward::store::Store;
use rustls_pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use ttlv::{Node, Value};

use crate::postgres;

/// Batch Error Continuation Option (KMIP 2.1 §11.6).
pub const UNDO: u32 = 3;

pub struct Ground {
    pub engine: Arc<Engine>,
    url: String,
    /// Of the cluster, where it is PostgreSQL.
    database: Option<String>,
    token: PathBuf,
    directory: tempfile::TempDir,
}

fn certificate() -> CertificateDer<'static> {
    CertificateDer::from(b"any bytes have a fingerprint".to_vec())
}

fn config(token: &Path, deployment: &str) -> Config {
    Config {
        source: Source::Embedded {
            dir: token.to_owned(),
        },
        deployment: deployment.to_owned(),
        node: "main".into(),
        workers: 2,
        loaded_keys: 16,
        hardware: false,
        replicas: Replicas::default(),
        isolation: None,
    }
}

async fn engine(url: &str, token: &Path, directory: &Path) -> Arc<Engine> {
    let store = Arc::new(Store::open(url).await.unwrap());
    let clock = Clock::System;
    let open = |opening: founding::Opening<'_>| {
        let config = config(token, opening.deployment);
        if opening.first {
            Hsm::init(config)
        } else {
            Hsm::open(config)
        }
    };
    let tenant = Tenant {
        name: "default".into(),
        share: true,
        duplicate_names: false,
        withheld: Vec::new(),
        classes: Classes::default(),
    };
    let (hsm, deployment) = founding::token(&store, &clock, &tenant, open)
        .await
        .unwrap();
    if founding::identities(&store, &hsm).await.unwrap().is_empty() {
        let profiles = vec![access::STANDARD.to_owned()];
        let identity = Identity {
            name: "tester".into(),
            created: 0,
            profiles,
            derive: Vec::new(),
            requires_credential: false,
        };
        let key = fingerprint_key(&certificate());
        founding::add_identity(&store, &hsm, FIRST_TENANT, &identity, &key)
            .await
            .unwrap();
    }
    let settings = Settings {
        node: "main".into(),
        anchor: Some(directory.join("anchor")),
        ..Settings::default()
    };
    Engine::open(store, hsm, clock, settings, deployment)
        .await
        .unwrap()
}

impl Ground {
    async fn on(url: Option<(String, String)>) -> Ground {
        let directory = tempfile::tempdir().unwrap();
        // It stays: kryoptic opens every database it was ever given again when another is added.
        let token = tempfile::Builder::new()
            .prefix("keyward-test-token-")
            .tempdir()
            .unwrap()
            .keep();
        let (url, database) = match url {
            Some((url, database)) => (url, Some(database)),
            None => (
                format!("sqlite:{}", directory.path().join("keyward.db").display()),
                None,
            ),
        };
        let engine = engine(&url, &token, directory.path()).await;
        Ground {
            engine,
            url,
            database,
            token,
            directory,
        }
    }

    pub async fn sqlite() -> Ground {
        Ground::on(None).await
    }

    pub async fn postgres() -> Option<Ground> {
        Some(Ground::in_cluster(postgres::shared()?).await)
    }

    pub async fn in_cluster(cluster: &postgres::Cluster) -> Ground {
        let url = cluster.database();
        let database = url.rsplit('/').next().unwrap().to_owned();
        Ground::on(Some((url, database))).await
    }

    /// Another process would open the same files.
    pub async fn restart(&mut self) {
        self.engine.close().await;
        self.engine = engine(&self.url, &self.token, self.directory.path()).await;
    }

    /// Another node of the cluster: its own connections and log, the same database and token.
    pub async fn node(&self, name: &str) -> Arc<Engine> {
        let store = Arc::new(Store::open(&self.url).await.unwrap());
        let (hsm, deployment) = (Arc::clone(&self.engine.hsm), &self.engine.deployment);
        let settings = Settings {
            node: name.into(),
            ..Settings::default()
        };
        Engine::open(store, hsm, Clock::System, settings, deployment.clone())
            .await
            .unwrap()
    }

    pub async fn send(&self, option: Option<u32>, items: Vec<Node<'static>>) -> Vec<u8> {
        let fingerprint = Sha256::digest(certificate()).into();
        let sender = self
            .engine
            .sender(&certificate(), &fingerprint, "192.0.2.1".into())
            .await;
        let mut answer = Vec::new();
        batch::answer(&self.engine, &sender, &message(option, items), &mut answer).await;
        answer
    }

    pub async fn verify(&self, held: &[(&str, &str)]) -> Report {
        let key = AuditKey::new(self.engine.hsm.audit_public_key().await.unwrap());
        let expected: Vec<Expected> = held
            .iter()
            .map(|(place, note)| Expected {
                place: (*place).into(),
                note: (*note).into(),
            })
            .collect();
        let engine = &self.engine;
        verify::node(
            &engine.store,
            &engine.deployment,
            "main",
            Some(&key),
            &expected,
        )
        .await
        .unwrap()
    }

    pub fn anchor(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("anchor/main.checkpoint")).unwrap()
    }

    pub fn forget_anchor(&self) {
        std::fs::remove_dir_all(self.directory.path().join("anchor")).unwrap();
    }

    pub async fn body(&self, sequence: i64) -> Vec<u8> {
        self.engine
            .store
            .audit("main", sequence, 1)
            .await
            .unwrap()
            .remove(0)
            .body
    }

    /// What whoever owns the database can do.
    pub fn unlock(&self) {
        match self.database {
            Some(_) => {
                self.sql("ALTER TABLE audit DISABLE TRIGGER ALL; ALTER TABLE checkpoints DISABLE TRIGGER ALL");
            }
            None => self.sql(
                "DROP TRIGGER audit_update; DROP TRIGGER audit_delete;
                 DROP TRIGGER checkpoints_update; DROP TRIGGER checkpoints_delete",
            ),
        }
    }

    pub fn sql(&self, sql: &str) {
        match &self.database {
            Some(database) => drop(postgres::shared().unwrap().sql(database, sql)),
            None => {
                let path = self.directory.path().join("keyward.db");
                let connection = rusqlite::Connection::open(path).unwrap();
                connection
                    .busy_timeout(std::time::Duration::from_secs(5))
                    .unwrap();
                connection.execute_batch(sql).unwrap();
            }
        }
    }

    pub fn set(&self, sequence: i64, body: &[u8], hash: &[u8]) {
        let bytes = |bytes: &[u8]| match self.database {
            Some(_) => format!("'\\x{}'::bytea", hex::encode(bytes)),
            None => format!("x'{}'", hex::encode(bytes)),
        };
        let (body, hash) = (bytes(body), bytes(hash));
        self.sql(&format!(
            "UPDATE audit SET body = {body}, hash = {hash} WHERE sequence = {sequence}"
        ));
    }

    /// A text as the column of a node's name holds it.
    pub fn text(&self, text: &str) -> String {
        match self.database {
            Some(_) => format!("'{text}'::bytea"),
            None => format!("'{text}'"),
        }
    }
}

fn number(tag: ttlv::Tag, value: i32) -> Node<'static> {
    Node {
        tag,
        value: Value::Integer(value),
    }
}

fn choice(tag: ttlv::Tag, value: u32) -> Node<'static> {
    Node {
        tag,
        value: Value::Enumeration(value),
    }
}

fn message(option: Option<u32>, items: Vec<Node<'static>>) -> Vec<u8> {
    let version = Node::structure(
        tag::PROTOCOL_VERSION,
        vec![
            number(tag::PROTOCOL_VERSION_MAJOR, 2),
            number(tag::PROTOCOL_VERSION_MINOR, 1),
        ],
    );
    let mut header = vec![version];
    header.extend(option.map(|option| choice(tag::BATCH_ERROR_CONTINUATION_OPTION, option)));
    header.push(number(
        tag::BATCH_COUNT,
        i32::try_from(items.len()).unwrap(),
    ));
    let mut parts = vec![Node::structure(tag::REQUEST_HEADER, header)];
    parts.extend(items);
    let mut bytes = Vec::new();
    ttlv::binary::encode(&Node::structure(tag::REQUEST_MESSAGE, parts), &mut bytes);
    bytes
}

fn item(operation: u32, payload: Vec<Node<'static>>) -> Node<'static> {
    let payload = Node::structure(tag::REQUEST_PAYLOAD, payload);
    Node::structure(
        tag::BATCH_ITEM,
        vec![choice(tag::OPERATION, operation), payload],
    )
}

/// An AES-256 key that encrypts and decrypts.
pub fn create() -> Node<'static> {
    create_with(Vec::new())
}

/// The same, to be rotated by the server a second later.
pub fn create_rotating() -> Node<'static> {
    create_with(vec![
        Node::new(tag::ROTATE_AUTOMATIC, Value::Boolean(true)),
        Node::new(tag::ROTATE_INTERVAL, Value::Interval(1)),
    ])
}

fn create_with(more: Vec<Node<'static>>) -> Node<'static> {
    let mut attributes = vec![
        choice(tag::CRYPTOGRAPHIC_ALGORITHM, 3),
        number(tag::CRYPTOGRAPHIC_LENGTH, 256),
        number(tag::CRYPTOGRAPHIC_USAGE_MASK, 12),
    ];
    attributes.extend(more);
    item(
        1,
        vec![
            choice(tag::OBJECT_TYPE, 2),
            Node::structure(tag::ATTRIBUTES, attributes),
        ],
    )
}

pub fn query() -> Node<'static> {
    item(24, vec![choice(tag::QUERY_FUNCTION, 1)])
}

pub fn get(identifier: &'static str) -> Node<'static> {
    let identifier = Node {
        tag: tag::UNIQUE_IDENTIFIER,
        value: Value::TextString(identifier.into()),
    };
    item(10, vec![identifier])
}
