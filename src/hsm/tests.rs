//! Every verb on every token of this machine: the embedded one always, SoftHSM2 where it is installed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::path::Path;
use std::sync::OnceLock;

use super::fixture::{directory, embedded};
use super::*;
use crate::store::record::{Blob, BlobKind, Class, TenantId};

const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";
/// Set in the process that a test starts for itself.
const ALONE: &str = "KEYWARD_TEST_ALONE";
const AAD: &[u8] = b"deployment/tenant/identifier";

fn hex(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).unwrap()
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
        for label in ["verbs", "away"] {
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
            blob,
            aad: AAD,
            keys: &self.keys,
        }
    }
}

#[tokio::test]
async fn verbs_on_the_embedded_token() {
    let dir = directory();
    let ground = Ground::on(Hsm::init(embedded(&dir)).unwrap()).await;
    every_verb(&ground).await;
    drop(ground);
    assert!(matches!(
        Hsm::init(embedded(&dir)),
        Err(HsmError::AlreadyInitialised)
    ));
}

#[tokio::test]
async fn verbs_on_softhsm() {
    if softhsm().is_none() {
        return;
    }
    let ground = Ground::on(Hsm::init(outside("verbs", "1234")).unwrap()).await;
    every_verb(&ground).await;
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
}

async fn every_verb(ground: &Ground) {
    row_macs(ground).await;
    seals(ground).await;
    purposes(ground).await;
    ciphers(ground).await;
    macs(ground).await;
    key_wrap(ground).await;
    secrets(ground).await;
    pairs(ground).await;
    eviction(ground).await;
    checkpoint(ground).await;
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
            Err(HsmError::BadKey(_))
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
        .with_tenant_key(keys, Purpose::Wrap, 1, [&wrapped.bytes], |seat, key, [wrapped]| {
            let wrapping = Mechanism::Plain(seat.line.probe.key_wrap_padded);
            let template = [
                (token::raw::CKA_CLASS, token::Value::Number(token::raw::CKO_SECRET_KEY)),
                (token::raw::CKA_KEY_TYPE, token::Value::Number(token::raw::CKK_AES)),
                (token::raw::CKA_SENSITIVE, token::Value::Flag(false)),
            ];
            let key = seat.session.unwrap(wrapping, key, wrapped, &template)?;
            Ok(seat.session.attribute(key, token::raw::CKA_VALUE)?)
        })
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

/// Known answers, one a row: NIST SP 800-38A appendix F, the GCM specification's test cases 16.
async fn ciphers(ground: &Ground) {
    let blocks = "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51";
    let aes_256 = "603deb1015ca71be2b73aef0857d7781 1f352c073b6108d72d9810a30914dff4";
    let rows = [
        // F.1.1 ECB-AES128, first two blocks.
        (
            ECB,
            "2b7e151628aed2a6abf7158809cf4f3c",
            "",
            "3ad77bb40d7a3660a89ecaf32466ef97 f5d3d58503b9699de785895a96fdbaaf",
        ),
        // F.2.1 CBC-AES128.
        (
            CBC,
            "2b7e151628aed2a6abf7158809cf4f3c",
            "000102030405060708090a0b0c0d0e0f",
            "7649abac8119b246cee98e9b12e9197d 5086cb9b507219ee95db113a917678b2",
        ),
        // F.2.5 CBC-AES256.
        (
            CBC,
            aes_256,
            "000102030405060708090a0b0c0d0e0f",
            "f58c4c04d6e5f1ba779eabfb5f7bfbd6 9cfc4e967edb808d679f777bc6702c7d",
        ),
        // F.5.5 CTR-AES256.
        (
            CTR,
            aes_256,
            "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
            "601ec313775789a5b7a7f504bbf3d228 f443e3ca4d62b59aca84e990cacaf5c5",
        ),
    ];
    for (number, (mode, key, iv, expected)) in rows.into_iter().enumerate() {
        let (name, blob) = (format!("cipher-{number}"), ground.known(&hex(key)).await);
        let key = ground.use_key(&name, KeyKind::Aes, &blob);
        let parameters = parameters(AES, mode, 1);
        let out = ground
            .hsm
            .encrypt(&key, parameters, &hex(iv), b"", &hex(blocks))
            .await
            .unwrap();
        assert_eq!(out.data, hex(expected), "{name}");
        let back = ground
            .hsm
            .decrypt(&key, parameters, &hex(iv), b"", &out.data, b"")
            .await;
        assert_eq!(*back.unwrap(), hex(blocks), "{name}");
    }
    gcm(ground).await;
    padding(ground).await;
    let blob = ground.known(&[1; 24]).await;
    let key = ground.use_key("3des", KeyKind::TripleDes, &blob);
    let out = ground
        .hsm
        .encrypt(&key, parameters(TRIPLE_DES, CBC, 3), &[0; 8], b"", b"abc")
        .await;
    if ground.embedded {
        assert!(
            matches!(out, Err(HsmError::Refused(_) | HsmError::BadKey(_))),
            "{out:?}"
        );
    } else {
        let out = out.unwrap();
        let back = ground
            .hsm
            .decrypt(
                &key,
                parameters(TRIPLE_DES, CBC, 3),
                &[0; 8],
                b"",
                &out.data,
                b"",
            )
            .await;
        assert_eq!(back.unwrap().as_slice(), b"abc");
    }
    let none = ground
        .hsm
        .encrypt(&key, parameters(AES, 3, 1), b"", b"", b"")
        .await;
    assert!(matches!(none, Err(HsmError::Refused(_))));
}

async fn gcm(ground: &Ground) {
    let blob = ground
        .known(&hex(
            "feffe9928665731c6d6a8f9467308308 feffe9928665731c6d6a8f9467308308",
        ))
        .await;
    let key = ground.use_key("gcm", KeyKind::Aes, &blob);
    let (iv, aad) = (
        hex("cafebabefacedbaddecaf888"),
        hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
    );
    let clear = hex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72 \
         1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    );
    let parameters = parameters(AES, GCM, 1);
    let out = ground
        .hsm
        .encrypt(&key, parameters, &iv, &aad, &clear)
        .await
        .unwrap();
    assert_eq!(
        out.data,
        hex(
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa \
         8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
        )
    );
    assert_eq!(out.tag, hex("76fc6ece0f4e1768cddf8853bb2d551b"));
    let open = async |aad: &[u8], data: &[u8], tag: &[u8]| {
        ground
            .hsm
            .decrypt(&key, parameters, &iv, aad, data, tag)
            .await
    };
    assert_eq!(*open(&aad, &out.data, &out.tag).await.unwrap(), clear);
    assert!(matches!(
        open(b"", &out.data, &out.tag).await,
        Err(HsmError::Integrity(_))
    ));
    assert!(matches!(
        open(&aad, &out.data[1..], &out.tag).await,
        Err(HsmError::Integrity(_))
    ));
    assert!(matches!(
        open(&aad, &out.data, &[0; 16]).await,
        Err(HsmError::Integrity(_))
    ));
    assert!(matches!(
        open(&aad, &out.data, &[0; 15]).await,
        Err(HsmError::BadInput(_))
    ));
    // After failures the session works on.
    assert_eq!(*open(&aad, &out.data, &out.tag).await.unwrap(), clear);
}

