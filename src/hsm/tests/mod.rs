//! Every verb on every token of this machine: the embedded one always, here and in a
//! process of its own, SoftHSM2 where it is installed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod anchored;
mod answers;
mod apart;
mod availability;
mod derive;
mod keys;
mod replicas;
mod rewrap;
mod speed;
mod versions;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::fixture::{directory, embedded};
use super::*;
use crate::store::record::{Blob, BlobKind, Class, TenantId};

const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";
const AAD: &[u8] = b"deployment/tenant/identifier";

/// SoftHSM does not stand sessions that end while others work: one test at a time.
static SOFTHSM_TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

fn hex(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).unwrap()
}

/// Of every token, or the first error.
fn in_all<T>(each: Vec<Each<T>>) -> Result<Vec<T>, HsmError> {
    each.into_iter().map(|each| each.done).collect()
}

fn outside(label: &str, pin: &str) -> Config {
    let pin = Pin(Zeroizing::new(pin.as_bytes().to_vec()));
    let source = Source::Module {
        path: SOFTHSM.into(),
        label: label.into(),
        pin,
    };
    Config {
        source,
        ..embedded(Path::new(""))
    }
}

/// A directory of SoftHSM tokens, one for all tests of the process (the module reads its
/// configuration once). None where SoftHSM is not installed.
fn softhsm() -> Option<&'static Path> {
    static HOME: OnceLock<Option<tempfile::TempDir>> = OnceLock::new();
    let home = HOME.get_or_init(|| {
        if !Path::new(SOFTHSM).exists() {
            return None;
        }
        let home = tempfile::tempdir().unwrap();
        let tokens = home.path().join("tokens");
        std::fs::create_dir(&tokens).unwrap();
        let configuration = home.path().join("softhsm2.conf");
        std::fs::write(
            &configuration,
            format!("directories.tokendir = {}\n", tokens.display()),
        )
        .unwrap();
        // SAFETY: once, before the module that reads it is loaded; no test reads the environment.
        #[allow(unsafe_code, reason = "SoftHSM is configured by its environment only")]
        unsafe {
            std::env::set_var("SOFTHSM2_CONF", &configuration);
        }
        for label in ["verbs", "away", "first", "second", "third"] {
            let done = std::process::Command::new("softhsm2-util")
                .args([
                    "--init-token",
                    "--free",
                    "--label",
                    label,
                    "--so-pin",
                    "12345678",
                ])
                .args(["--pin", "1234"])
                .env("SOFTHSM2_CONF", &configuration)
                .output()
                .unwrap();
            assert!(done.status.success(), "{done:?}");
        }
        Some(home)
    });
    home.as_ref().map(tempfile::TempDir::path)
}

struct Ground {
    hsm: Hsm,
    keys: TenantKeys,
    row_mac: Option<WrappedKey>,
    embedded: bool,
}

impl Ground {
    async fn on(hsm: Hsm) -> Ground {
        let keys = fixture::tenant(&hsm, TenantId(7)).await;
        let embedded = !hsm.wants_row_mac_key();
        let mut row_mac = None;
        if !embedded {
            let key = hsm.new_row_mac_key().await.unwrap();
            hsm.use_row_mac_key(1, &key).await.unwrap();
            row_mac = Some(key);
        }
        Ground {
            hsm,
            keys,
            row_mac,
            embedded,
        }
    }

    /// A key with known material, as a registered one.
    async fn known(&self, material: &[u8]) -> Blob {
        self.hsm.seal(&self.keys, AAD, material).await.unwrap()
    }

