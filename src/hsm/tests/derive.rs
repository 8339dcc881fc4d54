//! Derivation on each token: NIST's vectors, and results that stay inside.

use super::*;
use crate::hsm::kdf108::tests::vectors;
use crate::library::{kdf, mac};
use crate::mechanism;
use crate::mechanism::hash::HashRow;
use crate::protocol::enumeration::HashingAlgorithm;

fn hmac_row(hash: u32) -> &'static mechanism::Row {
    mechanism::hmac(HashingAlgorithm(hash)).unwrap()
}

fn hash_row(hash: u32) -> &'static HashRow {
    mechanism::hash::find(HashingAlgorithm(hash)).unwrap()
}

/// CAVP's records, with HMACs in the token.
pub(super) async fn kdf108_of_nist(ground: &Ground) {
    for (number, vector) in vectors().into_iter().enumerate() {
        let name = format!("kdf108-{number}");
        let blob = ground.known(&vector.key).await;
        let kind = match vector.prf.shape {
            mechanism::Shape::Hmac { .. } => KeyKind::Generic,
            _ => KeyKind::Aes,
        };
        let key = ground.use_key(&name, kind, &blob);
        let derived = ground
            .hsm
            .kdf108(&key, vector.prf, vector.kdf, &vector.iv, &vector.fixed)
            .await
            .unwrap();
        assert_eq!(
            hex::encode(derived.as_slice()),
            hex::encode(&vector.output),
            "{}",
            vector.name
        );
    }
    let blob = ground.known(&[1; 32]).await;
    let key = ground.use_key("kdf108", KeyKind::Generic, &blob);
    let beyond = Kdf108 {
        mode: Mode108::Counter,
        counter: 1,
        length: 255 * 32 + 1,
    };
    let refused = ground.hsm.kdf108(&key, hmac_row(6), beyond, b"", b"").await;
    assert!(matches!(refused, Err(HsmError::BadInput(_))));
    // More than runs on the caller's thread.
    let long = Kdf108 {
        counter: 4,
        length: 200 * 32,
        ..beyond
    };
    let derived = ground
        .hsm
        .kdf108(&key, hmac_row(6), long, b"", b"x")
        .await
        .unwrap();
    let last = mac::mac(hmac_row(6), &[1; 32], &[], b"\0\0\0\xc8x").unwrap();
    assert_eq!(derived[199 * 32..], last[..]);
}

/// What is wrapped in the token is used as the key it is: its HMAC tells.
async fn tells(ground: &Ground, name: &str, blob: &Blob, expected: &[u8]) {
    assert_eq!(blob.kind, BlobKind::Wrapped);
    assert_eq!(blob.length as usize, expected.len());
    if !ground.embedded && expected.len() < 32 {
        // SoftHSM2 takes no HMAC key shorter than the hash.
        return;
    }
    let key = ground.use_key(name, KeyKind::Generic, blob);
    let mac = ground.hsm.hmac(&key, 6, b"tell").await.unwrap();
    let known = mac::mac(hmac_row(6), expected, &[], b"tell").unwrap();
    assert_eq!(mac, known, "{name}");
    assert!(
        ground
            .hsm
            .open_sealed(&ground.keys, AAD, blob)
            .await
            .is_err()
    );
}

/// The token's own SP 800-108 and HKDF give the library's bytes, where it has them.
pub(super) async fn inside(ground: &Ground) {
    let (secret, salt, info) = ([7; 32], b"a salt".as_slice(), b"an info".as_slice());
    let blob = ground.known(&secret).await;
    let base = ground.use_key("inside", KeyKind::Generic, &blob);
    let hsm = &ground.hsm;
    let derive = async |kdf, inputs, length| hsm.derive_wrapped(&base, kdf, inputs, length).await;
    let counter = derive(TokenKdf::Counter { prf: hmac_row(6) }, [info, b""], 48).await;
    let hkdf = derive(TokenKdf::Hkdf { hash: 6 }, [salt, info], 48).await;
    let unsalted = derive(TokenKdf::Hkdf { hash: 8 }, [b"", info], 32).await;
    if !ground.embedded {
        // SoftHSM2 has neither.
        for refused in [counter, hkdf, unsalted] {
            assert!(matches!(refused, Err(HsmError::Refused(_))), "{refused:?}");
        }
        return;
    }
    let block = |number: u8| {
        let input = [&[0, 0, 0, number], info].concat();
        mac::mac(hmac_row(6), &secret, &[], &input).unwrap()
    };
    let blocks = [block(1).as_slice(), block(2).as_slice()].concat();
    tells(ground, "counter", &counter.unwrap(), &blocks[..48]).await;
    let mut expected = [0; 48];
    kdf::hkdf(hash_row(6), &secret, salt, info, &mut expected).unwrap();
    tells(ground, "hkdf", &hkdf.unwrap(), &expected).await;
    let mut expected = [0; 32];
    kdf::hkdf(hash_row(8), &secret, b"", info, &mut expected).unwrap();
    tells(ground, "unsalted", &unsalted.unwrap(), &expected).await;
}

