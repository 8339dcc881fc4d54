//! What a token lacks, the library does with keys of class served, and nobody with keys of class token.

use keyward::mechanism::{MECHANISMS, Service};
use keyward::protocol::enumeration::{
    CryptographicAlgorithm, Operation, PaddingMethod, ResultReason,
};
use keyward::protocol::tag;

use crate::ground::*;

/// A key that the server made, of that class, active.
async fn created(ground: &Ground, algorithm: u32, bits: i32, of: &'static str) -> Answer {
    let attributes = vec![
        number(tag::CRYPTOGRAPHIC_ALGORITHM, algorithm),
        integer(tag::CRYPTOGRAPHIC_LENGTH, bits),
        integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 0x18c),
        ttlv::Node::new(tag::ACTIVATION_DATE, ttlv::Value::DateTime(1)),
        class(of),
    ];
    let payload = vec![
        number(tag::OBJECT_TYPE, 2),
        structure(tag::ATTRIBUTES, attributes),
    ];
    ground.tell(Operation::CREATE, payload).await
}

/// Every row of ciphers and MACs with keys of both classes.
pub async fn classes(ground: &Ground) {
    let mut refused = 0;
    for row in MECHANISMS {
        let (operation, answered) = match row.service {
            Service::Cipher => (Operation::ENCRYPT, tag::DATA),
            Service::Mac => (Operation::MAC, tag::MAC_DATA),
            _ => continue,
        };
        // SoftHSM takes no HMAC key shorter than the digest.
        let length = row.keys.last().copied().unwrap_or(64);
        // Key Length counts no parity bits, and XTS has two keys.
        let bits = match row.algorithm {
            CryptographicAlgorithm::DES3 => 168,
            CryptographicAlgorithm::AES => 256,
            _ => 8 * length as i32,
        };
        if row.name == "aes-xts" {
            continue;
        }
        for of in ["served", "token"] {
            let made = created(ground, row.algorithm.0, bits, of).await;
            if of == "token" && made.reason.is_some() {
                // No such keys in this token.
                refused += 1;
                continue;
            }
            let id = made.ok().id();
            let data = bytes(tag::DATA, &[7; 32]);
            let payload = vec![uid(&id), of_row(row, Vec::new()), data];
            let answer = ground.tell(operation, payload).await;
            if of == "token" && !ground.engine.hsm.has(row) {
                answer.fails(ResultReason::UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS);
                refused += 1;
            } else {
                assert_eq!(answer.reason, None, "{} {of}: {}", row.name, answer.message);
                assert!(!answer.bytes(answered).is_empty());
            }
        }
    }
    assert!(refused > 0, "no token has everything");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_the_embedded_token() {
    classes(&Ground::new().await).await;
}

/// Besides: padded key wrap of an odd length, PKCS#1 v1.5.
pub async fn on_softhsm(ground: &Ground) {
    classes(ground).await;
    let row = keyward::mechanism::named("aes-key-wrap-padded").unwrap();
    for (of, reason) in [
        ("served", None),
        (
            "token",
            Some(ResultReason::UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS),
        ),
    ] {
        let id = created(ground, CryptographicAlgorithm::AES.0, 256, of)
            .await
            .ok()
            .id();
        let payload = vec![
            uid(&id),
            of_row(row, Vec::new()),
            bytes(tag::DATA, &[7; 19]),
        ];
        let answer = ground.tell(Operation::ENCRYPT, payload).await;
        assert_eq!(
            answer.reason.map(ResultReason),
            reason,
            "{}",
            answer.message
        );
        if reason.is_some() {
            continue;
        }
        let sealed = bytes(tag::DATA, &answer.bytes(tag::DATA));
        let payload = vec![uid(&id), of_row(row, Vec::new()), sealed];
        let clear = ground.tell(Operation::DECRYPT, payload).await.ok();
        assert_eq!(clear.bytes(tag::DATA), [7; 19]);
    }
    let attributes = |mask| vec![integer(tag::CRYPTOGRAPHIC_USAGE_MASK, mask)];
    let payload = vec![
        structure(
            tag::COMMON_ATTRIBUTES,
            vec![
                number(tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::RSA.0),
                integer(tag::CRYPTOGRAPHIC_LENGTH, 2048),
                ttlv::Node::new(tag::ACTIVATION_DATE, ttlv::Value::DateTime(1)),
                class("token"),
            ],
        ),
        structure(tag::PRIVATE_KEY_ATTRIBUTES, attributes(0x8)),
        structure(tag::PUBLIC_KEY_ATTRIBUTES, attributes(0x4)),
    ];
    let made = ground.tell(Operation::CREATE_KEY_PAIR, payload).await.ok();
    let half = |tag| made.text(tag);
    let how = parameters(vec![number(
        tag::PADDING_METHOD,
        PaddingMethod::PKCS1_V1_5.0,
    )]);
    let public = half(tag::PUBLIC_KEY_UNIQUE_IDENTIFIER);
    let payload = vec![uid(&public), how.clone(), bytes(tag::DATA, b"clear")];
    let sealed = ground.tell(Operation::ENCRYPT, payload).await.ok();
    let private = half(tag::PRIVATE_KEY_UNIQUE_IDENTIFIER);
    let sealed = bytes(tag::DATA, &sealed.bytes(tag::DATA));
    let payload = vec![uid(&private), how, sealed];
    let answer = ground.tell(Operation::DECRYPT, payload).await;
    answer.fails(ResultReason::UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS);
}
