//! The token behind its pool. On the embedded one short calls run where they are, long ones on a
//! worker; on SoftHSM every call is a hop to a worker.

use std::cell::OnceCell;
use std::hint::black_box;

use criterion::Criterion;
use keyward::hsm::{
    AES, CipherParameters, Encoding, Hsm, KeyKind, PairSpec, Purpose, SecretSpec, Signature,
    TenantKeys, UseKey,
};
use keyward::object::format::Curve;
use keyward::store::{Blob, Class, TenantId};
use tokio::runtime::Runtime;

use crate::outside;

const TENANT: TenantId = TenantId(7);
const AAD: &[u8] = b"deployment/tenant/identifier";
const GCM: CipherParameters = CipherParameters {
    algorithm: AES,
    mode: 9,
    padding: 1,
    tag_length: 16,
    counter_bits: 0,
};
/// Hashing Algorithm SHA-256 (KMIP 2.1 §11.24).
const SHA_256: u32 = 6;

struct Ground {
    hsm: Hsm,
    keys: TenantKeys,
    aes: Blob,
    secret: Blob,
    ec: Blob,
    rsa: Blob,
    sealed: Blob,
}

impl Ground {
    async fn new(hsm: Hsm) -> Ground {
        if hsm.wants_row_mac_key() {
            let key = hsm.new_row_mac_key().await.expect("a key");
            hsm.use_row_mac_key(1, &key).await.expect("a key");
        }
        let mut keys = Vec::new();
        for purpose in [Purpose::Wrap, Purpose::Seal] {
            let key = hsm.new_tenant_key(purpose).await.expect("a key");
            keys.push((purpose, 1, key));
        }
        let keys = TenantKeys::new(TENANT, keys);
        let make = async |kind| {
            let spec = SecretSpec { kind, length: 32 };
            let made = hsm.generate(&keys, spec, Class::Token, AAD).await;
            made.expect("a key")
        };
        let (aes, secret) = (make(KeyKind::Aes).await, make(KeyKind::Generic).await);
        let pair = async |spec| {
            let made = hsm.generate_pair(&keys, spec, Class::Token, AAD).await;
            made.expect("a pair").private
        };
        Ground {
            sealed: hsm.seal(&keys, AAD, &[7; 32]).await.expect("a seal"),
            ec: pair(PairSpec::Ec { curve: Curve::P256 }).await,
            rsa: pair(PairSpec::Rsa { bits: 2048 }).await,
            aes,
            secret,
            keys,
            hsm,
        }
    }

    fn key<'a>(&'a self, name: &'a str, kind: KeyKind, blob: &'a Blob) -> UseKey<'a> {
        UseKey {
            tenant: TENANT,
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

pub fn run(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let home = outside::home();
    let embedded = OnceCell::new();
    let start = |config| runtime.block_on(Ground::new(Hsm::init(config).expect("a token")));
    let ground = || Some(embedded.get_or_init(|| start(outside::embedded(&home))));
    one(criterion, &runtime, "embedded", &ground);
    let softhsm = OnceCell::new();
    let ground = || {
        softhsm
            .get_or_init(|| outside::softhsm(&home).map(start))
            .as_ref()
    };
    one(criterion, &runtime, "softhsm", &ground);
}

fn one<'g>(
    criterion: &mut Criterion,
    runtime: &Runtime,
    token: &str,
    ground: &dyn Fn() -> Option<&'g Ground>,
) {
    let mut group = criterion.benchmark_group(format!("token/{token}"));
    macro_rules! measure {
        ($name:literal, $ground:ident $(, $key:ident = $make:expr)?; $call:expr) => {
            group.bench_function($name, |b| {
                let Some($ground) = ground() else { return };
                $(let $key = $make;)?
                b.iter(|| runtime.block_on($call).expect("an answer"));
            });
        };
    }
    // Next to no work: on the embedded token these two are the way to it, here and by a worker.
    measure!("random 8 B", ground; ground.hsm.random(8));
    measure!("token info, by a worker", ground; ground.hsm.info());
    measure!("row MAC of 500 B", ground; ground.hsm.row_mac(1, black_box(&[3; 500])));
    measure!("seal 32 B", ground; ground.hsm.seal(&ground.keys, AAD, black_box(&[3; 32])));
    measure!("open 32 B", ground; ground.hsm.open_sealed(&ground.keys, AAD, &ground.sealed));
    measure!("HMAC-SHA-256 of 64 B", ground, key = ground.key("secret", KeyKind::Generic, &ground.secret);
        ground.hsm.hmac(&key, SHA_256, black_box(&[3; 64])));
    measure!("AES-256-GCM of 64 B", ground, key = ground.key("aes", KeyKind::Aes, &ground.aes);
        ground.hsm.encrypt(&key, GCM, &[1; 12], b"", black_box(&[3; 64])));
    measure!("AES-256-GCM of 4 KiB", ground, key = ground.key("aes", KeyKind::Aes, &ground.aes);
        ground.hsm.encrypt(&key, GCM, &[1; 12], b"", black_box(&[3; 4096])));
    measure!("ECDSA P-256", ground, key = ground.key("ec", KeyKind::EcPrivate, &ground.ec);
        ground.hsm.sign(&key, Signature::EcdsaDigest, black_box(&[3; 32])));
    // DigestInfo of a SHA-256 (RFC 8017 §9.2).
    let info = [
        &hex::decode("3031300d060960864801650304020105000420").expect("hex")[..],
        &[3; 32],
    ]
    .concat();
    measure!("RSA-2048 PKCS#1 v1.5", ground, key = ground.key("rsa", KeyKind::RsaPrivate, &ground.rsa);
        ground.hsm.sign(&key, Signature::RsaPkcs1Info, black_box(&info)));
    group.finish();
}
