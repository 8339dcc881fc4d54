//! A signing service: keys of every kind sign, their public halves verify, in one part and in several.

use keyward::object::pair_algorithm::pair_algorithms;
use keyward::protocol::enumeration::{
    CryptographicAlgorithm, HashingAlgorithm, Operation, PaddingMethod, RecommendedCurve,
    ResultReason, ValidityIndicator,
};
use keyward::protocol::tag;

use crate::message::*;
use crate::server::{self, Client};

/// An activated pair: identifiers of the private and the public key.
fn pair(
    client: &mut Client,
    algorithm: CryptographicAlgorithm,
    curve: Option<RecommendedCurve>,
    bits: Option<i32>,
    more: Vec<Item>,
) -> (String, String) {
    let mut attributes = vec![
        number(tag::CRYPTOGRAPHIC_ALGORITHM, algorithm.0),
        date(tag::ACTIVATION_DATE, 1),
    ];
    attributes.extend(bits.map(|bits| integer(tag::CRYPTOGRAPHIC_LENGTH, bits)));
    attributes.extend(curve.map(|curve| {
        structure(
            tag::CRYPTOGRAPHIC_DOMAIN_PARAMETERS,
            vec![number(tag::RECOMMENDED_CURVE, curve.0)],
        )
    }));
    attributes.extend(more);
    let payload = vec![
        structure(tag::COMMON_ATTRIBUTES, attributes),
        structure(
            tag::PRIVATE_KEY_ATTRIBUTES,
            vec![integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 1)],
        ),
        structure(
            tag::PUBLIC_KEY_ATTRIBUTES,
            vec![integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 2)],
        ),
    ];
    let made = client.ask(V2_1, Operation::CREATE_KEY_PAIR, payload).ok();
    let half = |tag| text_string(path(&made, &[tag]));
    (
        half(tag::PRIVATE_KEY_UNIQUE_IDENTIFIER),
        half(tag::PUBLIC_KEY_UNIQUE_IDENTIFIER),
    )
}

fn parameters(fields: Vec<Item>) -> Item {
    structure(tag::CRYPTOGRAPHIC_PARAMETERS, fields)
}

fn sign(client: &mut Client, private: &str, fields: Vec<Item>) -> Answer {
    let mut payload = vec![uid(private)];
    payload.extend(fields);
    client.ask(V2_1, Operation::SIGN, payload)
}

fn verify(client: &mut Client, public: &str, fields: Vec<Item>) -> ValidityIndicator {
    let mut payload = vec![uid(public)];
    payload.extend(fields);
    let answer = client.ask(V2_1, Operation::SIGNATURE_VERIFY, payload).ok();
    ValidityIndicator(enumeration(path(&answer, &[tag::VALIDITY_INDICATOR])))
}

fn signature(answer: Answer) -> Vec<u8> {
    byte_string(path(&answer.ok(), &[tag::SIGNATURE_DATA]))
}

fn class(name: &str) -> Item {
    structure(
        tag::ATTRIBUTE,
        vec![
            text(tag::VENDOR_IDENTIFICATION, "x"),
            text(tag::ATTRIBUTE_NAME, "keyward-class"),
            text(tag::ATTRIBUTE_VALUE, name),
        ],
    )
}

/// The signature is made in one place (the token, or the library) and verified in the other.
fn signs_and_verifies(
    client: &mut Client,
    what: &str,
    (private, public): (String, String),
    how: &[Item],
) {
    let message = b"what is to be signed";
    let with = |fields: Vec<Item>| how.iter().cloned().chain(fields).collect::<Vec<_>>();
    let made = signature(sign(
        client,
        &private,
        with(vec![bytes(tag::DATA, message)]),
    ));
    let fields = |data: &[u8], proof: &[u8]| {
        with(vec![
            bytes(tag::DATA, data),
            bytes(tag::SIGNATURE_DATA, proof),
        ])
    };
    assert_eq!(
        verify(client, &public, fields(message, &made)),
        ValidityIndicator::VALID,
        "{what}"
    );
    let other = fields(b"what was not signed", &made);
    assert_eq!(
        verify(client, &public, other),
        ValidityIndicator::INVALID,
        "{what}"
    );
    let mut wrong = made.clone();
    *wrong.last_mut().unwrap() ^= 1;
    assert_eq!(
        verify(client, &public, fields(message, &wrong)),
        ValidityIndicator::INVALID,
        "{what}"
    );
    assert_eq!(
        verify(client, &public, fields(message, b"")),
        ValidityIndicator::INVALID,
        "{what}"
    );
}

#[test]
fn every_kind_of_pair_signs() {
    let mut client = server::shared().connect();
    for row in pair_algorithms() {
        let agreement_only = row.curve.is_some_and(|curve| {
            matches!(
                curve,
                RecommendedCurve::CURVE25519 | RecommendedCurve::CURVE448
            )
        });
        if agreement_only {
            continue;
        }
        let what = format!("{row:?}");
        let halves = pair(
            &mut client,
            row.algorithm,
            row.curve,
            Some(row.bits.0),
            vec![],
        );
        signs_and_verifies(&mut client, &what, halves, &[]);
    }
}

