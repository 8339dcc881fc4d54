//! Habits around objects and their life: what Get returns, and when something is refused.

use keyward::protocol::enumeration::{
    CryptographicAlgorithm, KeyFormatType, ObjectType, Operation, ResultReason,
    RevocationReasonCode, SecretDataType, State,
};
use keyward::protocol::tag;
use ttlv::Value;

use crate::appliances::revoke;
use crate::message::*;
use crate::server;

#[test]
fn an_active_key_is_revoked_before_it_is_destroyed() {
    let mut client = server::shared().connect();
    let reasons = [
        (V1_2, ResultReason::PERMISSION_DENIED),
        (V2_1, ResultReason::WRONG_KEY_LIFECYCLE_STATE),
    ];
    let key = client.made(V1_2, Operation::CREATE, aes(Vec::new()));
    client.ask(V1_2, Operation::ACTIVATE, vec![uid(&key)]).ok();
    for (version, reason) in reasons {
        assert_eq!(
            client
                .ask(version, Operation::DESTROY, vec![uid(&key)])
                .fails(),
            reason
        );
    }
    client.ask(V1_2, Operation::REVOKE, revoke(&key)).ok();
    assert_eq!(
        client.attributes(V1_2, &key, &["State"])[0].2,
        Value::Enumeration(State::DEACTIVATED.0)
    );
    client.ask(V1_2, Operation::DESTROY, vec![uid(&key)]).ok();
}

#[test]
fn who_uses_a_key_too_early_or_too_late_is_told_what_to_do() {
    let mut client = server::shared().connect();
    let key = client.made(V1_2, Operation::CREATE, aes(Vec::new()));
    let mut encrypt = || {
        let payload = vec![uid(&key), bytes(tag::DATA, &[0; 16])];
        let answer = client.ask(V1_2, Operation::ENCRYPT, payload);
        let words = answer.words().to_owned();
        assert_eq!(answer.fails(), ResultReason::PERMISSION_DENIED);
        words
    };
    let early = encrypt();
    assert!(early.contains("activate it"), "{early}");
    let mut other = server::shared().connect();
    other.ask(V1_2, Operation::ACTIVATE, vec![uid(&key)]).ok();
    other.ask(V1_2, Operation::REVOKE, revoke(&key)).ok();
    let late = encrypt();
    assert!(late.contains("another key"), "{late}");
}

/// docs/decisions/protocol.md: life-cycle operations are not idempotent.
#[test]
fn activate_and_revoke_a_second_time_are_refused() {
    let mut client = server::shared().connect();
    let key = client.made(V1_2, Operation::CREATE, aes(Vec::new()));
    client.ask(V1_2, Operation::ACTIVATE, vec![uid(&key)]).ok();
    let again = client.ask(V1_2, Operation::ACTIVATE, vec![uid(&key)]);
    assert_eq!(again.fails(), ResultReason::PERMISSION_DENIED);
    client.ask(V1_2, Operation::REVOKE, revoke(&key)).ok();
    let again = client.ask(V1_2, Operation::REVOKE, revoke(&key));
    assert_eq!(again.fails(), ResultReason::PERMISSION_DENIED);
    // That it was compromised can still be said.
    let code = number(
        tag::REVOCATION_REASON_CODE,
        RevocationReasonCode::KEY_COMPROMISE.0,
    );
    let payload = vec![uid(&key), structure(tag::REVOCATION_REASON, vec![code])];
    client.ask(V1_2, Operation::REVOKE, payload).ok();
    assert_eq!(
        client.attributes(V1_2, &key, &["State"])[0].2,
        Value::Enumeration(State::COMPROMISED.0)
    );
}

#[test]
fn a_destroyed_object_is_gone() {
    let mut client = server::shared().connect();
    let key = client.made(V1_2, Operation::CREATE, aes(Vec::new()));
    client.ask(V1_2, Operation::DESTROY, vec![uid(&key)]).ok();
    let rows = [
        // Destroy has a reason of its own in 1.x (1.4 §11.22).
        (V1_2, Operation::GET, ResultReason::ITEM_NOT_FOUND),
        (V1_2, Operation::DESTROY, ResultReason::PERMISSION_DENIED),
        (V2_1, Operation::GET, ResultReason::OBJECT_DESTROYED),
        (V2_1, Operation::DESTROY, ResultReason::OBJECT_DESTROYED),
    ];
    for (version, operation, reason) in rows {
        let answer = client.ask(version, operation, vec![uid(&key)]);
        assert_eq!(answer.fails(), reason, "{operation} in {version:?}");
    }
}

