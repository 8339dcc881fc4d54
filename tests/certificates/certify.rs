//! What Certify issues, and what it does not.

use keyward::protocol::enumeration::{
    CertificateRequestType, LinkType, ObjectType, Operation, ResultReason,
};
use keyward::protocol::mask::CryptographicUsageMask as Mask;
use keyward::protocol::tag;
use openssl::x509::X509Name;
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage};
use ttlv::{Node, Value};
use x509_parser::prelude::*;

use crate::ground::*;
use crate::process::{enumeration, integer, name};

#[test]
fn a_pkcs10_request_becomes_a_certificate_of_the_authority() {
    let mut client = client();
    let key = ec_key();
    let request = csr(
        &key,
        &subject("web-1"),
        vec![host("web-1.example.com"), server_auth()],
    );
    let id = client.certified(pkcs10(&request));
    let certificate = client.certificate(&id);
    let authority = client.issuer_of(&id);
    assert!(holds(&certificate, &authority), "OpenSSL finds no path");
    assert!(certificate.public_key().unwrap().public_eq(&key));

    let der = certificate.to_der().unwrap();
    let (_, parsed) = X509Certificate::from_der(&der).unwrap();
    assert_eq!(parsed.subject().to_string(), "O=Example, CN=web-1");
    assert_eq!(parsed.version(), X509Version::V3);
    assert_eq!(
        parsed.signature_algorithm.algorithm.to_id_string(),
        "1.2.840.10045.4.3.3"
    );
    let constraints = parsed.basic_constraints().unwrap().unwrap();
    assert!(constraints.critical && !constraints.value.ca);
    let names = parsed.subject_alternative_name().unwrap().unwrap();
    assert!(!names.critical);
    assert_eq!(
        names.value.general_names,
        [GeneralName::DNSName("web-1.example.com")]
    );
    let usage = parsed.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.server_auth && !usage.client_auth && !usage.any);
    let identifier = |certificate: &openssl::x509::X509| {
        certificate.subject_key_id().unwrap().as_slice().to_vec()
    };
    let parent = certificate.authority_key_id().unwrap().as_slice().to_vec();
    assert_eq!(parent, identifier(&authority));
    assert_ne!(parent, identifier(&certificate));
    let lifetime = seconds(certificate.not_after()) - now();
    assert!((396 * DAY..=397 * DAY).contains(&lifetime), "{lifetime}");
    assert!(seconds(certificate.not_before()) <= now());
}

#[test]
fn serial_numbers_are_128_random_bits() {
    let mut client = client();
    let key = ec_key();
    let payload = || pkcs10(&csr(&key, &subject("serial"), Vec::new()));
    let mut seen = std::collections::HashSet::new();
    let mut longest = 0;
    for _ in 0..8 {
        let id = client.certified(payload());
        let serial = client.certificate(&id).serial_number().to_bn().unwrap();
        assert!(!serial.is_negative());
        longest = longest.max(serial.num_bits());
        assert!(serial.num_bits() <= 128 && serial.num_bits() > 96);
        assert!(seen.insert(serial.to_vec()), "a serial number came twice");
    }
    // Each of eight has its first bit clear once in 256 runs of this test.
    assert!(longest > 120);
}

#[test]
fn the_object_says_what_the_certificate_says_and_leads_to_its_key() {
    let mut client = client();
    let key = rsa_key();
    let mut payload = pkcs10(&csr(&key, &subject("linked"), Vec::new()));
    payload.push(attributes(vec![
        name("linked-certificate"),
        text(tag::COMMENT, "kept"),
    ]));
    let id = client.certified(payload);
    let shown = client.attributes(&id);
    let is = |tag, wanted: Value<'static>| assert_eq!(value(&shown, tag), wanted, "{tag:?}");
    is(
        tag::OBJECT_TYPE,
        Value::Enumeration(ObjectType::CERTIFICATE.0),
    );
    is(tag::CERTIFICATE_TYPE, Value::Enumeration(1));
    is(
        tag::CERTIFICATE_SUBJECT_CN,
        Value::TextString("linked".into()),
    );
    is(
        tag::CERTIFICATE_SUBJECT_O,
        Value::TextString("Example".into()),
    );
    is(
        tag::CERTIFICATE_ISSUER_CN,
        Value::TextString("Keyward issuing CA".into()),
    );
    is(tag::CRYPTOGRAPHIC_ALGORITHM, Value::Enumeration(4));
    is(tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(2048));
    is(tag::DIGITAL_SIGNATURE_ALGORITHM, Value::Enumeration(0x0F));
    is(tag::STATE, Value::Enumeration(2));
    is(tag::COMMENT, Value::TextString("kept".into()));
    let certificate = client.certificate(&id);
    assert_eq!(
        date_of(&shown, tag::DEACTIVATION_DATE),
        seconds(certificate.not_after())
    );
    let length = i32::try_from(certificate.to_der().unwrap().len()).unwrap();
    is(tag::CERTIFICATE_LENGTH, Value::Integer(length));

    let keys = client.links(&id, LinkType::PUBLIC_KEY_LINK);
    let [public] = keys.as_slice() else {
        panic!("{keys:?}")
    };
    let of_key = client.attributes(public);
    assert_eq!(
        value(&of_key, tag::OBJECT_TYPE),
        Value::Enumeration(ObjectType::PUBLIC_KEY.0)
    );
    assert_eq!(client.links(public, LinkType::CERTIFICATE_LINK), [id]);
}