    fn use_key<'a>(&'a self, name: &'a str, kind: KeyKind, blob: &'a Blob) -> UseKey<'a> {
        UseKey {
            tenant: TenantId(7),
            unique_identifier: name,
            version: 1,
            kind,
            encoding: Encoding::Direct,
            blob,
            aad: AAD,
            keys: &self.keys,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn verbs_on_the_embedded_token() {
    on_an_embedded_token(embedded(&directory())).await;
}

async fn on_an_embedded_token(config: Config) {
    let ground = Ground::on(Hsm::init(config.clone()).unwrap()).await;
    every_verb(&ground).await;
    let ground = Arc::new(ground);
    availability::many_at_once(&ground).await;
    versions::masters(&ground).await;
    drop(ground);
    assert!(matches!(
        Hsm::init(config),
        Err(HsmError::AlreadyInitialised)
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn verbs_on_softhsm() {
    if softhsm().is_none() {
        return;
    }
    let _turn = SOFTHSM_TURN.lock().await;
    let ground = Ground::on(Hsm::init(outside("verbs", "1234")).unwrap()).await;
    every_verb(&ground).await;
    let ground = Arc::new(ground);
    availability::many_at_once(&ground).await;
    let row_mac = ground.row_mac.as_ref().unwrap();
    // Another start, the same row MACs.
    let before = ground.hsm.row_mac(1, b"row").await.unwrap();
    let again = Hsm::open(outside("verbs", "1234")).unwrap();
    assert!(matches!(
        again.row_mac(1, b"row").await,
        Err(HsmError::BadKey(_))
    ));
    again.use_row_mac_key(1, row_mac).await.unwrap();
    assert_eq!(again.row_mac(1, b"row").await.unwrap(), before);
    versions::masters(&ground).await;
}

async fn every_verb(ground: &Ground) {
    row_macs(ground).await;
    seals(ground).await;
    purposes(ground).await;
    answers::ciphers(ground).await;
    answers::macs(ground).await;
    answers::key_wrap(ground).await;
    keys::secrets(ground).await;
    keys::pairs(ground).await;
    keys::odd_pairs(ground).await;
    rewrap::secrets(ground).await;
    rewrap::private_keys(ground).await;
    keys::eviction(ground).await;
    keys::checkpoint(ground).await;
    derive::kdf108_of_nist(ground).await;
    derive::inside(ground).await;
    derive::agreement(ground).await;
    derive::wrapped(ground).await;
    derive::master(ground).await;
    keys::issuing(ground).await;
    anchored::masters(ground).await;
    assert!(ground.hsm.available().await);
    assert_ne!(
        *ground.hsm.random(32).await.unwrap(),
        *ground.hsm.random(32).await.unwrap()
    );
}

async fn row_macs(ground: &Ground) {
    let mac = ground.hsm.row_mac(1, b"row").await.unwrap();
    assert_eq!(ground.hsm.row_mac(1, b"row").await.unwrap(), mac);
    ground.hsm.verify_row_mac(1, b"row", &mac).await.unwrap();
    let forged = ground.hsm.verify_row_mac(1, b"rox", &mac).await;
    assert!(matches!(forged, Err(HsmError::Integrity(_))));
    assert!(matches!(
        ground.hsm.row_mac(2, b"row").await,
        Err(HsmError::BadKey(_))
    ));
    assert_eq!(ground.hsm.row_mac_version().await.unwrap(), 1);
}

async fn seals(ground: &Ground) {
    let Ground { hsm, keys, .. } = ground;
    for clear in [&b""[..], b"x", &[7; 5000]] {
        let blob = hsm.seal(keys, AAD, clear).await.unwrap();
        assert_eq!((blob.kind, blob.key_version), (BlobKind::Sealed, 2));
        assert_eq!(blob.length as usize, clear.len());
        assert_eq!(
            hsm.open_sealed(keys, AAD, &blob).await.unwrap().as_slice(),
            clear
        );
        assert_ne!(hsm.seal(keys, AAD, clear).await.unwrap().bytes, blob.bytes);
        let failed = |result| assert!(matches!(result, Err(HsmError::Integrity(_))), "{result:?}");
        failed(hsm.open_sealed(keys, b"another", &blob).await);
        for position in [0, 12, blob.bytes.len() - 1] {
            let mut changed = blob.clone();
            changed.bytes[position] ^= 1;
            failed(hsm.open_sealed(keys, AAD, &changed).await);
        }
        let mut cut = blob.clone();
        cut.bytes.truncate(11);
        failed(hsm.open_sealed(keys, AAD, &cut).await);
        let other_version = Blob {
            key_version: 1,
            ..blob.clone()
        };
        failed(hsm.open_sealed(keys, AAD, &other_version).await);
        let no_version = Blob {
            key_version: 9,
            ..blob
        };
        assert!(matches!(
            hsm.open_sealed(keys, AAD, &no_version).await,
            Err(HsmError::Lost(_))
        ));
    }
}

/// The handles themselves refuse, whatever the verbs above them do.
async fn purposes(ground: &Ground) {
    let Ground { hsm, keys, .. } = ground;
    let crossed = hsm
        .with_tenant_key(keys, Purpose::Wrap, 1, [], |seat, key, []| {
            tenant::seal_with(seat.session, key, b"", b"clear")
        })
        .await;
    assert!(matches!(crossed, Err(HsmError::BadKey(_))), "{crossed:?}");
    let wrapped = hsm
        .generate(keys, AES_256, Class::Token, AAD)
        .await
        .unwrap();
    let crossed = hsm
        .with_tenant_key(keys, Purpose::Wrap, 1, [], |seat, key, []| {
            Ok(seat
                .session
                .decrypt(Mechanism::Plain(token::raw::CKM_AES_ECB), key, &[0; 16])?)
        })
        .await;
    assert!(matches!(crossed, Err(HsmError::BadKey(_))), "{crossed:?}");
    let crossed = hsm
        .with_tenant_key(
            keys,
            Purpose::Seal,
            2,
            [&wrapped.bytes],
            |seat, key, [wrapped]| {
                let wrapping = Mechanism::Plain(seat.line.probe.key_wrap_padded);
                let template = [
                    (
                        token::raw::CKA_CLASS,
                        token::Value::Number(token::raw::CKO_SECRET_KEY),
                    ),
                    (
                        token::raw::CKA_KEY_TYPE,
                        token::Value::Number(token::raw::CKK_AES),
                    ),
                ];
                Ok(seat.session.unwrap(wrapping, key, wrapped, &template)?)
            },
        )
        .await;
    assert!(matches!(crossed, Err(HsmError::BadKey(_))), "{crossed:?}");
    // A key of class token comes back sensitive, also when somebody asks for a readable one.
    assert!(hsm.info().await.unwrap().unwrap_template);
    let readable = hsm
        .with_tenant_key(
            keys,
            Purpose::Wrap,
            1,
            [&wrapped.bytes],
            |seat, key, [wrapped]| {
                let wrapping = Mechanism::Plain(seat.line.probe.key_wrap_padded);
                let template = [
                    (
                        token::raw::CKA_CLASS,
                        token::Value::Number(token::raw::CKO_SECRET_KEY),
                    ),
                    (
                        token::raw::CKA_KEY_TYPE,
                        token::Value::Number(token::raw::CKK_AES),
                    ),
                    (token::raw::CKA_SENSITIVE, token::Value::Flag(false)),
                ];
                let key = seat.session.unwrap(wrapping, key, wrapped, &template)?;
                Ok(seat.session.attribute(key, token::raw::CKA_VALUE)?)
            },
        )
        .await;
    assert!(matches!(readable, Err(HsmError::BadKey(_))), "{readable:?}");
    // No tenant key, and no master, gives its value away.
    let leaked = hsm
        .with_tenant_key(keys, Purpose::Seal, 2, [], |seat, key, []| {
            Ok(seat.session.attribute(key, token::raw::CKA_VALUE)?)
        })
        .await;
    assert!(matches!(leaked, Err(HsmError::BadKey(_))), "{leaked:?}");
    let leaked = hsm
        .with_tenant_key(keys, Purpose::Wrap, 1, [], |seat, key, []| {
            let kek = seat.line.masters.newest_kek()?.1;
            let wrapping = Mechanism::Plain(seat.line.probe.key_wrap_padded);
            Ok(seat.session.wrap(wrapping, kek, key)?)
        })
        .await;
    assert!(matches!(leaked, Err(HsmError::BadKey(_))), "{leaked:?}");
}

const AES_256: SecretSpec = SecretSpec {
    kind: KeyKind::Aes,
    length: 32,
};

fn parameters(algorithm: u32, mode: u32, padding: u32) -> CipherParameters {
    let tag_length = if matches!(mode, 8 | 9) { 16 } else { 0 };
    CipherParameters {
        algorithm,
        mode,
        padding,
        tag_length,
        counter_bits: 0,
    }
}

const CBC: u32 = 1;
const ECB: u32 = 2;
const CTR: u32 = 6;
const GCM: u32 = 9;
