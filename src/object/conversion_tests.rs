#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use proptest::prelude::*;

use super::*;
use crate::hsm::PairSpec;
use crate::library;
use crate::object::format::{Algorithm, FIELD, Kind, RSA_PKCS8, RSA_SPKI, possible};
use crate::object::inspection;
use crate::protocol::object::{CertificateRequest, OpaqueObject};
use crate::protocol::structure::Bytes;

struct Sample {
    algorithm: Algorithm,
    /// What a client says beside the key: Raw needs it.
    attributes: Attributes,
    pkcs8: Vec<u8>,
    info: Vec<u8>,
}

fn attributes(algorithm: u32, curve: Option<u32>) -> Attributes {
    let mut attributes = Attributes::default();
    attributes.set(tag::CRYPTOGRAPHIC_ALGORITHM, Value::Enumeration(algorithm));
    if let Some(curve) = curve {
        attributes.set(
            tag::CRYPTOGRAPHIC_DOMAIN_PARAMETERS,
            Value::Structure(vec![Node::new(
                tag::RECOMMENDED_CURVE,
                Value::Enumeration(curve),
            )]),
        );
    }
    attributes
}

/// A key of every family.
fn samples() -> Vec<Sample> {
    let hex = |text: &str| hex::decode(text).unwrap();
    let mut samples = vec![Sample {
        algorithm: Algorithm::Rsa,
        attributes: Attributes::default(),
        pkcs8: hex(RSA_PKCS8),
        info: hex(RSA_SPKI),
    }];
    for (algorithm, _, _, pkcs8, info) in FIELD {
        samples.push(Sample {
            algorithm: *algorithm,
            attributes: Attributes::default(),
            pkcs8: hex(pkcs8),
            info: hex(info),
        });
    }
    let ec = CryptographicAlgorithm::EC.0;
    for curve in [
        Curve::P256,
        Curve::P521,
        Curve::Secp160r1,
        Curve::K233,
        Curve::BrainpoolP320t1,
    ] {
        let (pkcs8, info) = library::pair::generate(PairSpec::Ec { curve }).unwrap();
        samples.push(Sample {
            algorithm: Algorithm::Ec,
            attributes: attributes(ec, Some(curve.recommended_curve())),
            pkcs8: pkcs8.to_vec(),
            info,
        });
    }
    for named in Named::ALL {
        let (pkcs8, info) = library::pair::generate(PairSpec::Named(*named)).unwrap();
        samples.push(Sample {
            algorithm: Algorithm::Named(*named),
            attributes: attributes(named.cryptographic_algorithm(), named.recommended_curve()),
            pkcs8: pkcs8.to_vec(),
            info,
        });
    }
    samples
}

fn block(format: Format) -> KeyBlock {
    KeyBlock {
        key_format_type: KeyFormatType(format.number()),
        key_compression_type: None,
        key_value: None,
        cryptographic_algorithm: None,
        cryptographic_length: None,
        key_wrapping_data: None,
    }
}

fn turned(
    object_type: ObjectType,
    attributes: &Attributes,
    from: Format,
    to: Format,
    material: &KeyMaterial,
) -> Result<KeyMaterial, Reason> {
    let to = KeyFormatType(to.number());
    convert(object_type, &block(from), attributes, material, to).map_err(|fault| fault.reason)
}

#[test]
fn every_possible_format_leads_to_every_other_and_back() {
    for sample in samples() {
        for (kind, object_type, own, der) in [
            (
                Kind::Private,
                ObjectType::PRIVATE_KEY,
                Format::Pkcs8,
                &sample.pkcs8,
            ),
            (
                Kind::Public,
                ObjectType::PUBLIC_KEY,
                Format::X509,
                &sample.info,
            ),
        ] {
            let der = KeyMaterial::Bytes(Bytes::new(der.clone()));
            let turn = |from, to, material: &KeyMaterial| {
                turned(object_type, &sample.attributes, from, to, material)
            };
            let forms: Vec<(Format, KeyMaterial)> = possible(kind, sample.algorithm)
                .iter()
                .map(|format| (*format, turn(own, *format, &der).unwrap()))
                .collect();
            assert!(!forms.is_empty());
            for (from, material) in &forms {
                for (to, expected) in &forms {
                    // The point of an EC key is computed again where a form does not have it.
                    assert!(
                        turn(*from, *to, material) == Ok(expected.clone()),
                        "{:?} {kind:?} {from:?} to {to:?}",
                        sample.algorithm
                    );
                }
                for to in Format::ALL {
                    if !forms.iter().any(|(format, _)| format == to) {
                        assert!(
                            turn(*from, *to, material) == Err(Reason::KeyFormatTypeNotSupported),
                            "{:?} {kind:?} {from:?} to {to:?}",
                            sample.algorithm
                        );
                    }
                }
                let mut described = Attributes::default();
                let object = match kind {
                    Kind::Private => Object::PrivateKey(crate::protocol::object::PrivateKey {
                        key_block: block(*from),
                    }),
                    Kind::Public => Object::PublicKey(crate::protocol::object::PublicKey {
                        key_block: block(*from),
                    }),
                };
                let form = match material {
                    KeyMaterial::Bytes(_) => crate::object::managed::Form::Bytes,
                    KeyMaterial::Transparent(_) => crate::object::managed::Form::Transparent,
                };
                inspection::describe(&object, form, material.bytes(), &mut described);
                let found = described.enumeration(tag::CRYPTOGRAPHIC_ALGORITHM);
                let expected = inspection::key_algorithm(sample.algorithm).map(|number| number.0);
                let is_told = *from == Format::Raw || found == expected;
                assert!(is_told, "{:?} {from:?}: {found:?}", sample.algorithm);
                assert_eq!(
                    described.integer(tag::CRYPTOGRAPHIC_LENGTH).is_some(),
                    *from != Format::Raw
                );
            }
        }
    }
}