#[test]
fn a_managed_key_is_certified_without_a_request() {
    let mut client = client();
    for class in ["served", "token"] {
        let wish = Node::structure(
            tag::ATTRIBUTE,
            vec![
                text(tag::VENDOR_IDENTIFICATION, "x"),
                text(tag::ATTRIBUTE_NAME, "keyward-class"),
                text(tag::ATTRIBUTE_VALUE, class),
            ],
        );
        let (private, public) = client.pair(vec![wish]);
        let (from, until) = (now() + DAY, now() + 30 * DAY);
        let wanted = attributes(vec![
            x_509(),
            text(tag::CERTIFICATE_SUBJECT_CN, class),
            text(tag::CERTIFICATE_SUBJECT_C, "NO"),
            text(tag::CERTIFICATE_SUBJECT_DC, "example"),
            text(tag::CERTIFICATE_SUBJECT_DC, "com"),
            integer(
                tag::CRYPTOGRAPHIC_USAGE_MASK,
                (Mask::VERIFY | Mask::KEY_AGREEMENT).to_integer(),
            ),
            date(tag::ACTIVATION_DATE, from),
            date(tag::DEACTIVATION_DATE, until),
        ]);
        let id = client.certified(vec![uid(&public), wanted]);
        let certificate = client.certificate(&id);
        assert_eq!(seconds(certificate.not_before()), from);
        assert_eq!(seconds(certificate.not_after()), until);
        let der = certificate.to_der().unwrap();
        let (_, parsed) = X509Certificate::from_der(&der).unwrap();
        assert_eq!(
            parsed.subject().to_string(),
            format!("DC=example, DC=com, C=NO, CN={class}")
        );
        let usage = parsed.key_usage().unwrap().unwrap();
        assert!(usage.critical);
        assert_eq!(usage.value.flags, 0b1_0001, "{}", usage.value);
        assert_eq!(client.state(&id), 1, "its time has not come");
        assert_eq!(
            client.links(&id, LinkType::PUBLIC_KEY_LINK),
            [public.clone()]
        );
        client
            .ask(
                Operation::CERTIFY,
                vec![uid(&private), attributes(vec![x_509()])],
            )
            .fails(ResultReason::INVALID_OBJECT_TYPE);
    }
}

/// 2.1 §6.1.6: several certificates for one key; "a Get operation in the same batch".
#[test]
fn a_key_can_be_certified_again_and_the_batch_goes_on_with_the_certificate() {
    use keyward::protocol::enumeration::BatchErrorContinuationOption;
    let mut client = client();
    let (_, public) = client.named_pair(Some("again"), Vec::new());
    let payload = vec![uid(&public), attributes(vec![x_509()])];
    let first = client.certified(payload.clone());
    let answers = client.batch(
        BatchErrorContinuationOption::STOP,
        vec![(Operation::CERTIFY, payload), (Operation::GET, Vec::new())],
    );
    let second = answers[0].clone().ok().id();
    assert_eq!(answers[1].clone().ok().id(), second);
    let mut links = client.links(&public, LinkType::CERTIFICATE_LINK);
    links.sort();
    let mut both = [first, second.clone()];
    both.sort();
    assert_eq!(links, both);
    // The Name of the key is the subject of last resort.
    let certificate = client.certificate(&second);
    let mut names = certificate.subject_name().entries();
    let common = names.next().unwrap().data().as_slice().to_vec();
    assert_eq!(common, b"again");
}

