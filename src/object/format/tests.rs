#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use proptest::prelude::*;

use super::fixtures::*;
use super::*;

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn rsa() -> RsaPrivate {
    RsaPrivate::from_pkcs1(&bytes(RSA_PKCS1)).unwrap()
}

#[test]
fn rsa_goes_between_its_formats_as_openssl_writes_them() {
    let forms = [
        (Format::Pkcs1, bytes(RSA_PKCS1)),
        (Format::Pkcs8, bytes(RSA_PKCS8)),
    ];
    let public = [
        (Format::Pkcs1, bytes(RSA_PUBLIC_PKCS1)),
        (Format::X509, bytes(RSA_SPKI)),
    ];
    for (from, source) in &forms {
        for (to, target) in &forms {
            assert_eq!(
                *convert(Kind::Private, *from, *to, None, source).unwrap(),
                *target
            );
        }
        let key = PrivateKey::parse(*from, source).unwrap();
        assert_eq!(
            (key.algorithm(), key.bits(), key.curve()),
            (Algorithm::Rsa, Some(1024), None)
        );
        for (to, target) in &public {
            assert_eq!(key.public().unwrap().write(*to).unwrap(), *target);
        }
    }
    for (from, source) in &public {
        for (to, target) in &public {
            assert_eq!(
                *convert(Kind::Public, *from, *to, None, source).unwrap(),
                *target
            );
        }
        let key = PublicKey::parse(*from, source, None).unwrap();
        assert_eq!((key.algorithm(), key.bits()), (Algorithm::Rsa, Some(1024)));
    }
}

#[test]
fn rsa_through_transparent_parts() {
    let names: Vec<&str> = rsa().parts().map(|(part, _)| part.name()).collect();
    assert_eq!(
        names,
        [
            "Modulus",
            "Private Exponent",
            "Public Exponent",
            "P",
            "Q",
            "Prime Exponent P",
            "Prime Exponent Q",
            "CRT Coefficient"
        ]
    );
    let parts: Vec<_> = rsa()
        .parts()
        .map(|(part, value)| {
            (
                part,
                Unsigned::from_twos_complement(&value.twos_complement()).unwrap(),
            )
        })
        .collect();
    assert_eq!(RsaPrivate::from_parts(parts.clone()).unwrap(), rsa());
    assert_eq!(
        *RsaPrivate::from_parts(parts.clone())
            .unwrap()
            .to_pkcs1()
            .unwrap(),
        bytes(RSA_PKCS1)
    );

    let only = |wanted: &[RsaPart]| {
        RsaPrivate::from_parts(
            parts
                .iter()
                .filter(|(part, _)| wanted.contains(part))
                .cloned(),
        )
    };
    let minimal = only(&[RsaPart::Modulus, RsaPart::PrivateExponent]).unwrap();
    assert_eq!(minimal.bits(), 1024);
    assert!(minimal.public().is_none());
    assert!(matches!(
        minimal.to_pkcs1(),
        Err(FormatError::NotPossible(_))
    ));
    assert!(only(&[RsaPart::Modulus, RsaPart::P, RsaPart::Q]).is_ok());
    assert!(
        only(&[
            RsaPart::Modulus,
            RsaPart::PrimeExponentP,
            RsaPart::PrimeExponentQ
        ])
        .is_ok()
    );
    assert!(only(&[RsaPart::Modulus, RsaPart::P]).is_err());
    assert!(only(&[RsaPart::PrivateExponent]).is_err());
    let twice = parts.iter().chain(parts.first()).cloned();
    assert!(matches!(
        RsaPrivate::from_parts(twice),
        Err(FormatError::Malformed(_))
    ));
}