async fn padding(ground: &Ground) {
    let blob = ground.known(&[9; 32]).await;
    let key = ground.use_key("padding", KeyKind::Aes, &blob);
    for (mode, iv) in [(CBC, &[5; 16][..]), (ECB, &[])] {
        let parameters = parameters(AES, mode, 3);
        for length in [0, 1, 15, 16, 17] {
            let clear = vec![length as u8; length];
            let out = ground
                .hsm
                .encrypt(&key, parameters, iv, b"", &clear)
                .await
                .unwrap();
            assert_eq!(out.data.len(), (length + 1).next_multiple_of(16));
            let back = ground
                .hsm
                .decrypt(&key, parameters, iv, b"", &out.data, b"")
                .await
                .unwrap();
            assert_eq!(*back, clear);
        }
        let broken = ground
            .hsm
            .decrypt(&key, parameters, iv, b"", &[3; 15], b"")
            .await;
        assert!(matches!(broken, Err(HsmError::Integrity(_))), "{broken:?}");
    }
    let uneven = ground
        .hsm
        .encrypt(&key, parameters(AES, CBC, 1), &[0; 16], b"", &[0; 15])
        .await;
    assert!(matches!(uneven, Err(HsmError::BadInput(_))), "{uneven:?}");
    let no_iv = ground
        .hsm
        .encrypt(&key, parameters(AES, CBC, 1), b"", b"", &[0; 16])
        .await;
    assert!(matches!(no_iv, Err(HsmError::BadInput(_))));
}