#[test]
fn symmetric_objects_have_their_bytes_in_three_formats() {
    let bytes = KeyMaterial::Bytes(Bytes::new(vec![7; 24]));
    let none = Attributes::default();
    for (object_type, formats) in [
        (
            ObjectType::SYMMETRIC_KEY,
            &[Format::Raw, Format::Opaque, Format::TransparentSymmetricKey][..],
        ),
        (
            ObjectType::SECRET_DATA,
            &[Format::Raw, Format::Opaque, Format::TransparentSymmetricKey],
        ),
        (
            ObjectType::SPLIT_KEY,
            &[Format::Raw, Format::Opaque, Format::TransparentSymmetricKey],
        ),
        (ObjectType::PGP_KEY, &[Format::Raw, Format::Opaque]),
        // Without a key block: nothing to convert.
        (ObjectType::CERTIFICATE, &[Format::Raw]),
        (ObjectType::OPAQUE_OBJECT, &[Format::Raw]),
        (ObjectType::CERTIFICATE_REQUEST, &[Format::Raw]),
    ] {
        for to in Format::ALL {
            let there = turned(object_type, &none, Format::Raw, *to, &bytes);
            match formats.contains(to) {
                true => {
                    let back = turned(object_type, &none, *to, Format::Raw, &there.unwrap());
                    assert!(back == Ok(bytes.clone()), "{object_type} {to:?}");
                }
                false => assert_eq!(
                    there.unwrap_err(),
                    Reason::KeyFormatTypeNotSupported,
                    "{object_type} {to:?}"
                ),
            }
        }
    }
    // A format that no version has.
    let odd = KeyFormatType(0x18);
    let refused = convert(
        ObjectType::SYMMETRIC_KEY,
        &block(Format::Raw),
        &none,
        &bytes,
        odd,
    );
    assert_eq!(
        refused.unwrap_err().reason,
        Reason::KeyFormatTypeNotSupported
    );
}

#[test]
fn objects_without_key_block_have_one_form() {
    let certificate = |certificate_type| {
        Object::Certificate(crate::protocol::object::Certificate {
            certificate_type,
            certificate_value: Bytes::default(),
        })
    };
    let request = |certificate_request_type| {
        Object::CertificateRequest(CertificateRequest {
            certificate_request_type,
            certificate_request_value: Bytes::default(),
        })
    };
    let opaque = Object::OpaqueObject(OpaqueObject {
        opaque_data_type: crate::protocol::enumeration::OpaqueDataType(0x8000_0000),
        opaque_data_value: Bytes::default(),
    });
    for (object, formats) in [
        (
            certificate(CertificateType::X_509),
            &[KeyFormatType::RAW, KeyFormatType::X_509][..],
        ),
        (certificate(CertificateType::PGP), &[KeyFormatType::RAW]),
        (
            request(CertificateRequestType::PKCS_10),
            &[KeyFormatType::RAW, KeyFormatType::PKCS_10],
        ),
        (request(CertificateRequestType::PEM), &[KeyFormatType::RAW]),
        (opaque, &[KeyFormatType::RAW, KeyFormatType::OPAQUE]),
    ] {
        for format in Format::ALL {
            let format = KeyFormatType(format.number());
            assert_eq!(
                is_form_of(&object, format),
                formats.contains(&format),
                "{object:?} {format}"
            );
        }
    }
}