/// Two pairs of class token agree, whole and cut; the library gives the same for a known key.
pub(super) async fn agreement(ground: &Ground) {
    let Ground { hsm, keys, .. } = ground;
    for curve in [Curve::P256, Curve::P384, Curve::P521] {
        let spec = PairSpec::Ec { curve };
        let ours = hsm
            .generate_pair(keys, spec, Class::Token, AAD)
            .await
            .unwrap();
        let theirs = hsm
            .generate_pair(keys, spec, Class::Served, AAD)
            .await
            .unwrap();
        let pkcs8 = hsm.open_sealed(keys, AAD, &theirs.private).await.unwrap();
        let secret = crate::object::agreement::agree(&pkcs8, &ours.public_key_info).unwrap();
        let (point, _) = crate::object::agreement::point(&theirs.public_key_info)
            .unwrap()
            .unwrap();
        let name = format!("agreement-{curve:?}");
        let private = ground.use_key(&name, KeyKind::EcPrivate, &ours.private);
        for length in [16, 32] {
            let derived = hsm
                .derive_wrapped(&private, TokenKdf::Ecdh, [&point, b""], length)
                .await
                .unwrap();
            let expected = &secret[secret.len() - length..];
            tells(ground, &format!("{name}-{length}"), &derived, expected).await;
        }
        let longer = secret.len() + 1;
        let beyond = hsm.derive_wrapped(&private, TokenKdf::Ecdh, [&point, b""], longer);
        assert!(beyond.await.is_err());
    }
}

/// Derived bytes become a key of class token.
pub(super) async fn wrapped(ground: &Ground) {
    for length in [1, 16, 20, 32, 64, 120] {
        let bytes: Vec<u8> = (0..length).collect();
        let blob = ground.hsm.wrap_derived(&ground.keys, &bytes).await.unwrap();
        tells(ground, &format!("wrapped-{length}"), &blob, &bytes).await;
    }
}

/// One master, one input, on every token (DESIGN §4.4): docs/derivation.md's vector.
pub(super) async fn master(ground: &Ground) {
    let text = include_str!("../../../docs/derivation.md");
    let input: String = text
        .lines()
        .skip_while(|line| !line.starts_with("    000000016b"))
        .take(4)
        .map(str::trim)
        .collect();
    let key: Vec<u8> = (0..32).collect();
    let blob = ground.known(&key).await;
    let key = ground.use_key("master", KeyKind::Generic, &blob);
    let input = hex(&input);
    let mac = ground.hsm.hmac(&key, 6, &input).await.unwrap();
    assert!(text.contains(&hex::encode(mac.as_slice())));
    let kdf = Kdf108 {
        mode: Mode108::Counter,
        counter: 4,
        length: 32,
    };
    let derived = ground
        .hsm
        .kdf108(&key, hmac_row(6), kdf, b"", &input[4..])
        .await
        .unwrap();
    assert_eq!(derived, mac, "MAC is the SP 800-108 block");
    if ground.embedded {
        let native = TokenKdf::Counter { prf: hmac_row(6) };
        let inputs = [&input[4..], b"".as_slice()];
        let inside = ground
            .hsm
            .derive_wrapped(&key, native, inputs, 32)
            .await
            .unwrap();
        tells(ground, "master-inside", &inside, &mac).await;
    }
}