/// RFC 4231 test cases 1, 2 and 6 (a key of 20 bytes, of 4, and longer than the block); RFC 2202 case 2.
async fn macs(ground: &Ground) {
    const SHA1: u32 = 4;
    const SHA256: u32 = 6;
    const SHA512: u32 = 8;
    let long = "aa".repeat(131);
    let rows = [
        (
            SHA256,
            "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
            &b"Hi There"[..],
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            5,
            "4a656665",
            b"what do ya want for nothing?",
            "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
        ),
        (
            SHA256,
            "4a656665",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            7,
            "4a656665",
            b"what do ya want for nothing?",
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
        ),
        (
            SHA512,
            "4a656665",
            b"what do ya want for nothing?",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
        (
            SHA1,
            "4a656665",
            b"what do ya want for nothing?",
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
        ),
        (
            SHA256,
            &long,
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ];
    for (number, (hash, key, data, expected)) in rows.into_iter().enumerate() {
        let (name, blob) = (format!("mac-{number}"), ground.known(&hex(key)).await);
        let key = ground.use_key(&name, KeyKind::Generic, &blob);
        let mac = ground.hsm.hmac(&key, hash, data).await.unwrap();
        assert_eq!(*mac, hex(expected), "{name}");
        assert!(
            ground
                .hsm
                .hmac_verify(&key, hash, data, &mac)
                .await
                .unwrap()
        );
        assert!(
            !ground
                .hsm
                .hmac_verify(&key, hash, data, &mac[1..])
                .await
                .unwrap()
        );
        assert!(
            !ground
                .hsm
                .hmac_verify(&key, hash, b"other", &mac)
                .await
                .unwrap()
        );
        // Counter mode is HMAC over counter and data: the standard's definition, block by block.
        let derived = ground
            .hsm
            .derive_counter(&key, hash, data, mac.len() + 1)
            .await
            .unwrap();
        for counter in [1_u32, 2] {
            let input = [&counter.to_be_bytes(), data].concat();
            let block = ground.hsm.hmac(&key, hash, &input).await.unwrap();
            let start = (counter as usize - 1) * mac.len();
            let part = &derived[start..derived.len().min(start + mac.len())];
            assert_eq!(part, &block[..part.len()]);
        }
    }
}

async fn key_wrap(ground: &Ground) {
    use WrapMethod::{NistKeyWrap, NistKeyWrapPadded};
    let rows = [
        // RFC 3394 §4.6: 256 bits with a 256-bit key.
        (
            NistKeyWrap,
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f",
            "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21",
        ),
        // RFC 3394 §4.1: 128 bits with a 128-bit key.
        (
            NistKeyWrap,
            "000102030405060708090a0b0c0d0e0f",
            "00112233445566778899aabbccddeeff",
            "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5",
        ),
        // RFC 5649 §6: 20 bytes and 7 bytes.
        (
            NistKeyWrapPadded,
            "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8",
            "c37b7e6492584340bed12207808941155068f738",
            "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
        ),
        (
            NistKeyWrapPadded,
            "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8",
            "466f7250617369",
            "afbeb0f07dfbf5419200f2ccb50bb24f",
        ),
    ];
    for (number, (method, key, clear, expected)) in rows.into_iter().enumerate() {
        let (name, blob) = (format!("wrap-{number}"), ground.known(&hex(key)).await);
        let key = ground.use_key(&name, KeyKind::Aes, &blob);
        let wrapped = ground.hsm.wrap_bytes(&key, method, &hex(clear)).await;
        let even =
            ground.hsm.info().await.unwrap().exact_lengths || hex(clear).len().is_multiple_of(8);
        if !even {
            assert!(matches!(wrapped, Err(HsmError::Refused(_))), "{wrapped:?}");
            let lost = ground.hsm.unwrap_bytes(&key, method, &hex(expected)).await;
            assert!(matches!(lost, Err(HsmError::Refused(_))), "{lost:?}");
            continue;
        }
        let wrapped = wrapped.unwrap();
        assert_eq!(wrapped, hex(expected), "{name}");
        assert_eq!(
            *ground
                .hsm
                .unwrap_bytes(&key, method, &wrapped)
                .await
                .unwrap(),
            hex(clear)
        );
        let mut changed = wrapped.clone();
        changed[3] ^= 1;
        let failed = ground.hsm.unwrap_bytes(&key, method, &changed).await;
        assert!(
            matches!(failed, Err(HsmError::Integrity(_))),
            "{name} {failed:?}"
        );
    }
    let blob = ground.known(&[1; 32]).await;
    let key = ground.use_key("wrap-zeros", KeyKind::Aes, &blob);
    // Zeros at the end are the client's, not the token's.
    for length in 1..=33_usize {
        if length % 8 == 0 || ground.embedded {
            {
                let method = NistKeyWrapPadded;
                let zeros = vec![0; length];
                let wrapped = ground.hsm.wrap_bytes(&key, method, &zeros).await.unwrap();
                assert_eq!(
                    *ground
                        .hsm
                        .unwrap_bytes(&key, method, &wrapped)
                        .await
                        .unwrap(),
                    zeros
                );
            }
        }
    }
    let blob = ground.known(&[1; 16]).await;
    let key = ground.use_key("wrap-bad", KeyKind::Aes, &blob);
    for clear in [&[0; 20][..], &[0; 8], &[]] {
        let refused = ground.hsm.wrap_bytes(&key, NistKeyWrap, clear).await;
        assert!(matches!(refused, Err(HsmError::BadInput(_))));
    }
}

async fn secrets(ground: &Ground) {
    let Ground { hsm, keys, .. } = ground;
    for class in [Class::Token, Class::Served] {
        for length in [16, 24, 32] {
            let spec = SecretSpec {
                kind: KeyKind::Aes,
                length,
            };
            let blob = hsm.generate(keys, spec, class, AAD).await.unwrap();
            assert_eq!(blob.length as usize, length);
            assert_eq!(blob.kind == BlobKind::Wrapped, class == Class::Token);
            let name = format!("aes-{class:?}-{length}");
            let key = ground.use_key(&name, KeyKind::Aes, &blob);
            let out = hsm
                .encrypt(&key, parameters(AES, GCM, 1), &[1; 12], b"", b"x")
                .await
                .unwrap();
            let back = hsm
                .decrypt(
                    &key,
                    parameters(AES, GCM, 1),
                    &[1; 12],
                    b"",
                    &out.data,
                    &out.tag,
                )
                .await;
            assert_eq!(back.unwrap().as_slice(), b"x");
            let opened = hsm.open_sealed(keys, AAD, &blob).await;
            assert_eq!(opened.is_ok(), class == Class::Served);
        }
        for length in [20, 32, 64] {
            let spec = SecretSpec {
                kind: KeyKind::Generic,
                length,
            };
            let blob = hsm.generate(keys, spec, class, AAD).await.unwrap();
            let name = format!("generic-{class:?}-{length}");
            let key = ground.use_key(&name, KeyKind::Generic, &blob);
            let mac = hsm.hmac(&key, 4, b"data").await.unwrap();
            assert_eq!(mac.len(), 20);
        }
    }
    let des = SecretSpec {
        kind: KeyKind::TripleDes,
        length: 24,
    };
    let blob = hsm.generate(keys, des, Class::Served, AAD).await.unwrap();
    let clear = hsm.open_sealed(keys, AAD, &blob).await.unwrap();
    assert!(clear.iter().all(|byte| byte.count_ones() % 2 == 1));
    let odd = SecretSpec {
        kind: KeyKind::Aes,
        length: 20,
    };
    assert!(matches!(
        hsm.generate(keys, odd, Class::Token, AAD).await,
        Err(HsmError::BadKey(_))
    ));
}

async fn pairs(ground: &Ground) {
    let Ground { hsm, keys, .. } = ground;
    for class in [Class::Token, Class::Served] {
        for curve in [Curve::P256, Curve::P384, Curve::P521] {
            let pair = hsm
                .generate_pair(keys, PairSpec::Ec { curve }, class, AAD)
                .await
                .unwrap();
            let PublicParts::Ec { point, .. } = &pair.public else {
                panic!("{pair:?}")
            };
            let name = format!("ec-{class:?}-{curve:?}");
            let key = ground.use_key(&name, KeyKind::EcPrivate, &pair.private);
            let digest = [7; 32];
            let signature = hsm
                .sign(&key, Signature::EcdsaDigest, &digest)
                .await
                .unwrap();
            assert_eq!(signature.len(), 2 * curve.size());
            assert_eq!(point.len(), 2 * curve.size() + 1);
            x509_parser::prelude::FromDer::from_der(&pair.public_key_info)
                .map(|(_, info): (_, x509_parser::x509::SubjectPublicKeyInfo<'_>)| info)
                .unwrap();
            if class == Class::Served {
                let pkcs8 = hsm.open_sealed(keys, AAD, &pair.private).await.unwrap();
                assert_eq!(der::whole_length(&pkcs8), Some(pkcs8.len()));
                // The private key holds the public one's point or makes it: rcgen checks when it can.
                if curve != Curve::P521 {
                    let pair_back = rcgen::KeyPair::try_from(pkcs8.as_slice()).unwrap();
                    assert_eq!(
                        rcgen::PublicKeyData::subject_public_key_info(&pair_back),
                        pair.public_key_info
                    );
                }
            }
        }
        let spec = PairSpec::Rsa { bits: 2048 };
        let pair = hsm.generate_pair(keys, spec, class, AAD).await.unwrap();
        let PublicParts::Rsa { modulus, exponent } = &pair.public else {
            panic!("{pair:?}")
        };
        assert_eq!((modulus.len(), exponent.as_slice()), (256, &[1, 0, 1][..]));
        let name = format!("rsa-{class:?}");
        let key = ground.use_key(&name, KeyKind::RsaPrivate, &pair.private);
        for scheme in [
            Signature::RsaPkcs1 { hash: 6 },
            Signature::RsaPss {
                hash: 6,
                salt_length: 32,
            },
        ] {
            assert_eq!(hsm.sign(&key, scheme, b"message").await.unwrap().len(), 256);
        }
        if class == Class::Served {
            let pkcs8 = hsm.open_sealed(keys, AAD, &pair.private).await.unwrap();
            let pair_back = rcgen::KeyPair::try_from(pkcs8.as_slice()).unwrap();
            assert_eq!(
                rcgen::PublicKeyData::subject_public_key_info(&pair_back),
                pair.public_key_info
            );
        }
    }
    let short = hsm
        .generate_pair(keys, PairSpec::Rsa { bits: 1024 }, Class::Token, AAD)
        .await;
    assert!(matches!(short, Err(HsmError::BadKey(_))));
}

/// More keys than places: every one still answers, and the token does not fill up.
async fn eviction(ground: &Ground) {
    let mut made = Vec::new();
    for number in 0_u8..100 {
        made.push((
            format!("evicted-{number}"),
            ground.known(&[number; 32]).await,
        ));
    }
    let mut macs = Vec::new();
    for round in 0..2 {
        for (number, (name, blob)) in made.iter().enumerate() {
            let key = ground.use_key(name, KeyKind::Generic, blob);
            let mac = ground.hsm.hmac(&key, 6, b"data").await.unwrap();
            if round == 0 {
                macs.push(mac)
            } else {
                assert_eq!(mac, macs[number])
            }
        }
    }
    let objects = ground
        .hsm
        .pool
        .run(Cost::Short, [], |seat, []| {
            seat.bury()?;
            let kind = (
                token::raw::CKA_KEY_TYPE,
                token::Value::Number(token::raw::CKK_GENERIC_SECRET),
            );
            Ok(seat.session.find(&[kind], 1000)?.len())
        })
        .await
        .unwrap();
    assert!(objects <= 64 + 8, "{objects} objects stay in the token");
    let (name, blob) = &made[99];
    ground.hsm.forget(TenantId(7), name, 1).await.unwrap();
    let key = ground.use_key(name, KeyKind::Generic, blob);
    assert_eq!(ground.hsm.hmac(&key, 6, b"data").await.unwrap(), macs[99]);
    // A changed row is another key: its blob is opened again, and this one does not open.
    let mut forged = blob.clone();
    forged.bytes[20] ^= 1;
    let key = UseKey {
        version: 2,
        blob: &forged,
        ..key
    };
    assert!(matches!(
        ground.hsm.hmac(&key, 6, b"data").await,
        Err(HsmError::Integrity(_))
    ));
}

async fn checkpoint(ground: &Ground) {
    let signature = ground.hsm.sign_checkpoint(b"checkpoint").await.unwrap();
    let info = ground.hsm.audit_public_key().await.unwrap();
    let point = &info[info.len() - 65..];
    let key = aws_lc_rs::signature::UnparsedPublicKey::new(
        &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED,
        point,
    );
    key.verify(b"checkpoint", &signature).unwrap();
    assert!(key.verify(b"checkpoinT", &signature).is_err());
}

#[tokio::test]
async fn the_embedded_token_is_the_same_after_a_restart() {
    let dir = directory();
    let hsm = Hsm::init(embedded(&dir)).unwrap();
    let wrapped = hsm.new_tenant_key(Purpose::Seal).await.unwrap();
    let keys = || TenantKeys::new(TenantId(1), [(Purpose::Seal, 1, wrapped.clone())]);
    let blob = hsm.seal(&keys(), AAD, b"clear").await.unwrap();
    let mac = hsm.row_mac(1, b"row").await.unwrap();
    drop(hsm);
    let start = std::time::Instant::now();
    let hsm = Hsm::open(embedded(&dir)).unwrap();
    assert!(start.elapsed().as_millis() < 500, "{:?}", start.elapsed());
    assert_eq!(
        hsm.open_sealed(&keys(), AAD, &blob)
            .await
            .unwrap()
            .as_slice(),
        b"clear"
    );
    hsm.verify_row_mac(1, b"row", &mac).await.unwrap();
    let other = Config {
        deployment: "other".into(),
        ..embedded(&dir)
    };
    assert!(matches!(Hsm::open(other), Err(HsmError::Damaged(_))));
}

#[tokio::test]
async fn the_embedded_tokens_files_are_the_servers_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = directory();
    let home = dir.join("token");
    let hsm = Hsm::init(embedded(&home)).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for dir in [home.clone(), home.join("forge")] {
        assert_eq!(mode(&dir), 0o700);
        for entry in std::fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            assert!(path.is_dir() || mode(&path) == 0o600, "{}", path.display());
        }
    }
    drop(hsm);
    let pins = home.join(token::PINS_FILE);
    std::fs::set_permissions(&pins, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(
        Hsm::open(embedded(&home)),
        Err(HsmError::Unavailable(_))
    ));
    std::fs::remove_file(&pins).unwrap();
    assert!(matches!(
        Hsm::init(embedded(&home)),
        Err(HsmError::Unavailable(_))
    ));
    assert!(Hsm::open(embedded(&dir.join("nothing"))).is_err());
}

#[tokio::test]
async fn sessions_that_end_behind_its_back_are_built_anew() {
    let dir = directory();
    let ground = Ground::on(Hsm::init(embedded(&dir)).unwrap()).await;
    let blob = ground
        .hsm
        .generate(&ground.keys, AES_256, Class::Token, AAD)
        .await
        .unwrap();
    let key = ground.use_key("key", KeyKind::Aes, &blob);
    let mac = ground.hsm.hmac(&key, 6, b"data").await.unwrap();
    let sealed = ground.known(b"clear").await;
    for _ in 0..2 {
        let slot = ground.hsm.pool.run(Cost::Short, [], |seat, []| {
            Ok((seat.line.module, seat.line.slot))
        });
        let (module, slot) = slot.await.unwrap();
        module.close_all(slot).unwrap();
        assert_eq!(ground.hsm.hmac(&key, 6, b"data").await.unwrap(), mac);
        module.close_all(slot).unwrap();
        let opened = ground
            .hsm
            .open_sealed(&ground.keys, AAD, &sealed)
            .await
            .unwrap();
        assert_eq!(opened.as_slice(), b"clear");
        assert!(ground.hsm.available().await);
    }
}

/// The token's directory is gone and comes back: clear failures, not ready, then all is well.
#[tokio::test]
async fn a_token_away_fails_clearly_and_recovers() {
    let Some(home) = softhsm() else { return };
    // SoftHSM keeps one list of tokens for the process: a process of its own for this test.
    if std::env::var_os(ALONE).is_none() {
        let done = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "hsm::tests::a_token_away_fails_clearly_and_recovers",
            ])
            .env(ALONE, "1")
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stdout)
        );
        return;
    }
    let ground = Ground::on(Hsm::init(outside("away", "1234")).unwrap()).await;
    let blob = ground
        .hsm
        .generate(&ground.keys, AES_256, Class::Token, AAD)
        .await
        .unwrap();
    let key = ground.use_key("key", KeyKind::Aes, &blob);
    let mac = ground.hsm.hmac(&key, 6, b"data").await.unwrap();
    let (here, away) = (home.join("tokens"), home.join("away"));
    std::fs::rename(&here, &away).unwrap();
    std::fs::create_dir(&here).unwrap();
    let slot = ground.hsm.pool.run(Cost::Short, [], |seat, []| {
        Ok((seat.line.module, seat.line.slot))
    });
    let (module, slot) = slot.await.unwrap();
    module.close_all(slot).unwrap();
    for _ in 0..3 {
        let failed = ground.hsm.hmac(&key, 6, b"data").await;
        assert!(
            matches!(failed, Err(HsmError::Unavailable(_))),
            "{failed:?}"
        );
        assert!(!ground.hsm.available().await);
    }
    // What needs no token still answers: rows are verified, though no key is used.
    ground.hsm.row_mac(1, b"row").await.unwrap();
    std::fs::remove_dir_all(&here).unwrap();
    std::fs::rename(&away, &here).unwrap();
    let start = std::time::Instant::now();
    while !ground.hsm.available().await {
        assert!(start.elapsed().as_secs() < 5, "the token did not come back");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(ground.hsm.hmac(&key, 6, b"data").await.unwrap(), mac);
}

