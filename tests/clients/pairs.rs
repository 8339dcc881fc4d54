//! Key pairs of every kind, their formats, and PKCS#12 containers.

use base64::Engine as _;
use keyward::object::format::{Container, Format, Hint, PrivateKey, PublicKey};
use keyward::object::pair_algorithm::pair_algorithms;
use keyward::protocol::enumeration::{
    CertificateType, CryptographicAlgorithm, KeyFormatType, LinkType, ObjectType, Operation,
    RecommendedCurve, ResultReason, SecretDataType,
};
use keyward::protocol::tag;
use ttlv::{Node, Value};

use crate::message::*;
use crate::server::{self, Client};

/// What `openssl pkcs12 -export` made, password "secret", friendly name "alias": a P-256 key, its certificate and two
/// issuers'.
const CONTAINER: &str = include_str!("container.base64");

fn pair(algorithm: u32, curve: Option<u32>, bits: Option<i32>, more: Vec<Item>) -> Vec<Item> {
    let mut attributes = vec![number(tag::CRYPTOGRAPHIC_ALGORITHM, algorithm)];
    attributes.extend(bits.map(|bits| integer(tag::CRYPTOGRAPHIC_LENGTH, bits)));
    attributes.extend(curve.map(|curve| {
        structure(
            tag::CRYPTOGRAPHIC_DOMAIN_PARAMETERS,
            vec![number(tag::RECOMMENDED_CURVE, curve)],
        )
    }));
    attributes.extend(more);
    vec![structure(tag::COMMON_ATTRIBUTES, attributes)]
}

fn halves(payload: &Item) -> (String, String) {
    let half = |tag| text_string(path(payload, &[tag]));
    (
        half(tag::PRIVATE_KEY_UNIQUE_IDENTIFIER),
        half(tag::PUBLIC_KEY_UNIQUE_IDENTIFIER),
    )
}

fn get(client: &mut Client, id: &str, format: Option<KeyFormatType>) -> Answer {
    let mut payload = vec![uid(id)];
    payload.extend(format.map(|format| number(tag::KEY_FORMAT_TYPE, format.0)));
    client.ask(V2_1, Operation::GET, payload)
}

fn block_of(payload: &Item, object: ttlv::Tag) -> Item {
    path(payload, &[object, tag::KEY_BLOCK]).clone()
}

fn material_of(payload: &Item, object: ttlv::Tag) -> Vec<u8> {
    let block = block_of(payload, object);
    byte_string(path(&block, &[tag::KEY_VALUE, tag::KEY_MATERIAL]))
}

fn token_class() -> Item {
    structure(
        tag::ATTRIBUTE,
        vec![
            text(tag::VENDOR_IDENTIFICATION, "x"),
            text(tag::ATTRIBUTE_NAME, "keyward-class"),
            text(tag::ATTRIBUTE_VALUE, "token"),
        ],
    )
}

#[test]
fn every_kind_of_pair_is_made_and_its_halves_fit() {
    let mut client = server::shared().connect();
    for row in pair_algorithms() {
        let what = format!("{row:?}");
        let curve = row.curve.map(|curve| curve.0);
        let request = pair(row.algorithm.0, curve, Some(row.bits.0), vec![]);
        let made = client.ask(V2_1, Operation::CREATE_KEY_PAIR, request).ok();
        let (private, public) = halves(&made);
        let given = get(&mut client, &private, None).ok();
        let block = block_of(&given, tag::PRIVATE_KEY);
        let format = enumeration(path(&block, &[tag::KEY_FORMAT_TYPE]));
        assert_eq!(format, row.formats.0.number(), "{what}");
        let algorithm = enumeration(path(&block, &[tag::CRYPTOGRAPHIC_ALGORITHM]));
        assert_eq!(algorithm, row.algorithm.0, "{what}");
        let pkcs8 = get(&mut client, &private, Some(KeyFormatType::PKCS_8)).ok();
        let pkcs8 = material_of(&pkcs8, tag::PRIVATE_KEY);
        let info = get(&mut client, &public, Some(KeyFormatType::X_509)).ok();
        let info = material_of(&info, tag::PUBLIC_KEY);
        let key = PrivateKey::parse(Format::Pkcs8, &pkcs8, Hint::default()).unwrap();
        let expected = PublicKey::parse(Format::X509, &info, Hint::default()).unwrap();
        assert_eq!(key.public(), Some(expected), "{what}");
    }
}

