#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use proptest::prelude::*;

use super::fixtures::*;
use super::*;

const NONE: Hint = Hint {
    curve: None,
    named: None,
};

fn on(curve: Curve) -> Hint {
    Hint {
        curve: Some(curve),
        ..NONE
    }
}

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
                *convert(Kind::Private, *from, *to, NONE, source).unwrap(),
                *target
            );
        }
        let key = PrivateKey::parse(*from, source, NONE).unwrap();
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
                *convert(Kind::Public, *from, *to, NONE, source).unwrap(),
                *target
            );
        }
        let key = PublicKey::parse(*from, source, NONE).unwrap();
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
fn missing_parts_of_rsa_keys_follow_from_the_others() {
    use RsaPart::*;
    let whole: Vec<(RsaPart, Unsigned)> = rsa()
        .parts()
        .map(|(part, value)| (part, value.clone()))
        .collect();
    let only = |wanted: &[RsaPart]| {
        let parts = whole.iter().filter(|(part, _)| wanted.contains(part));
        RsaPrivate::from_parts(parts.cloned()).unwrap()
    };
    for enough in [
        &[Modulus, PrivateExponent, PublicExponent][..],
        &[Modulus, PublicExponent, P, Q],
        &[Modulus, PrivateExponent, P, Q],
        &[Modulus, P, Q, PrimeExponentP, PrimeExponentQ],
        &[
            Modulus,
            PrivateExponent,
            PublicExponent,
            P,
            Q,
            CrtCoefficient,
        ],
    ] {
        let given = only(enough).to_pkcs1().unwrap();
        let read = openssl::rsa::Rsa::private_key_from_der(&given).unwrap();
        assert!(read.check_key().unwrap(), "{enough:?}");
        // Several private exponents are of one key: the shortest is computed, OpenSSL's tools took another.
        let given = RsaPrivate::from_pkcs1(&given).unwrap();
        for (part, value) in whole.iter().filter(|(part, _)| *part != PrivateExponent) {
            assert_eq!(given.part(*part), Some(value), "{enough:?}");
        }
        assert!(!enough.contains(&PrivateExponent) || given == rsa());
    }
    for little in [
        &[Modulus, PrivateExponent][..],
        &[Modulus, P, Q],
        &[Modulus, PublicExponent, PrimeExponentP, PrimeExponentQ],
    ] {
        assert!(matches!(
            only(little).to_pkcs1(),
            Err(FormatError::NotPossible(_))
        ));
    }
    // Parts of different keys, and none of any.
    let one = Unsigned::from_magnitude(&[15]).unwrap();
    for (odd, parts) in [
        (P, &[Modulus, PublicExponent, P, Q][..]),
        (PublicExponent, &[Modulus, PublicExponent, PrivateExponent]),
        (Modulus, &[Modulus, PublicExponent, PrivateExponent]),
    ] {
        let parts = whole.iter().filter(|(part, _)| parts.contains(part));
        let parts = parts.map(|(part, value)| match *part == odd {
            true => (*part, one.clone()),
            false => (*part, value.clone()),
        });
        let key = RsaPrivate::from_parts(parts).unwrap();
        assert!(key.to_pkcs1().is_err(), "{odd:?}");
    }
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
                    *convert(Kind::Private, *from, *to, NONE, source).unwrap(),
                    *target,
                    "{name}"
                );
            }
            let key = PrivateKey::parse(*from, source, NONE).unwrap();
            let curve = key.curve().unwrap();
            assert_eq!((curve.name(), key.bits()), (*name, Some(curve.bits())));
            let public = key.public().unwrap();
            assert_eq!(public.write(Format::X509).unwrap(), bytes(spki), "{name}");
            let point = public.write(Format::Raw).unwrap();
            assert_eq!(point.len(), 1 + 2 * curve.field_bytes());
            let again =
                convert(Kind::Public, Format::Raw, Format::X509, on(curve), &point).unwrap();
            assert_eq!(*again, bytes(spki));
            let PrivateKey::Ec(ec) = key else {
                panic!("{name} is not EC")
            };
            let d = ec.d().unwrap().twos_complement();
            let rebuilt = EcPrivate::new(curve, &d, Some(&point)).unwrap();
            assert_eq!(rebuilt, ec);
        }
        let without = PrivateKey::parse(Format::EcPrivateKey, &bytes(bare), NONE).unwrap();
        assert_eq!(
            without.public().map(|key| key.write(Format::X509).unwrap()),
            Some(bytes(spki)),
            "{name}"
        );
        assert_eq!(
            *without.write(Format::EcPrivateKey).unwrap(),
            bytes(sec1),
            "{name}"
        );
    }
}