#[test]
fn the_subject_is_taken_in_every_form_and_the_requests_own_comes_first() {
    let mut client = client();
    let (_, public) = client.pair(Vec::new());
    let exact = Node::structure(
        tag::X_509_CERTIFICATE_SUBJECT,
        vec![
            Node::bytes(
                tag::SUBJECT_DISTINGUISHED_NAME,
                subject("exact").to_der().unwrap(),
            ),
            // dNSName
            Node::bytes(
                tag::SUBJECT_ALTERNATIVE_NAME,
                [b"\x82\x09".as_slice(), b"exact.com"].concat(),
            ),
        ],
    );
    let id = client.certified(vec![uid(&public), attributes(vec![x_509(), exact.clone()])]);
    let certificate = client.certificate(&id);
    assert_eq!(
        certificate.subject_name().to_der().unwrap(),
        subject("exact").to_der().unwrap()
    );
    let names = certificate.subject_alt_names().unwrap();
    assert_eq!(names[0].dnsname(), Some("exact.com"));

    // A name by alternatives alone: then they are critical (RFC 5280 §4.2.1.6).
    let empty = X509Name::builder().unwrap().build();
    let id = client.certified(pkcs10(&csr(
        &ec_key(),
        &empty,
        vec![host("only.example.com")],
    )));
    let der = client.certificate(&id).to_der().unwrap();
    let (_, parsed) = X509Certificate::from_der(&der).unwrap();
    assert!(parsed.subject_alternative_name().unwrap().unwrap().critical);

    // "the information in the Certificate Request takes precedence".
    let mut payload = pkcs10(&csr(&ec_key(), &subject("request"), Vec::new()));
    payload.push(attributes(vec![exact]));
    let id = client.certified(payload);
    let certificate = client.certificate(&id);
    assert_eq!(
        certificate.subject_name().to_der().unwrap(),
        subject("request").to_der().unwrap()
    );
    assert_eq!(
        certificate.subject_alt_names().unwrap()[0].dnsname(),
        Some("exact.com"),
        "what the request does not say the attributes do"
    );

    client
        .ask(
            Operation::CERTIFY,
            vec![uid(&public), attributes(vec![x_509()])],
        )
        .fails(ResultReason::INVALID_FIELD);
}

#[test]
fn nobody_becomes_an_authority() {
    let mut client = client();
    let key = ec_key();
    let authority = BasicConstraints::new().critical().ca().build().unwrap();
    let signs = KeyUsage::new().key_cert_sign().build().unwrap();
    let lists = KeyUsage::new().crl_sign().build().unwrap();
    let responder = ExtendedKeyUsage::new()
        .other("1.3.6.1.5.5.7.3.9")
        .build()
        .unwrap();
    let anything = ExtendedKeyUsage::new()
        .other("2.5.29.37.0")
        .build()
        .unwrap();
    for extension in [authority, signs, lists, responder, anything] {
        let request = csr(&key, &subject("ambitious"), vec![extension]);
        client
            .ask(Operation::CERTIFY, pkcs10(&request))
            .fails(ResultReason::PERMISSION_DENIED);
    }
    for mask in [Mask::CERTIFICATE_SIGN, Mask::CRL_SIGN] {
        let mut payload = pkcs10(&csr(&key, &subject("ambitious"), Vec::new()));
        payload.push(attributes(vec![integer(
            tag::CRYPTOGRAPHIC_USAGE_MASK,
            mask.to_integer(),
        )]));
        client
            .ask(Operation::CERTIFY, payload)
            .fails(ResultReason::PERMISSION_DENIED);
    }
}

#[test]
fn weak_keys_and_curves_without_a_name_are_not_certified() {
    use openssl::ec::{Asn1Flag, EcGroup, EcKey};
    use openssl::pkey::PKey;
    let mut client = client();
    let rsa = PKey::from_rsa(openssl::rsa::Rsa::generate(1024).unwrap()).unwrap();
    let mut group = EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1).unwrap();
    group.set_asn1_flag(Asn1Flag::EXPLICIT_CURVE);
    let explicit = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    for key in [rsa, explicit] {
        let request = csr(&key, &subject("weak"), Vec::new());
        client
            .ask(Operation::CERTIFY, pkcs10(&request))
            .fails(ResultReason::PERMISSION_DENIED);
    }
}

/// What a batch with Undo took back is nowhere: no object, no link, no serial number.
#[test]
fn an_undone_certificate_leaves_nothing() {
    use keyward::protocol::enumeration::{BatchErrorContinuationOption, ResultStatus};
    let mut client = client();
    let (_, public) = client.named_pair(Some("undone"), Vec::new());
    let payload = vec![
        uid(&public),
        attributes(vec![x_509(), name("undone-certificate")]),
    ];
    let answers = client.batch(
        BatchErrorContinuationOption::UNDO,
        vec![
            (Operation::CERTIFY, payload),
            (Operation::GET, vec![uid("not-there")]),
        ],
    );
    assert_eq!(answers[0].status, ResultStatus::OPERATION_UNDONE);
    assert!(client.located("undone-certificate").is_empty());
    assert!(client.links(&public, LinkType::CERTIFICATE_LINK).is_empty());
    // The list reads the object of every certificate that was issued.
    shared().told(&["certificate-authority", "crl"]);
}