#[test]
fn ec_goes_between_its_formats_as_openssl_writes_them() {
    for (name, sec1, bare, pkcs8, spki) in EC {
        let forms = [
            (Format::EcPrivateKey, bytes(sec1)),
            (Format::Pkcs8, bytes(pkcs8)),
        ];
        for (from, source) in &forms {
            for (to, target) in &forms {
                assert_eq!(
                    *convert(Kind::Private, *from, *to, None, source).unwrap(),
                    *target,
                    "{name}"
                );
            }
            let key = PrivateKey::parse(*from, source).unwrap();
            let curve = key.curve().unwrap();
            assert_eq!((curve.name(), key.bits()), (*name, Some(curve.bits())));
            let public = key.public().unwrap();
            assert_eq!(public.write(Format::X509).unwrap(), bytes(spki), "{name}");
            let point = public.write(Format::Raw).unwrap();
            assert_eq!(point.len(), 1 + 2 * curve.field_bytes());
            let again =
                convert(Kind::Public, Format::Raw, Format::X509, Some(curve), &point).unwrap();
            assert_eq!(*again, bytes(spki));
            let PrivateKey::Ec(ec) = key else {
                panic!("{name} is not EC")
            };
            let d = ec.d().unwrap().twos_complement();
            let rebuilt = EcPrivate::new(curve, &d, Some(&point)).unwrap();
            assert_eq!(rebuilt, ec);
        }
        let without = PrivateKey::parse(Format::EcPrivateKey, &bytes(bare)).unwrap();
        let computable = ["P-256", "P-384", "P-521"].contains(name);
        assert_eq!(
            without.public().map(|key| key.write(Format::X509).unwrap()),
            computable.then(|| bytes(spki))
        );
        let expected = if computable { sec1 } else { bare };
        assert_eq!(
            *without.write(Format::EcPrivateKey).unwrap(),
            bytes(expected),
            "{name}"
        );
    }
}

#[test]
fn other_algorithms_travel_as_they_came() {
    let private = PrivateKey::parse(Format::Pkcs8, &bytes(ED25519_PKCS8)).unwrap();
    assert_eq!(
        (private.algorithm(), private.bits()),
        (Algorithm::Ed25519, Some(256))
    );
    assert_eq!(*private.write(Format::Pkcs8).unwrap(), bytes(ED25519_PKCS8));
    assert!(private.public().is_none());
    assert!(matches!(
        private.write(Format::EcPrivateKey),
        Err(FormatError::NotPossible(_))
    ));
    let public = PublicKey::parse(Format::X509, &bytes(ED25519_SPKI), None).unwrap();
    assert_eq!(public.write(Format::X509).unwrap(), bytes(ED25519_SPKI));
    assert_eq!(
        PrivateKey::parse(Format::Pkcs8, &bytes(X25519_PKCS8))
            .unwrap()
            .algorithm(),
        Algorithm::X25519
    );
    assert_eq!(
        PublicKey::parse(Format::X509, &bytes(ED448_SPKI), None)
            .unwrap()
            .bits(),
        Some(448)
    );
    // RFC 8410 §10.3: version 2 with attributes and public key.
    let rfc8410 = bytes(
        "3072020101300506032b657004220420d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842\
         a01f301d060a2a864886f70d01090914310f0c0d437572646c6520436861697273812100\
         19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1",
    );
    let public = PrivateKey::parse(Format::Pkcs8, &rfc8410)
        .unwrap()
        .public()
        .unwrap();
    let spki =
        "302a300506032b657003210019bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";
    assert_eq!(public.write(Format::X509).unwrap(), bytes(spki));
}

#[test]
fn what_cannot_be_read() {
    // RFC 5958 §3 with the algorithm of PBES1: the shape is enough.
    let encrypted = bytes("3017300f060a2a864886f70d010c01033001000404deadbeef");
    assert_eq!(
        PrivateKey::parse(Format::Pkcs8, &encrypted),
        Err(FormatError::Encrypted)
    );
    assert_eq!(
        *convert(
            Kind::Private,
            Format::Pkcs8,
            Format::Pkcs8,
            None,
            &encrypted
        )
        .unwrap(),
        encrypted
    );
    for format in [Format::Pkcs1, Format::Pkcs8, Format::EcPrivateKey] {
        assert!(matches!(
            PrivateKey::parse(format, b"no key"),
            Err(FormatError::Malformed(_))
        ));
    }
    assert!(matches!(
        PrivateKey::parse(Format::Pkcs1, &bytes(RSA_PKCS8)),
        Err(FormatError::Malformed(_))
    ));
    assert!(matches!(
        PublicKey::parse(Format::Raw, &[4; 65], None),
        Err(FormatError::NotPossible(_))
    ));
    for (curve, point) in [
        (Curve::P384, &[4; 65][..]),
        (Curve::P256, &[5; 65]),
        (Curve::P256, &[2; 32]),
        (Curve::P256, &[]),
    ] {
        assert!(matches!(
            PublicKey::parse(Format::Raw, point, Some(curve)),
            Err(FormatError::Malformed(_))
        ));
    }
    assert!(EcPublic::new(Curve::P256, &[3; 33]).is_ok());
    assert!(EcPrivate::new(Curve::P256, &[1; 33], None).is_err());
    assert!(EcPrivate::new(Curve::P256, &[0; 32], None).is_err());
    assert!(matches!(
        convert(
            Kind::Private,
            Format::Pkcs1,
            Format::EcPrivateKey,
            None,
            &bytes(RSA_PKCS1)
        ),
        Err(FormatError::NotPossible(_))
    ));
}