#[test]
fn keys_without_parameters_as_rfc_8410_has_them() {
    let private = PrivateKey::parse(Format::Pkcs8, &bytes(ED25519_PKCS8), NONE).unwrap();
    assert_eq!(
        (private.algorithm(), private.bits()),
        (Algorithm::Named(Named::Ed25519), Some(256))
    );
    assert_eq!(*private.write(Format::Pkcs8).unwrap(), bytes(ED25519_PKCS8));
    let public = private.public().unwrap();
    assert_eq!(public.write(Format::X509).unwrap(), bytes(ED25519_SPKI));
    assert!(matches!(
        private.write(Format::EcPrivateKey),
        Err(FormatError::NotPossible(_))
    ));
    for (format, kind) in [(Format::Pkcs8, Kind::Private), (Format::X509, Kind::Public)] {
        let der = match kind {
            Kind::Private => bytes(ED25519_PKCS8),
            Kind::Public => bytes(ED25519_SPKI),
        };
        let hint = Hint {
            named: Some(Named::Ed25519),
            ..NONE
        };
        let raw = convert(kind, format, Format::Raw, NONE, &der).unwrap();
        assert_eq!(raw.as_slice(), der.get(der.len() - 32..).unwrap());
        assert_eq!(
            *convert(kind, Format::Raw, format, hint, &raw).unwrap(),
            der
        );
        assert!(convert(kind, Format::Raw, format, NONE, &raw).is_err());
    }
    assert_eq!(
        PrivateKey::parse(Format::Pkcs8, &bytes(X25519_PKCS8), NONE)
            .unwrap()
            .algorithm(),
        Algorithm::Named(Named::X25519)
    );
    assert_eq!(
        PublicKey::parse(Format::X509, &bytes(ED448_SPKI), NONE)
            .unwrap()
            .bits(),
        Some(448)
    );
    // RFC 8410 §10.3: version 1, and version 2 with attributes and public key.
    let version_1 = bytes(
        "302e020100300506032b657004220420d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842",
    );
    let version_2 = bytes(
        "3072020101300506032b657004220420d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842\
         a01f301d060a2a864886f70d01090914310f0c0d437572646c6520436861697273812100\
         19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1",
    );
    let spki =
        "302a300506032b657003210019bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";
    for source in [&version_1, &version_2] {
        let key = PrivateKey::parse(Format::Pkcs8, source, NONE).unwrap();
        assert_eq!(*key.write(Format::Pkcs8).unwrap(), version_1);
        let public = key.public().unwrap();
        assert_eq!(public.write(Format::X509).unwrap(), bytes(spki));
    }
    let mut short = version_1.clone();
    short.truncate(47);
    for (at, byte) in [(1, 0x2d), (13, 0x21), (15, 0x1f)] {
        *short.get_mut(at).unwrap() = byte;
    }
    assert!(matches!(
        PrivateKey::parse(Format::Pkcs8, &short, NONE),
        Err(FormatError::Malformed(_))
    ));
}

#[test]
fn dsa_and_dh_go_between_their_formats_as_openssl_writes_them() {
    for (algorithm, bits, has_q, pkcs8, spki) in FIELD {
        let private = PrivateKey::parse(Format::Pkcs8, &bytes(pkcs8), NONE).unwrap();
        assert_eq!(private.algorithm(), *algorithm);
        assert_eq!(private.bits(), Some(*bits));
        let PrivateKey::Field(key) = &private else {
            panic!("{private:?}")
        };
        assert_eq!(key.group.q.is_some(), *has_q);
        let public = private.public().unwrap();
        assert_eq!(
            public,
            PublicKey::parse(Format::X509, &bytes(spki), NONE).unwrap()
        );
        let written = private.write(Format::Pkcs8).unwrap();
        assert_eq!(
            PrivateKey::parse(Format::Pkcs8, &written, NONE).unwrap(),
            private
        );
        // OpenSSL takes what is written here, with the same key in it.
        let read = openssl::pkey::PKey::private_key_from_pkcs8(&written).unwrap();
        let theirs = PublicKey::parse(Format::X509, &read.public_key_to_der().unwrap(), NONE);
        assert_eq!(theirs.unwrap(), public);
        let written = public.write(Format::X509).unwrap();
        assert!(openssl::pkey::PKey::public_key_from_der(&written).is_ok());
        assert!(matches!(
            private.write(Format::Raw),
            Err(FormatError::NotPossible(_))
        ));
    }
}