#[test]
fn a_key_is_pre_active_unless_a_date_says_otherwise() {
    let mut client = server::shared().connect();
    let key = client.made(V1_2, Operation::CREATE, aes(Vec::new()));
    let state = |client: &mut crate::server::Client, key: &str| {
        client.attributes(V1_2, key, &["State"])[0].2.clone()
    };
    assert_eq!(
        state(&mut client, &key),
        Value::Enumeration(State::PRE_ACTIVE.0)
    );
    // It can be had and not used.
    client.ask(V1_2, Operation::GET, vec![uid(&key)]).ok();
    let encrypt = vec![uid(&key), bytes(tag::DATA, &[0; 16])];
    assert_eq!(
        client.ask(V1_2, Operation::ENCRYPT, encrypt).fails(),
        ResultReason::PERMISSION_DENIED
    );
    let dated = attribute("Activation Date", Value::DateTime(1_000_000));
    let active = client.made(V1_2, Operation::CREATE, aes(vec![dated]));
    assert_eq!(
        state(&mut client, &active),
        Value::Enumeration(State::ACTIVE.0)
    );
}

#[test]
fn secret_data_comes_back_in_its_format_without_a_length() {
    let mut client = server::shared().connect();
    let kinds = [SecretDataType::PASSWORD, SecretDataType::SEED];
    let formats = [KeyFormatType::RAW, KeyFormatType::OPAQUE];
    for (kind, format) in kinds
        .into_iter()
        .flat_map(|kind| formats.map(|format| (kind, format)))
    {
        for (length, attributes) in [(72, Vec::new()), (96, vec![mask(0)]), (1, vec![mask(2)])] {
            let value = vec![0xa5; length];
            let key = client.made(
                V1_2,
                Operation::REGISTER,
                secret(kind, format, &value, attributes),
            );
            let got = client.ask(V1_2, Operation::GET, vec![uid(&key)]).ok();
            let object = got.child(tag::SECRET_DATA).unwrap();
            assert_eq!(
                object.child(tag::SECRET_DATA_TYPE).map(enumeration),
                Some(kind.0)
            );
            let block = object.child(tag::KEY_BLOCK).unwrap();
            assert_eq!(
                block.child(tag::KEY_FORMAT_TYPE).map(enumeration),
                Some(format.0)
            );
            assert!(block.child(tag::CRYPTOGRAPHIC_LENGTH).is_none());
            assert_eq!(material(&got, tag::SECRET_DATA), value);
        }
    }
}

#[test]
fn get_of_a_key_pair_holds_no_attributes_in_its_key_value() {
    let mut client = server::shared().connect();
    for version in [V1_0, V1_4] {
        let common = structure(
            tag::COMMON_TEMPLATE_ATTRIBUTE,
            vec![
                attribute(
                    "Cryptographic Algorithm",
                    Value::Enumeration(CryptographicAlgorithm::RSA.0),
                ),
                attribute("Cryptographic Length", Value::Integer(2048)),
            ],
        );
        let sides = [
            (tag::PRIVATE_KEY_TEMPLATE_ATTRIBUTE, 1),
            (tag::PUBLIC_KEY_TEMPLATE_ATTRIBUTE, 2),
        ]
        .map(|(tag, bits)| structure(tag, vec![mask(bits)]));
        let payload = std::iter::once(common).chain(sides).collect();
        let pair = client
            .ask(version, Operation::CREATE_KEY_PAIR, payload)
            .ok();
        for (id, object, format) in [
            (
                tag::PRIVATE_KEY_UNIQUE_IDENTIFIER,
                tag::PRIVATE_KEY,
                KeyFormatType::PKCS_8,
            ),
            (
                tag::PUBLIC_KEY_UNIQUE_IDENTIFIER,
                tag::PUBLIC_KEY,
                KeyFormatType::X_509,
            ),
        ] {
            let key = text_string(pair.child(id).unwrap());
            client
                .ask(version, Operation::ACTIVATE, vec![uid(&key)])
                .ok();
            let default = client.ask(version, Operation::GET, vec![uid(&key)]).ok();
            let wish = vec![uid(&key), number(tag::KEY_FORMAT_TYPE, format.0)];
            let asked = client.ask(version, Operation::GET, wish).ok();
            for got in [default, asked] {
                let value = path(&got, &[object, tag::KEY_BLOCK, tag::KEY_VALUE]);
                assert_eq!(value.items().len(), 1, "Key Material only: {value:?}");
            }
        }
    }
}

#[test]
fn get_of_a_symmetric_key_holds_nothing_but_the_key_at_any_version() {
    let mut client = server::shared().connect();
    let value: Vec<u8> = (0..32).collect();
    let key = client.made(
        V1_4,
        Operation::REGISTER,
        raw_aes(&value, vec![mask(ENCRYPT_DECRYPT), name(&unique("plain"))]),
    );
    for version in [V1_0, V1_1, V1_2, (1, 3), V1_4, (2, 0), V2_1] {
        let got = client.ask(version, Operation::GET, vec![uid(&key)]).ok();
        let block = path(&got, &[tag::SYMMETRIC_KEY, tag::KEY_BLOCK]);
        assert_eq!(
            block.child(tag::KEY_FORMAT_TYPE).map(enumeration),
            Some(KeyFormatType::RAW.0)
        );
        assert_eq!(block.child(tag::KEY_VALUE).unwrap().items().len(), 1);
        assert_eq!(material(&got, tag::SYMMETRIC_KEY), value);
    }
    let wish = vec![
        uid(&key),
        number(
            tag::KEY_FORMAT_TYPE,
            KeyFormatType::TRANSPARENT_SYMMETRIC_KEY.0,
        ),
    ];
    let got = client.ask(V1_4, Operation::GET, wish).ok();
    let inner = path(
        &got,
        &[
            tag::SYMMETRIC_KEY,
            tag::KEY_BLOCK,
            tag::KEY_VALUE,
            tag::KEY_MATERIAL,
            tag::KEY,
        ],
    );
    assert_eq!(byte_string(inner), value);
}