#[test]
fn a_pair_of_class_token_is_made_in_the_token_or_not_at_all() {
    let mut client = server::shared().connect();
    let ec = CryptographicAlgorithm::EC.0;
    for (algorithm, curve, in_token) in [
        (CryptographicAlgorithm::ED25519.0, None, true),
        (CryptographicAlgorithm::ED448.0, None, true),
        (ec, Some(RecommendedCurve::CURVE25519), true),
        (ec, Some(RecommendedCurve::P_521), true),
        (ec, Some(RecommendedCurve::SECP256K1), false),
        (CryptographicAlgorithm::ML_DSA_65.0, None, false),
    ] {
        let curve = curve.map(|curve| curve.0);
        let request = pair(algorithm, curve, None, vec![token_class()]);
        let answer = client.ask(V2_1, Operation::CREATE_KEY_PAIR, request);
        if in_token {
            let (private, public) = halves(&answer.ok());
            let refused = get(&mut client, &private, None).fails();
            assert_eq!(refused, ResultReason::SENSITIVE);
            let given = get(&mut client, &public, Some(KeyFormatType::X_509)).ok();
            assert!(!material_of(&given, tag::PUBLIC_KEY).is_empty());
        } else {
            assert_eq!(
                answer.fails(),
                ResultReason::UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS
            );
        }
    }
    let raw = number(tag::KEY_FORMAT_TYPE, KeyFormatType::RAW.0);
    let request = pair(
        CryptographicAlgorithm::ED25519.0,
        None,
        None,
        vec![token_class(), raw],
    );
    let answer = client.ask(V2_1, Operation::CREATE_KEY_PAIR, request);
    assert_eq!(answer.fails(), ResultReason::KEY_FORMAT_TYPE_NOT_SUPPORTED);
}

#[test]
fn pairs_that_are_not_made() {
    let mut client = server::shared().connect();
    let ec = CryptographicAlgorithm::EC.0;
    let unsupported = ResultReason::UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS;
    let wrong = ResultReason::INVALID_ATTRIBUTE_VALUE;
    for (algorithm, curve, bits, reason) in [
        (CryptographicAlgorithm::RSA.0, None, Some(1024), wrong),
        (CryptographicAlgorithm::RSA.0, None, Some(2049), wrong),
        (CryptographicAlgorithm::RSA.0, None, Some(8192), wrong),
        (
            CryptographicAlgorithm::RSA.0,
            None,
            None,
            ResultReason::INVALID_MESSAGE,
        ),
        (ec, None, Some(255), unsupported),
        (ec, Some(RecommendedCurve::P_192), None, unsupported),
        (ec, Some(RecommendedCurve::P_256), Some(384), wrong),
        (
            CryptographicAlgorithm::ECDSA.0,
            Some(RecommendedCurve::CURVE25519),
            None,
            unsupported,
        ),
        (CryptographicAlgorithm::ED25519.0, None, Some(448), wrong),
        (CryptographicAlgorithm::DSA.0, None, Some(2048), unsupported),
        (0x7FFF_FFFF, None, None, unsupported),
        (u32::MAX, None, Some(i32::MIN), unsupported),
    ] {
        let request = pair(algorithm, curve.map(|curve| curve.0), bits, vec![]);
        let answer = client.ask(V2_1, Operation::CREATE_KEY_PAIR, request);
        assert_eq!(answer.fails(), reason, "{algorithm:#x} {curve:?} {bits:?}");
    }
}