#[test]
fn the_time_of_a_certificate_is_bounded() {
    let mut client = client();
    let (_, public) = client.named_pair(Some("bounded"), Vec::new());
    let rows = [
        // Longer than certificates.days, over before it begins, over already.
        (now(), now() + 398 * DAY),
        (now() + 2 * DAY, now() + DAY),
        (now() - 20 * DAY, now() - DAY),
    ];
    for (from, until) in rows {
        let wanted = attributes(vec![
            x_509(),
            date(tag::ACTIVATION_DATE, from),
            date(tag::DEACTIVATION_DATE, until),
        ]);
        client
            .ask(Operation::CERTIFY, vec![uid(&public), wanted])
            .fails(ResultReason::INVALID_ATTRIBUTE_VALUE);
    }
}

#[test]
fn what_cannot_be_certified_says_why() {
    let mut client = client();
    let (_, public) = client.named_pair(Some("refused"), Vec::new());
    let other = csr(&ec_key(), &subject("other"), Vec::new());
    let mut mismatch = vec![uid(&public)];
    mismatch.extend(pkcs10(&other));
    let secret = client.create("no key pair");
    let der = other.to_der().unwrap();
    let kind = |number| enumeration(tag::CERTIFICATE_REQUEST_TYPE, number);
    let bare = Node::bytes(tag::CERTIFICATE_REQUEST_VALUE, der.clone());
    let pgp = enumeration(tag::CERTIFICATE_TYPE, 2);
    let issuer = text(tag::CERTIFICATE_ISSUER_CN, "Somebody Else");
    let gone = client.pair(Vec::new()).1;
    client.revoke(&gone, 2);
    let rows = [
        (mismatch, ResultReason::INVALID_CSR),
        (
            request(CertificateRequestType::PKCS_10, b"nonsense"),
            ResultReason::INVALID_CSR,
        ),
        (
            request(CertificateRequestType::PKCS_10, &der[..der.len() - 1]),
            ResultReason::INVALID_CSR,
        ),
        (
            request(CertificateRequestType::PEM, &der),
            ResultReason::INVALID_CSR,
        ),
        (
            request(CertificateRequestType::CRMF, &der),
            ResultReason::INVALID_CSR,
        ),
        (
            request(CertificateRequestType::PGP, b"-----BEGIN PGP"),
            ResultReason::FEATURE_NOT_SUPPORTED,
        ),
        (
            request(CertificateRequestType(0x8000_0001), &der),
            ResultReason::FEATURE_NOT_SUPPORTED,
        ),
        (vec![kind(2)], ResultReason::INVALID_MESSAGE),
        (vec![bare], ResultReason::INVALID_MESSAGE),
        (Vec::new(), ResultReason::ITEM_NOT_FOUND),
        (vec![uid("not-there")], ResultReason::ITEM_NOT_FOUND),
        (
            vec![uid(&secret), attributes(vec![x_509()])],
            ResultReason::INVALID_OBJECT_TYPE,
        ),
        (
            vec![uid(&public), attributes(vec![pgp])],
            ResultReason::FEATURE_NOT_SUPPORTED,
        ),
        (
            vec![uid(&public), attributes(vec![x_509(), issuer])],
            ResultReason::INVALID_ATTRIBUTE_VALUE,
        ),
        (
            vec![uid(&gone), attributes(vec![x_509()])],
            ResultReason::WRONG_KEY_LIFECYCLE_STATE,
        ),
    ];
    for (number, (payload, reason)) in rows.into_iter().enumerate() {
        println!("row {number}");
        client.ask(Operation::CERTIFY, payload).fails(reason);
    }
    // The refusals left nothing behind.
    assert!(client.links(&public, LinkType::CERTIFICATE_LINK).is_empty());
}

/// A registered public key may be any bytes; only a key is certified.
#[test]
fn material_that_is_no_key_is_not_certified() {
    let mut client = client();
    let block = Node::structure(
        tag::KEY_BLOCK,
        vec![
            enumeration(tag::KEY_FORMAT_TYPE, 5),
            Node::structure(
                tag::KEY_VALUE,
                vec![Node::bytes(tag::KEY_MATERIAL, b"no key at all".to_vec())],
            ),
            enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, 6),
            integer(tag::CRYPTOGRAPHIC_LENGTH, 256),
        ],
    );
    let payload = vec![
        enumeration(tag::OBJECT_TYPE, ObjectType::PUBLIC_KEY.0),
        attributes(vec![integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 2)]),
        Node::structure(tag::PUBLIC_KEY, vec![block]),
    ];
    let id = client.ask(Operation::REGISTER, payload).ok().id();
    let wanted = attributes(vec![x_509(), text(tag::CERTIFICATE_SUBJECT_CN, "x")]);
    client
        .ask(Operation::CERTIFY, vec![uid(&id), wanted])
        .fails(ResultReason::INVALID_OBJECT_TYPE);
}
