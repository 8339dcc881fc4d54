//! A derived object is no less protected than its strictest base (DESIGN §4.3), and a key of class
//! *token* does not come out by derivation.

use keyward::protocol::enumeration::{
    CryptographicAlgorithm, DerivationMethod, HashingAlgorithm, ObjectType, Operation,
    RecommendedCurve, ResultReason,
};
use keyward::protocol::tag;
use ttlv::{Node, Value};

use crate::ground::*;
use crate::process::{Client, enumeration, integer};

#[test]
fn what_is_strict_stays_strict() {
    for (place, server) in servers().into_iter().enumerate() {
        let mut client = server.client();
        flags(&mut client);
        token_bases(&mut client, place == 0);
        pairs(&mut client, RecommendedCurve::P_384, 48);
        if place == 0 {
            pairs(&mut client, RecommendedCurve::CURVE25519, 32);
        }
        asked_for(&mut client);
    }
}

fn boolean(tag: ttlv::Tag, value: bool) -> Node<'static> {
    Node::new(tag, Value::Boolean(value))
}

fn data() -> Vec<Node<'static>> {
    vec![
        parameters(vec![hashing(HashingAlgorithm::SHA_256)]),
        bytes(tag::DERIVATION_DATA, b"data"),
    ]
}

fn flags(client: &mut Client) {
    let method = DerivationMethod::NIST800_108_C;
    let more = vec![
        boolean(tag::SENSITIVE, true),
        boolean(tag::EXTRACTABLE, false),
    ];
    let strict = known(client, ObjectType::SYMMETRIC_KEY, &[1; 32], more);
    let lax = |base: &str| {
        Derivation::new(method, base, data())
            .with(boolean(tag::SENSITIVE, false))
            .with(boolean(tag::EXTRACTABLE, true))
    };
    let derived = lax(&strict).ask(client).ok().id();
    let own = attributes(client, &derived);
    assert!(flag(&own, tag::SENSITIVE) && !flag(&own, tag::EXTRACTABLE));
    client
        .on(Operation::GET, &derived)
        .fails(ResultReason::NOT_EXTRACTABLE);
    // The second base counts as well.
    let plain = key(client, &[2; 32]);
    let hash = vec![parameters(vec![hashing(HashingAlgorithm::SHA_256)])];
    let derived = Derivation::new(DerivationMethod::HMAC, &plain, hash)
        .and(&strict)
        .ask(client)
        .ok()
        .id();
    client
        .on(Operation::GET, &derived)
        .fails(ResultReason::NOT_EXTRACTABLE);
    let derived = lax(&plain).ask(client).ok().id();
    assert_eq!(material(client, &derived).len(), 32);
}

/// Methods whose computation would need the key's bytes in the server are not for a key of class
/// token; the others' results stay in the token.
fn token_bases(client: &mut Client, embedded: bool) {
    let base = token_key(
        client,
        CryptographicAlgorithm::HMAC_SHA256,
        DERIVE_KEY | 0x80,
    );
    let secret_too = || {
        vec![
            parameters(vec![hashing(HashingAlgorithm::SHA_256)]),
            bytes(tag::SALT, b"salt"),
            integer(tag::ITERATION_COUNT, 1),
        ]
    };
    let parts = ["a", "b", "c"].map(|part| bytes(tag::DERIVATION_DATA, part.as_bytes()));
    let needs_the_bytes = [
        (
            DerivationMethod::HASH,
            vec![parameters(vec![hashing(HashingAlgorithm::SHA_256)])],
        ),
        (DerivationMethod::PBKDF2, secret_too()),
        (DerivationMethod::AWS_SIGNATURE_VERSION_4, parts.to_vec()),
    ];
    for (method, given) in needs_the_bytes {
        let refused = Derivation::new(method, &base, given).ask(client);
        refused.fails(ResultReason::UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS);
    }
    // As somebody else's derivation data, its bytes would come out with the other key known.
    let other = key(client, &[1; 32]);
    let refused = Derivation::new(DerivationMethod::HMAC, &other, data()[..1].to_vec())
        .and(&base)
        .ask(client);
    refused.fails(ResultReason::UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS);
    // What HMACs with the base tells what is to come out.
    let expected = mac(client, &base, b"\0\0\0\x01data")
        .ok()
        .bytes(tag::MAC_DATA);
    let derived = Derivation::new(DerivationMethod::NIST800_108_C, &base, data());
    let derived = derived
        .with(boolean(tag::SENSITIVE, false))
        .ask(client)
        .ok()
        .id();
    in_token(client, &derived, Some(&expected));
    let plain = mac(client, &base, b"data").ok().bytes(tag::MAC_DATA);
    let derived = Derivation::new(DerivationMethod::HMAC, &base, data());
    let derived = derived.ask(client).ok().id();
    in_token(client, &derived, Some(&plain));
    for method in [
        DerivationMethod::NIST800_108_F,
        DerivationMethod::NIST800_108_DPI,
    ] {
        let derived = Derivation::new(method, &base, data()).ask(client).ok().id();
        in_token(client, &derived, None);
    }
    let hkdf = Derivation::new(DerivationMethod::HKDF, &base, data()).ask(client);
    if embedded {
        in_token(client, &hkdf.ok().id(), None);
    } else {
        // SoftHSM2 has no HKDF, and HMACs do not make its first step.
        hkdf.fails(ResultReason::UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS);
    }
}