#[test]
fn a_pair_comes_in_the_formats_that_are_asked_for() {
    let mut client = server::shared().connect();
    let format = |format: KeyFormatType| vec![number(tag::KEY_FORMAT_TYPE, format.0)];
    let mut request = pair(
        CryptographicAlgorithm::EC.0,
        Some(RecommendedCurve::CURVE25519.0),
        None,
        vec![],
    );
    let transparent = format(KeyFormatType::TRANSPARENT_EC_PRIVATE_KEY);
    request.push(structure(tag::PRIVATE_KEY_ATTRIBUTES, transparent));
    request.push(structure(
        tag::PUBLIC_KEY_ATTRIBUTES,
        format(KeyFormatType::RAW),
    ));
    let made = client.ask(V2_1, Operation::CREATE_KEY_PAIR, request).ok();
    let (private, public) = halves(&made);
    let given = get(&mut client, &private, None).ok();
    let fields = [tag::KEY_VALUE, tag::KEY_MATERIAL, tag::RECOMMENDED_CURVE];
    let curve = enumeration(path(&block_of(&given, tag::PRIVATE_KEY), &fields));
    assert_eq!(curve, RecommendedCurve::CURVE25519.0);
    let raw = get(&mut client, &public, None).ok();
    let raw = material_of(&raw, tag::PUBLIC_KEY);
    let info = get(&mut client, &public, Some(KeyFormatType::X_509)).ok();
    let info = material_of(&info, tag::PUBLIC_KEY);
    assert_eq!((raw.len(), &info[info.len() - 32..]), (32, &raw[..]));
    let pkcs8 = get(&mut client, &private, Some(KeyFormatType::PKCS_8)).ok();
    let pkcs8 = material_of(&pkcs8, tag::PRIVATE_KEY);
    let key = PrivateKey::parse(Format::Pkcs8, &pkcs8, Hint::default()).unwrap();
    assert_eq!(key.public().unwrap().write(Format::X509).unwrap(), info);
    // Both kinds of digest: of the format it has and of Table 81's.
    let answer = get(&mut client, &private, Some(KeyFormatType::PKCS_1));
    assert_eq!(answer.fails(), ResultReason::KEY_FORMAT_TYPE_NOT_SUPPORTED);
}

fn container() -> Vec<u8> {
    base64::engine::general_purpose::STANDARD
        .decode(CONTAINER.trim())
        .unwrap()
}

fn password(client: &mut Client, value: &[u8]) -> String {
    let block = vec![
        number(tag::KEY_FORMAT_TYPE, KeyFormatType::RAW.0),
        structure(tag::KEY_VALUE, vec![bytes(tag::KEY_MATERIAL, value)]),
    ];
    let payload = vec![
        number(tag::OBJECT_TYPE, ObjectType::SECRET_DATA.0),
        structure(
            tag::ATTRIBUTES,
            vec![integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 0)],
        ),
        structure(
            tag::SECRET_DATA,
            vec![
                number(tag::SECRET_DATA_TYPE, SecretDataType::PASSWORD.0),
                structure(tag::KEY_BLOCK, block),
            ],
        ),
    ];
    let secret = identifier(&client.ask(V2_1, Operation::REGISTER, payload).ok());
    client
        .ask(V2_1, Operation::ACTIVATE, vec![uid(&secret)])
        .ok();
    secret
}

fn link(link_type: LinkType, to: &str) -> Item {
    structure(
        tag::LINK,
        vec![
            number(tag::LINK_TYPE, link_type.0),
            text(tag::LINKED_OBJECT_IDENTIFIER, to),
        ],
    )
}

fn contained(attributes: Vec<Item>, value: &[u8]) -> Vec<Item> {
    let block = vec![
        number(tag::KEY_FORMAT_TYPE, KeyFormatType::PKCS_12.0),
        structure(tag::KEY_VALUE, vec![bytes(tag::KEY_MATERIAL, value)]),
    ];
    vec![
        number(tag::OBJECT_TYPE, ObjectType::PRIVATE_KEY.0),
        structure(tag::ATTRIBUTES, attributes),
        structure(tag::PRIVATE_KEY, vec![structure(tag::KEY_BLOCK, block)]),
    ]
}

/// The one object that a link of this type leads to.
fn linked(client: &mut Client, id: &str, link_type: LinkType) -> Option<String> {
    let answer = client
        .ask(V2_1, Operation::GET_ATTRIBUTES, vec![uid(id)])
        .ok();
    let attributes = path(&answer, &[tag::ATTRIBUTES]);
    let mut found = attributes
        .items()
        .iter()
        .filter(|item| {
            item.tag == tag::LINK && enumeration(path(item, &[tag::LINK_TYPE])) == link_type.0
        })
        .map(|item| text_string(path(item, &[tag::LINKED_OBJECT_IDENTIFIER])));
    let first = found.next();
    assert!(found.next().is_none());
    first
}