#[test]
fn what_cannot_be_read() {
    // RFC 5958 §3 with the algorithm of PBES1: the shape is enough.
    let encrypted = bytes("3017300f060a2a864886f70d010c01033001000404deadbeef");
    assert_eq!(
        PrivateKey::parse(Format::Pkcs8, &encrypted, NONE),
        Err(FormatError::Encrypted)
    );
    assert_eq!(
        *convert(
            Kind::Private,
            Format::Pkcs8,
            Format::Pkcs8,
            NONE,
            &encrypted
        )
        .unwrap(),
        encrypted
    );
    for format in [Format::Pkcs1, Format::Pkcs8, Format::EcPrivateKey] {
        assert!(matches!(
            PrivateKey::parse(format, b"no key", NONE),
            Err(FormatError::Malformed(_))
        ));
    }
    assert!(matches!(
        PrivateKey::parse(Format::Pkcs1, &bytes(RSA_PKCS8), NONE),
        Err(FormatError::Malformed(_))
    ));
    assert!(matches!(
        PublicKey::parse(Format::Raw, &[4; 65], NONE),
        Err(FormatError::NotPossible(_))
    ));
    for (curve, point) in [
        (Curve::P384, &[4; 65][..]),
        (Curve::P256, &[5; 65]),
        (Curve::P256, &[6; 33]),
        (Curve::P256, &[2; 32]),
        (Curve::P256, &[]),
    ] {
        assert!(matches!(
            PublicKey::parse(Format::Raw, point, on(curve)),
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
            NONE,
            &bytes(RSA_PKCS1)
        ),
        Err(FormatError::NotPossible(_))
    ));
}

#[test]
fn debug_shows_no_secret() {
    let edwards = PrivateKey::parse(Format::Pkcs8, &bytes(ED25519_PKCS8), NONE).unwrap();
    let ec = PrivateKey::parse(Format::Pkcs8, &bytes(EC.first().unwrap().3), NONE).unwrap();
    let PrivateKey::Ec(inner) = &ec else {
        panic!("not EC")
    };
    let d = rsa()
        .part(RsaPart::PrivateExponent)
        .unwrap()
        .magnitude()
        .to_vec();
    let shown = format!("{edwards:?} {ec:?} {:?}", PrivateKey::Rsa(rsa()));
    for secret in [&d, inner.scalar(), &bytes(ED25519_PKCS8)] {
        let listed = format!("{:?}", secret.get(..4).unwrap());
        assert!(!shown.contains(listed.trim_matches(['[', ']'])), "{shown}");
        assert!(
            !shown
                .to_lowercase()
                .contains(&hex::encode(secret.get(..4).unwrap())),
            "{shown}"
        );
    }
    assert!(shown.contains("Unsigned[1024 bits]"), "{shown}");
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
    assert_eq!(
        edwards.public_key.unwrap().algorithm(),
        Algorithm::Named(Named::Ed25519)
    );
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
            let hints = [
                NONE,
                on(Curve::P256),
                Hint { named: Some(Named::Ed25519), ..NONE },
                Hint { named: Some(Named::MlDsa44), ..NONE },
            ];
            for (format, hint) in Format::ALL.iter().flat_map(|format| hints.map(|hint| (*format, hint))) {
                if let Ok(key) = PrivateKey::parse(format, data, hint) {
                    let _ = key.public();
                    let again = key.write(format).unwrap();
                    // A compressed form or foreign attributes may go, the key stays.
                    assert_eq!(PrivateKey::parse(format, &again, hint).unwrap().bits(), key.bits());
                }
                if let Ok(key) = PublicKey::parse(format, data, hint) {
                    assert_eq!(PublicKey::parse(format, &key.write(format).unwrap(), hint).unwrap(), key);
                }
            }
            let _ = Certificate::parse(data);
        };
        readers(&data);
        for known in [RSA_PKCS1, RSA_PKCS8, RSA_SPKI, ED25519_PKCS8, ED25519_SPKI, FIELD.first().unwrap().3, FIELD.last().unwrap().4, CERTIFICATE, NO_SUBJECT, EC.first().unwrap().3, EC.first().unwrap().4] {
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
        let public = PrivateKey::parse(Format::Pkcs8, &wrapped, NONE).unwrap().public().unwrap();
        let spki = public.write(Format::X509).unwrap();
        prop_assert_eq!(PublicKey::parse(Format::X509, &spki, NONE).unwrap(), public);
    }

    #[test]
    fn ec_of_any_scalar_comes_back(row in any::<prop::sample::Index>(), scalar in proptest::collection::vec(any::<u8>(), 1..=72)) {
        let curve = *row.get(Curve::ALL);
        let scalar = scalar.get(..scalar.len().min(curve.scalar_bytes())).unwrap();
        prop_assume!(scalar.iter().any(|byte| *byte != 0));
        let key = PrivateKey::Ec(EcPrivate::new(curve, scalar, None).unwrap());
        for format in [Format::EcPrivateKey, Format::Pkcs8] {
            let again = PrivateKey::parse(format, &key.write(format).unwrap(), NONE).unwrap();
            prop_assert_eq!(again.curve(), Some(curve));
            let PrivateKey::Ec(again) = again else { panic!("not EC") };
            prop_assert_eq!(again.d().unwrap(), Unsigned::from_magnitude(scalar).unwrap());
        }
    }
}