/// Of class token: not to be had, not to be made readable, and used as the key that it is.
fn in_token(client: &mut Client, id: &str, expected: Option<&[u8]>) {
    let own = attributes(client, id);
    assert!(flag(&own, tag::SENSITIVE));
    assert!(
        own.child(tag::DIGEST).is_none(),
        "nobody saw what a digest goes over"
    );
    client.on(Operation::GET, id).fails(ResultReason::SENSITIVE);
    let told = mac(client, id, b"tell").ok().bytes(tag::MAC_DATA);
    if let Some(expected) = expected {
        assert_eq!(told, hmac_sha256(expected, b"tell"));
    }
}

/// Two pairs in the token agree on one key, from either side.
fn pairs(client: &mut Client, curve: RecommendedCurve, length: usize) {
    let mut pair = || {
        let curve = enumeration(tag::RECOMMENDED_CURVE, curve.0);
        let attributes = vec![
            enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::ECDH.0),
            Node::structure(tag::CRYPTOGRAPHIC_DOMAIN_PARAMETERS, vec![curve]),
            integer(tag::CRYPTOGRAPHIC_USAGE_MASK, DERIVE_KEY),
            Node::new(tag::ACTIVATION_DATE, Value::DateTime(1_000_000)),
            class("token"),
        ];
        let payload = vec![Node::structure(tag::COMMON_ATTRIBUTES, attributes)];
        let made = client.ask(Operation::CREATE_KEY_PAIR, payload).ok();
        [
            tag::PRIVATE_KEY_UNIQUE_IDENTIFIER,
            tag::PUBLIC_KEY_UNIQUE_IDENTIFIER,
        ]
        .map(|tag| match &made.payload.child(tag).unwrap().value {
            Value::TextString(text) => text.to_string(),
            other => panic!("{other:?}"),
        })
    };
    let ([one, one_public], [two, two_public]) = (pair(), pair());
    let method = DerivationMethod::ASYMMETRIC_KEY;
    let mut agreed = |private: &str, public: &str| {
        let derivation = Derivation::new(method, private, Vec::new()).and(public);
        let id = derivation.length(length).ask(client).ok().id();
        in_token(client, &id, None);
        mac(client, &id, b"same").ok().bytes(tag::MAC_DATA)
    };
    let first = agreed(&one, &two_public);
    assert_eq!(first, agreed(&two, &one_public));
    assert_ne!(first, agreed(&one, &one_public));
}

/// A derived key can be asked for as one of class token.
fn asked_for(client: &mut Client) {
    let base = key(client, &[7; 32]);
    let derivation = Derivation::new(DerivationMethod::HMAC, &base, data());
    let id = derivation.with(class("token")).ask(client).ok().id();
    in_token(client, &id, Some(&hmac_sha256(&[7; 32], b"data")));
    // Nor does what was derived from it come out.
    let derivation = Derivation::new(DerivationMethod::HMAC, &id, data());
    let refused = derivation.ask(client);
    refused.fails(ResultReason::INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK);
}