#[test]
fn a_container_is_registered_with_its_chain_and_comes_back_as_one() {
    let mut client = server::shared().connect();
    let secret = password(&mut client, b"secret");
    let registered = contained(
        vec![link(LinkType::PKCS_12_PASSWORD_LINK, &secret)],
        &container(),
    );
    let answer = client.ask(V2_1, Operation::REGISTER, registered).ok();
    let key = identifier(&answer);
    let given = get(&mut client, &key, None).ok();
    let block = block_of(&given, tag::PRIVATE_KEY);
    let format = enumeration(path(&block, &[tag::KEY_FORMAT_TYPE]));
    assert_eq!(format, KeyFormatType::PKCS_8.0);
    assert_eq!(integer_of(path(&block, &[tag::CRYPTOGRAPHIC_LENGTH])), 256);

    let sent = Container::open(&container(), "secret").unwrap();
    let mut next = linked(&mut client, &key, LinkType::PKCS_12_CERTIFICATE_LINK);
    let mut chain = Vec::new();
    while let Some(certificate) = next {
        let given = get(&mut client, &certificate, Some(KeyFormatType::X_509)).ok();
        chain.push(byte_string(path(
            &given,
            &[tag::CERTIFICATE, tag::CERTIFICATE_VALUE],
        )));
        next = linked(&mut client, &certificate, LinkType::CERTIFICATE_LINK);
    }
    assert_eq!(chain.len(), 3);
    assert_eq!(chain, sent.chain);

    let made = get(&mut client, &key, Some(KeyFormatType::PKCS_12)).ok();
    let made = material_of(&made, tag::PRIVATE_KEY);
    assert_eq!(Container::open(&made, "secret").unwrap(), sent);

    // A certificate is given in a container too, without the key (2.1 §6.1.19), under its own password.
    let own = linked(&mut client, &key, LinkType::PKCS_12_CERTIFICATE_LINK).unwrap();
    let answer = get(&mut client, &own, Some(KeyFormatType::PKCS_12));
    assert_eq!(answer.fails(), ResultReason::BAD_PASSWORD);
    let added = vec![
        uid(&own),
        structure(
            tag::NEW_ATTRIBUTE,
            vec![link(LinkType::PKCS_12_PASSWORD_LINK, &secret)],
        ),
    ];
    client.ask(V2_1, Operation::ADD_ATTRIBUTE, added).ok();
    let made = get(&mut client, &own, Some(KeyFormatType::PKCS_12)).ok();
    let made = byte_string(path(&made, &[tag::CERTIFICATE, tag::CERTIFICATE_VALUE]));
    let opened = Container::open(&made, "secret").unwrap();
    assert!(opened.private_key.is_none());

    // Two chains are an error.
    let added = vec![
        uid(&key),
        structure(
            tag::NEW_ATTRIBUTE,
            vec![link(LinkType::PKCS_12_CERTIFICATE_LINK, &secret)],
        ),
    ];
    client.ask(V2_1, Operation::ADD_ATTRIBUTE, added).ok();
    let answer = get(&mut client, &key, Some(KeyFormatType::PKCS_12));
    assert_eq!(answer.fails(), ResultReason::INVALID_FIELD);
}