#[test]
fn the_table_says_what_convert_does() {
    let all = [
        Format::Pkcs1,
        Format::Pkcs8,
        Format::EcPrivateKey,
        Format::X509,
        Format::Raw,
    ];
    let ec = EC.iter().find(|row| row.0 == "P-256").unwrap();
    let point = PrivateKey::parse(Format::Pkcs8, &bytes(ec.3))
        .unwrap()
        .public()
        .unwrap()
        .write(Format::Raw)
        .unwrap();
    let keys = [
        (
            Kind::Private,
            Algorithm::Rsa,
            Format::Pkcs1,
            bytes(RSA_PKCS1),
        ),
        (
            Kind::Private,
            Algorithm::Rsa,
            Format::Pkcs8,
            bytes(RSA_PKCS8),
        ),
        (
            Kind::Public,
            Algorithm::Rsa,
            Format::Pkcs1,
            bytes(RSA_PUBLIC_PKCS1),
        ),
        (Kind::Public, Algorithm::Rsa, Format::X509, bytes(RSA_SPKI)),
        (
            Kind::Private,
            Algorithm::Ec,
            Format::EcPrivateKey,
            bytes(ec.1),
        ),
        (Kind::Private, Algorithm::Ec, Format::Pkcs8, bytes(ec.3)),
        (Kind::Public, Algorithm::Ec, Format::X509, bytes(ec.4)),
        (Kind::Public, Algorithm::Ec, Format::Raw, point),
        (
            Kind::Private,
            Algorithm::Ed25519,
            Format::Pkcs8,
            bytes(ED25519_PKCS8),
        ),
        (
            Kind::Public,
            Algorithm::Ed25519,
            Format::X509,
            bytes(ED25519_SPKI),
        ),
    ];
    for (kind, algorithm, from, material) in keys {
        for to in all {
            let done = convert(kind, from, to, Some(Curve::P256), &material).is_ok();
            assert_eq!(
                done,
                is_possible(kind, algorithm, from, to),
                "{kind:?} {algorithm:?} {from:?} to {to:?}"
            );
        }
    }
}

#[test]
fn debug_shows_no_secret() {
    let key = PrivateKey::parse(Format::Pkcs8, &bytes(ED25519_PKCS8)).unwrap();
    let rsa = PrivateKey::Rsa(rsa());
    let ec = PrivateKey::parse(Format::Pkcs8, &bytes(EC.first().unwrap().3)).unwrap();
    let shown = format!("{key:?} {rsa:?} {ec:?}");
    assert!(
        !shown.chars().any(|c| c == '[') || shown.contains("bits"),
        "{shown}"
    );
    assert!(shown.len() < 800, "{shown}");
}

#[test]
fn certificate_with_everything() {
    let der = bytes(CERTIFICATE);
    let certificate = Certificate::parse(&der).unwrap();
    assert_eq!(certificate.length, der.len());
    assert_eq!(certificate.serial_der(), [2, 3, 0, 0xFE, 1]);
    assert_eq!(certificate.serial_text(), "00fe01");
    assert_eq!(
        certificate
            .signature_algorithm
            .map(SignatureAlgorithm::number),
        Some(0x0F)
    );
    let key = certificate.public_key.as_ref().unwrap();
    assert_eq!((key.curve(), key.bits()), (Some(Curve::P256), Some(256)));
    assert_eq!(
        key.write(Format::X509).unwrap(),
        certificate.public_key_info
    );

    // As `openssl x509 -nameopt RFC2253,-esc_msb` prints it.
    assert_eq!(
        certificate.subject.text,
        "dnQualifier=q,DC=example,DC=org,title=Dr,serialNumber=S 9,UID=u-1,emailAddress=a@example.org,\
         CN=\\#host \\<1\\>,OU=Two,OU=One,O=Keyward \\+ Co,L=Zug\\, Altstadt,ST=Zürich,C=CH"
    );
    assert_eq!(certificate.issuer.text, certificate.subject.text);
    assert_eq!(certificate.issuer.der, certificate.subject.der);
    assert!(
        der.windows(certificate.subject.der.len())
            .any(|window| window == certificate.subject.der)
    );
    let values = |attribute| certificate.subject.values(attribute).collect::<Vec<_>>();
    assert_eq!(values(NameAttribute::OrganizationalUnit), ["One", "Two"]);
    assert_eq!(values(NameAttribute::State), ["Zürich"]);
    assert_eq!(values(NameAttribute::CommonName), ["#host <1>"]);
    for attribute in NameAttribute::ALL {
        assert!(!values(*attribute).is_empty(), "{}", attribute.name());
    }
    assert_eq!(
        certificate.subject.alternative_texts,
        [
            "kms.example.org",
            "k@example.org",
            "192.0.2.7",
            "urn:k",
            "2001:db8::1"
        ]
    );
    assert_eq!(
        certificate.subject.alternatives.first().unwrap(),
        b"\x82\x0fkms.example.org"
    );
    assert_eq!(certificate.issuer.alternative_texts, ["ca.example.org"]);
}