#[tokio::test]
async fn a_wrong_pin_is_tried_once() {
    if softhsm().is_none() {
        return;
    }
    let wrong = Hsm::open(outside("away", "4321"));
    assert!(
        matches!(&wrong, Err(HsmError::Unavailable(text)) if text.contains("PIN")),
        "{wrong:?}"
    );
    let none = Hsm::open(outside("no such token", "1234"));
    assert!(matches!(none, Err(HsmError::Unavailable(_))));
}

/// kryoptic locks its token while it makes a key; the others must not wait for an RSA key.
#[tokio::test]
async fn short_operations_do_not_wait_for_rsa_keys() {
    let ground = Ground::on(fixture::hsm()).await;
    let (hsm, keys) = (&ground.hsm, &ground.keys);
    let spec = PairSpec::Rsa { bits: 4096 };
    let (begun, mut longest) = (std::time::Instant::now(), std::time::Duration::ZERO);
    let mut count = 0;
    let mut making = std::pin::pin!(hsm.generate_pair(keys, spec, Class::Token, AAD));
    let making = loop {
        tokio::select! {
            biased;
            pair = &mut making => break pair,
            () = tokio::time::sleep(std::time::Duration::from_millis(1)) => {}
        }
        let start = std::time::Instant::now();
        hsm.row_mac(1, b"row").await.unwrap();
        hsm.generate(keys, AES_256, Class::Token, AAD)
            .await
            .unwrap();
        longest = longest.max(start.elapsed());
        count += 1;
    };
    making.unwrap();
    assert!(
        count > 10,
        "the key was there before anything could wait for it"
    );
    let whole = begun.elapsed();
    assert!(longest * 4 < whole, "waited {longest:?} of {whole:?}");
}