#[test]
fn a_key_pair_needs_no_usage_masks() {
    let mut client = server::shared().connect();
    let common = structure(
        tag::COMMON_TEMPLATE_ATTRIBUTE,
        vec![
            attribute(
                "Cryptographic Algorithm",
                Value::Enumeration(CryptographicAlgorithm::RSA.0),
            ),
            attribute("Cryptographic Length", Value::Integer(2048)),
        ],
    );
    let pair = client
        .ask(V1_2, Operation::CREATE_KEY_PAIR, vec![common])
        .ok();
    assert!(pair.child(tag::PRIVATE_KEY_UNIQUE_IDENTIFIER).is_some());
    assert!(pair.child(tag::PUBLIC_KEY_UNIQUE_IDENTIFIER).is_some());
}

#[test]
fn hmac_keys_are_created_like_others() {
    let mut client = server::shared().connect();
    for (algorithm, bits) in [
        (CryptographicAlgorithm::HMAC_SHA1, 160),
        (CryptographicAlgorithm::HMAC_SHA256, 256),
        (CryptographicAlgorithm::HMAC_SHA512, 512),
    ] {
        let attributes = vec![
            attribute("Cryptographic Algorithm", Value::Enumeration(algorithm.0)),
            attribute("Cryptographic Length", Value::Integer(bits)),
            // MAC Generate and MAC Verify.
            mask(0x180),
        ];
        let payload = vec![
            number(tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY.0),
            template(attributes),
        ];
        let key = client.made(V1_2, Operation::CREATE, payload);
        let got = client.ask(V1_2, Operation::GET, vec![uid(&key)]).ok();
        assert_eq!(
            material(&got, tag::SYMMETRIC_KEY).len() * 8,
            usize::try_from(bits).unwrap()
        );
    }
}

#[test]
fn single_des_is_kept_but_not_made() {
    let mut client = server::shared().connect();
    let algorithm = CryptographicAlgorithm::DES.0;
    for bits in [56, 64] {
        let attributes = vec![
            attribute("Cryptographic Algorithm", Value::Enumeration(algorithm)),
            attribute("Cryptographic Length", Value::Integer(bits)),
            mask(ENCRYPT_DECRYPT),
        ];
        let payload = vec![
            number(tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY.0),
            template(attributes),
        ];
        let refused = client.ask(V1_2, Operation::CREATE, payload);
        assert_eq!(refused.fails(), ResultReason::INVALID_FIELD);
    }
    let block = vec![
        number(tag::KEY_FORMAT_TYPE, KeyFormatType::RAW.0),
        structure(tag::KEY_VALUE, vec![bytes(tag::KEY_MATERIAL, &[1; 8])]),
        number(tag::CRYPTOGRAPHIC_ALGORITHM, algorithm),
        integer(tag::CRYPTOGRAPHIC_LENGTH, 64),
    ];
    let block = structure(tag::KEY_BLOCK, block);
    let payload = vec![
        number(tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY.0),
        template(vec![mask(ENCRYPT_DECRYPT)]),
        structure(tag::SYMMETRIC_KEY, vec![block]),
    ];
    let key = client.made(V1_2, Operation::REGISTER, payload);
    let got = client.ask(V1_2, Operation::GET, vec![uid(&key)]).ok();
    assert_eq!(material(&got, tag::SYMMETRIC_KEY), [1; 8]);
}

#[test]
fn encrypt_without_parameters_can_be_undone() {
    let mut client = server::shared().connect();
    let key = client.made(V1_2, Operation::CREATE, aes(Vec::new()));
    client.ask(V1_2, Operation::ACTIVATE, vec![uid(&key)]).ok();
    let clear = b"some bytes of any length";
    let sealed = client
        .ask(
            V1_2,
            Operation::ENCRYPT,
            vec![uid(&key), bytes(tag::DATA, clear)],
        )
        .ok();
    let mut payload = vec![uid(&key), sealed.child(tag::DATA).unwrap().clone()];
    payload.extend(sealed.child(tag::IV_COUNTER_NONCE).cloned());
    let opened = client.ask(V1_2, Operation::DECRYPT, payload).ok();
    assert_eq!(byte_string(opened.child(tag::DATA).unwrap()), clear);
}