#[test]
fn nist_curves_go_by_their_length_alone() {
    let (_, info) = library::pair::generate(PairSpec::Ec { curve: Curve::P384 }).unwrap();
    let point = info[info.len() - 97..].to_vec();
    let mut raw = block(Format::Raw);
    raw.cryptographic_algorithm = Some(CryptographicAlgorithm::ECDSA);
    raw.cryptographic_length = Some(384);
    let x509 = KeyFormatType::X_509;
    let none = Attributes::default();
    let point = KeyMaterial::Bytes(Bytes::new(point));
    let given = convert(ObjectType::PUBLIC_KEY, &raw, &none, &point, x509).unwrap();
    assert!(given == KeyMaterial::Bytes(Bytes::new(info)));
    raw.cryptographic_algorithm = Some(CryptographicAlgorithm::RSA);
    assert!(convert(ObjectType::PUBLIC_KEY, &raw, &none, &point, x509).is_err());
}

#[test]
fn points_are_compressed_as_their_field_wants() {
    use KeyCompressionType as Compression;
    let uncompressed = Compression::EC_PUBLIC_KEY_TYPE_UNCOMPRESSED;
    let prime = Compression::EC_PUBLIC_KEY_TYPE_X9_62_COMPRESSED_PRIME;
    let char2 = Compression::EC_PUBLIC_KEY_TYPE_X9_62_COMPRESSED_CHAR2;
    let hybrid = Compression::EC_PUBLIC_KEY_TYPE_X9_62_HYBRID;
    for (curve, own, other) in [(Curve::P256, prime, char2), (Curve::B283, char2, prime)] {
        let (_, info) = library::pair::generate(PairSpec::Ec { curve }).unwrap();
        let info = KeyMaterial::Bytes(Bytes::new(info));
        let none = Attributes::default();
        let given = |material: &KeyMaterial, wanted| {
            compress(&block(Format::X509), &none, material, wanted).map_err(|fault| fault.reason)
        };
        let point = |material: &KeyMaterial| {
            let key = public_key(&block(Format::X509), &none, material).unwrap();
            key.write(Format::Raw).unwrap()
        };
        let short = given(&info, own).unwrap();
        assert_eq!(point(&short).len(), 1 + curve.field_bytes());
        let long = given(&info, hybrid).unwrap();
        assert!(matches!(point(&long)[0], 6 | 7));
        for form in [&short, &long] {
            assert!(given(form, uncompressed) == Ok(info.clone()));
        }
        for refused in [other, Compression(9)] {
            assert_eq!(
                given(&info, refused).unwrap_err(),
                Reason::KeyCompressionTypeNotSupported
            );
        }
        let rsa = KeyMaterial::Bytes(Bytes::new(hex::decode(RSA_SPKI).unwrap()));
        assert_eq!(
            given(&rsa, own).unwrap_err(),
            Reason::KeyCompressionTypeNotSupported
        );
    }
}

fn any_node() -> impl Strategy<Value = Node<'static>> {
    let tags = prop::sample::select(vec![
        tag::RECOMMENDED_CURVE,
        tag::D,
        tag::Q_STRING,
        tag::P,
        tag::Q,
        tag::G,
        tag::J,
        tag::X,
        tag::Y,
        tag::MODULUS,
        tag::PUBLIC_EXPONENT,
        tag::PRIVATE_EXPONENT,
        tag::KEY,
    ]);
    let value = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..70).prop_map(|bytes| Value::BigInteger(bytes.into())),
        prop::collection::vec(any::<u8>(), 0..70).prop_map(|bytes| Value::ByteString(bytes.into())),
        (0u32..0x50).prop_map(Value::Enumeration),
    ];
    (tags, value).prop_map(|(tag, value)| Node::new(tag, value))
}

proptest! {
    #[test]
    fn no_material_of_anybody_panics(
        bytes in prop::collection::vec(any::<u8>(), 0..120),
        fields in prop::collection::vec(any_node(), 0..8),
        algorithm in 0u32..0x50,
        curve in prop::option::of(0u32..0x50),
        length in prop::option::of(any::<i32>()),
    ) {
        let mut attributes = attributes(algorithm, curve);
        if let Some(length) = length {
            attributes.set(tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(length));
        }
        let structure = transparent::structure(fields);
        for from in Format::ALL {
            for material in [
                KeyMaterial::Bytes(Bytes::new(bytes.clone())),
                KeyMaterial::Transparent(Bytes::new(bytes.clone())),
                structure.clone(),
            ] {
                for object_type in [ObjectType::PRIVATE_KEY, ObjectType::PUBLIC_KEY, ObjectType::SYMMETRIC_KEY] {
                    for to in [Format::Pkcs8, Format::X509, Format::Raw, Format::TransparentEcPrivateKey, Format::TransparentDsaPublicKey] {
                        let _ = turned(object_type, &attributes, *from, to, &material);
                    }
                }
                if let Ok(key) = private_key(&block(*from), &attributes, &material) {
                    let _ = key.public();
                }
            }
        }
    }
}