#[test]
fn certificates_with_little() {
    let nameless = Certificate::parse(&bytes(NO_SUBJECT)).unwrap();
    assert_eq!(
        (
            nameless.subject.der.as_slice(),
            nameless.subject.text.as_str()
        ),
        (&[0x30, 0][..], "")
    );
    assert_eq!(nameless.subject.alternative_texts, ["x"]);
    let edwards = Certificate::parse(&bytes(ED25519_CERTIFICATE)).unwrap();
    assert_eq!(edwards.signature_algorithm, None);
    assert_eq!(edwards.public_key.unwrap().algorithm(), Algorithm::Ed25519);
    let mut longer = bytes(NO_SUBJECT);
    longer.push(0);
    assert!(matches!(
        Certificate::parse(&longer),
        Err(FormatError::Malformed(_))
    ));
}

proptest! {
    #[test]
    fn nothing_panics(mut data in proptest::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let readers = |data: &[u8]| {
            for format in [Format::Pkcs1, Format::Pkcs8, Format::EcPrivateKey] {
                if let Ok(key) = PrivateKey::parse(format, data) {
                    let _ = key.public();
                    let again = key.write(format).unwrap();
                    // A compressed form or foreign attributes may go, the key stays.
                    assert_eq!(PrivateKey::parse(format, &again).unwrap().bits(), key.bits());
                }
            }
            for format in [Format::Pkcs1, Format::X509, Format::Raw] {
                if let Ok(key) = PublicKey::parse(format, data, Some(Curve::P256)) {
                    assert_eq!(PublicKey::parse(format, &key.write(format).unwrap(), Some(Curve::P256)).unwrap(), key);
                }
            }
            let _ = Certificate::parse(data);
        };
        readers(&data);
        for known in [RSA_PKCS1, RSA_PKCS8, RSA_SPKI, ED25519_PKCS8, CERTIFICATE, NO_SUBJECT, EC.first().unwrap().3, EC.first().unwrap().4] {
            data = bytes(known);
            let at = at.index(data.len());
            *data.get_mut(at).unwrap() = byte;
            readers(&data);
        }
    }

    #[test]
    fn rsa_of_any_numbers_comes_back(numbers in proptest::collection::vec(proptest::collection::vec(1u8.., 1..160), 8)) {
        let parts = RsaPart::ALL.iter().copied().zip(numbers.iter().map(|bytes| Unsigned::from_magnitude(bytes).unwrap()));
        let key = RsaPrivate::from_parts(parts).unwrap();
        prop_assert_eq!(&RsaPrivate::from_pkcs1(&key.to_pkcs1().unwrap()).unwrap(), &key);
        let wrapped = PrivateKey::Rsa(key).write(Format::Pkcs8).unwrap();
        let public = PrivateKey::parse(Format::Pkcs8, &wrapped).unwrap().public().unwrap();
        let spki = public.write(Format::X509).unwrap();
        prop_assert_eq!(PublicKey::parse(Format::X509, &spki, None).unwrap(), public);
    }

    #[test]
    fn ec_of_any_scalar_comes_back(row in any::<prop::sample::Index>(), scalar in proptest::collection::vec(any::<u8>(), 1..=20)) {
        prop_assume!(scalar.iter().any(|byte| *byte != 0));
        let curve = *row.get(Curve::ALL);
        let key = PrivateKey::Ec(EcPrivate::new(curve, &scalar, None).unwrap());
        for format in [Format::EcPrivateKey, Format::Pkcs8] {
            let again = PrivateKey::parse(format, &key.write(format).unwrap()).unwrap();
            prop_assert_eq!(again.curve(), Some(curve));
            let PrivateKey::Ec(again) = again else { panic!("not EC") };
            prop_assert_eq!(again.d().unwrap(), Unsigned::from_magnitude(&scalar).unwrap());
        }
    }
}