/// `cargo test --release --lib hsm::tests::speed -- --ignored --nocapture`
#[tokio::test]
#[ignore = "a measurement, not a check"]
async fn speed() {
    let dir = directory();
    let ground = Ground::on(Hsm::init(embedded(&dir)).unwrap()).await;
    let Ground { hsm, keys, .. } = &ground;
    let sealed = ground.known(&[7; 32]).await;
    let wrapped = hsm
        .generate(keys, AES_256, Class::Token, AAD)
        .await
        .unwrap();
    let key = ground.use_key("hot", KeyKind::Aes, &wrapped);
    let gcm = parameters(AES, GCM, 1);
    let pair = hsm
        .generate_pair(keys, PairSpec::Ec { curve: Curve::P256 }, Class::Token, AAD)
        .await;
    let pair = pair.unwrap();
    let ec = ground.use_key("ec", KeyKind::EcPrivate, &pair.private);
    let (ground, wrapped) = (&ground, &wrapped);
    macro_rules! measure {
        ($name:literal, $count:expr, |$number:ident| $call:expr) => {{
            let start = std::time::Instant::now();
            for $number in 0..$count {
                let _ = $number;
                std::hint::black_box($call.await.unwrap());
            }
            let each = start.elapsed().as_secs_f64() * 1e6 / f64::from($count);
            println!("{:>32} {each:8.2} us", $name);
        }};
    }
    for _ in 0..2 {
        measure!("row_mac 500 B", 20_000, |number| hsm.row_mac(1, &[3; 500]));
        measure!("seal 32 B", 20_000, |number| hsm.seal(keys, AAD, &[3; 32]));
        measure!("open 32 B", 20_000, |number| hsm
            .open_sealed(keys, AAD, &sealed));
        measure!("encrypt AES-GCM 64 B, loaded", 20_000, |number| hsm
            .encrypt(&key, gcm, &[1; 12], b"", &[3; 64]));
        measure!("hmac SHA-256 64 B, loaded", 20_000, |number| hsm
            .hmac(&key, 6, &[3; 64]));
        measure!("sign ECDSA P-256, loaded", 2_000, |number| hsm.sign(
            &ec,
            Signature::EcdsaDigest,
            &[3; 32]
        ));
        measure!("load wrapped key and hmac", 5_000, |number| {
            let name = format!("cold-{number}");
            async move {
                let key = ground.use_key(&name, KeyKind::Generic, wrapped);
                hsm.hmac(&key, 6, b"data").await
            }
        });
        measure!("generate AES-256 in token", 5_000, |number| hsm.generate(
            keys,
            AES_256,
            Class::Token,
            AAD
        ));
        measure!("generate AES-256 and seal", 5_000, |number| hsm.generate(
            keys,
            AES_256,
            Class::Served,
            AAD
        ));
        measure!("generate P-256 in token", 500, |number| hsm.generate_pair(
            keys,
            PairSpec::Ec { curve: Curve::P256 },
            Class::Token,
            AAD
        ));
        measure!("random 32 B", 20_000, |number| hsm.random(32));
    }
    let start = std::time::Instant::now();
    drop(Hsm::open(embedded(&dir)).unwrap());
    println!(
        "{:>32} {:8.2} us",
        "open again",
        start.elapsed().as_secs_f64() * 1e6
    );
}