#[test]
fn containers_that_do_not_open() {
    let mut client = server::shared().connect();
    let right = password(&mut client, b"secret");
    let wrong = password(&mut client, b"Secret");
    let binary = password(&mut client, &[0xff, 0xfe]);
    let of = |ids: &[&str]| -> Vec<Item> {
        ids.iter()
            .map(|id| link(LinkType::PKCS_12_PASSWORD_LINK, id))
            .collect()
    };
    let mut register = |attributes: Vec<Item>, value: &[u8]| {
        client
            .ask(V2_1, Operation::REGISTER, contained(attributes, value))
            .fails()
    };
    for ids in [
        &[][..],
        &[wrong.as_str()],
        &[binary.as_str()],
        &[right.as_str(), wrong.as_str()],
    ] {
        assert_eq!(register(of(ids), &container()), ResultReason::BAD_PASSWORD);
    }
    let absent = register(of(&["no such object"]), &container());
    assert_eq!(absent, ResultReason::OBJECT_NOT_FOUND);
    assert_eq!(
        register(of(&[&right]), b"no container"),
        ResultReason::KEY_FORMAT_TYPE_NOT_SUPPORTED
    );
    let mut named = of(&[&right]);
    named.push(text(tag::PKCS_12_FRIENDLY_NAME, "another"));
    assert_eq!(register(named, &container()), ResultReason::INVALID_FIELD);

    // A symmetric key as password, and a password that is not active.
    let key = client
        .ask(
            V2_1,
            Operation::CREATE,
            vec![
                number(tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY.0),
                structure(
                    tag::ATTRIBUTES,
                    vec![
                        number(tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES.0),
                        integer(tag::CRYPTOGRAPHIC_LENGTH, 256),
                        integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 12),
                    ],
                ),
            ],
        )
        .ok();
    let payload = contained(of(&[&identifier(&key)]), &container());
    let answer = client.ask(V2_1, Operation::REGISTER, payload);
    assert_eq!(answer.fails(), ResultReason::BAD_PASSWORD);
    let reason = structure(
        tag::REVOCATION_REASON,
        vec![number(tag::REVOCATION_REASON_CODE, 5)],
    );
    client
        .ask(V2_1, Operation::REVOKE, vec![uid(&right), reason])
        .ok();
    let payload = contained(of(&[&right]), &container());
    let answer = client.ask(V2_1, Operation::REGISTER, payload);
    assert_eq!(answer.fails(), ResultReason::BAD_PASSWORD);
}

#[test]
fn certificates_and_opaque_objects_have_one_form() {
    let mut client = server::shared().connect();
    let sent = Container::open(&container(), "secret").unwrap();
    let certificate = vec![
        number(tag::OBJECT_TYPE, ObjectType::CERTIFICATE.0),
        structure(
            tag::ATTRIBUTES,
            vec![integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 0)],
        ),
        structure(
            tag::CERTIFICATE,
            vec![
                number(tag::CERTIFICATE_TYPE, CertificateType::X_509.0),
                bytes(tag::CERTIFICATE_VALUE, &sent.chain[0]),
            ],
        ),
    ];
    let certificate = identifier(&client.ask(V2_1, Operation::REGISTER, certificate).ok());
    for (format, is_given) in [
        (KeyFormatType::RAW, true),
        (KeyFormatType::X_509, true),
        (KeyFormatType::PKCS_8, false),
        (KeyFormatType::PKCS_10, false),
        (KeyFormatType(0x18), false),
    ] {
        let answer = get(&mut client, &certificate, Some(format));
        match is_given {
            true => drop(answer.ok()),
            false => assert_eq!(answer.fails(), ResultReason::KEY_FORMAT_TYPE_NOT_SUPPORTED),
        }
    }
}

#[test]
fn what_older_versions_have_as_extensions_is_announced() {
    let mut client = server::shared().connect();
    let functions = |number_of: u32| vec![number(tag::QUERY_FUNCTION, number_of)];
    let map = keyward::protocol::enumeration::QueryFunction::QUERY_EXTENSION_MAP.0;
    let answer = client.ask(V2_1, Operation::QUERY, functions(map)).ok();
    let found: Vec<&Node<'_>> = answer
        .items()
        .iter()
        .filter(|item| item.child(tag::EXTENSION_ENUMERATION).is_some())
        .collect();
    assert_eq!(found.len(), 15);
    let announced = integer_of(path(found[0], &[tag::EXTENSION_ENUMERATION]));
    assert_eq!(
        integer_of(path(found[0], &[tag::EXTENSION_TAG])),
        i32::try_from(tag::CRYPTOGRAPHIC_ALGORITHM.0).unwrap()
    );
    let request = pair(announced.cast_unsigned(), None, None, vec![]);
    let made = client.ask(V2_1, Operation::CREATE_KEY_PAIR, request).ok();
    let (private, _) = halves(&made);
    let attributes = client
        .ask(V2_1, Operation::GET_ATTRIBUTES, vec![uid(&private)])
        .ok();
    let algorithm = path(
        &attributes,
        &[tag::ATTRIBUTES, tag::CRYPTOGRAPHIC_ALGORITHM],
    );
    assert_eq!(
        algorithm.value,
        Value::Enumeration(CryptographicAlgorithm::ML_DSA_44.0)
    );
}