#[test]
fn keys_of_class_token_sign_in_the_token() {
    let mut client = server::shared().connect();
    for (algorithm, curve, bits) in [
        (CryptographicAlgorithm::RSA, None, Some(2048)),
        (
            CryptographicAlgorithm::EC,
            Some(RecommendedCurve::P_256),
            None,
        ),
        (
            CryptographicAlgorithm::EC,
            Some(RecommendedCurve::P_384),
            None,
        ),
        (
            CryptographicAlgorithm::EC,
            Some(RecommendedCurve::P_521),
            None,
        ),
        (CryptographicAlgorithm::ED25519, None, None),
        (CryptographicAlgorithm::ED448, None, None),
    ] {
        let what = format!("{algorithm} {curve:?}");
        let halves = pair(&mut client, algorithm, curve, bits, vec![class("token")]);
        signs_and_verifies(&mut client, &what, halves, &[]);
    }
}

#[test]
fn every_hash_and_padding_of_rsa() {
    let mut client = server::shared().connect();
    for kind in ["served", "token"] {
        let halves = pair(
            &mut client,
            CryptographicAlgorithm::RSA,
            None,
            Some(2048),
            vec![class(kind)],
        );
        for padding in [PaddingMethod::PKCS1_V1_5, PaddingMethod::PSS] {
            for hash in [
                HashingAlgorithm::SHA_1,
                HashingAlgorithm::SHA_224,
                HashingAlgorithm::SHA_256,
                HashingAlgorithm::SHA_384,
                HashingAlgorithm::SHA_512,
                HashingAlgorithm::SHA3_256,
                HashingAlgorithm::SHA3_512,
            ] {
                let how = parameters(vec![
                    number(tag::PADDING_METHOD, padding.0),
                    number(tag::HASHING_ALGORITHM, hash.0),
                ]);
                let what = format!("{kind} {padding} {hash}");
                signs_and_verifies(&mut client, &what, halves.clone(), &[how]);
            }
        }
    }
}

#[test]
fn digested_data_is_signed_as_its_message() {
    let mut client = server::shared().connect();
    let (private, public) = pair(
        &mut client,
        CryptographicAlgorithm::EC,
        Some(RecommendedCurve::P_256),
        None,
        vec![],
    );
    let message = b"message";
    let digest = <sha2::Sha256 as sha2::Digest>::digest(message);
    let made = signature(sign(
        &mut client,
        &private,
        vec![bytes(tag::DIGESTED_DATA, &digest)],
    ));
    let fields = vec![bytes(tag::DATA, message), bytes(tag::SIGNATURE_DATA, &made)];
    assert_eq!(
        verify(&mut client, &public, fields),
        ValidityIndicator::VALID
    );
    // A digest that is not as long as the hash that is named.
    let how = parameters(vec![number(
        tag::HASHING_ALGORITHM,
        HashingAlgorithm::SHA_384.0,
    )]);
    let answer = sign(
        &mut client,
        &private,
        vec![how, bytes(tag::DIGESTED_DATA, &digest)],
    );
    assert_eq!(answer.fails(), ResultReason::CRYPTOGRAPHIC_FAILURE);
    // Whole messages only.
    let (private, _) = pair(
        &mut client,
        CryptographicAlgorithm::ED25519,
        None,
        None,
        vec![],
    );
    let answer = sign(
        &mut client,
        &private,
        vec![bytes(tag::DIGESTED_DATA, &digest)],
    );
    assert_eq!(
        answer.fails(),
        ResultReason::UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS
    );
}

#[test]
fn a_message_in_parts_has_the_signature_of_the_whole() {
    let mut client = server::shared().connect();
    for (algorithm, curve) in [
        (CryptographicAlgorithm::EC, Some(RecommendedCurve::P_384)),
        (CryptographicAlgorithm::ED25519, None),
    ] {
        let (private, public) = pair(&mut client, algorithm, curve, None, vec![]);
        let first = vec![bytes(tag::DATA, b"mes"), boolean(tag::INIT_INDICATOR, true)];
        let answer = sign(&mut client, &private, first).ok();
        let value = byte_string(path(&answer, &[tag::CORRELATION_VALUE]));
        assert_eq!(value.len(), 16);
        let next = |data: &[u8], more: Vec<Item>| {
            let mut fields = vec![
                bytes(tag::DATA, data),
                bytes(tag::CORRELATION_VALUE, &value),
            ];
            fields.extend(more);
            fields
        };
        sign(&mut client, &private, next(b"sa", vec![])).ok();
        let last = next(b"ge", vec![boolean(tag::FINAL_INDICATOR, true)]);
        let made = signature(sign(&mut client, &private, last.clone()));
        let fields = vec![
            bytes(tag::DATA, b"message"),
            bytes(tag::SIGNATURE_DATA, &made),
        ];
        assert_eq!(
            verify(&mut client, &public, fields),
            ValidityIndicator::VALID
        );
        // What is finished is unknown.
        let answer = sign(&mut client, &private, last);
        assert_eq!(answer.fails(), ResultReason::INVALID_CORRELATION_VALUE);
    }
}

#[test]
fn only_private_keys_sign() {
    let mut client = server::shared().connect();
    let (_, public) = pair(
        &mut client,
        CryptographicAlgorithm::ED25519,
        None,
        None,
        vec![],
    );
    let answer = sign(&mut client, &public, vec![bytes(tag::DATA, b"x")]);
    assert_eq!(
        answer.fails(),
        ResultReason::INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK
    );
}
