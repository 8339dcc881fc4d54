//! Validate: whom the server believes, and what speaks against a path.

use keyward::protocol::enumeration::{Operation, ResultReason, ValidityIndicator as V};
use keyward::protocol::tag;
use openssl::asn1::{Asn1Object, Asn1OctetString};
use openssl::hash::MessageDigest;
use openssl::x509::{X509CrlBuilder, X509Extension, X509RevokedBuilder};
use ttlv::{Node, Value};

use crate::ground::*;
use crate::process::{Client, Server, Setup, enumeration};

#[track_caller]
fn verdict(client: &mut Client, payload: Vec<Item>) -> V {
    let answer = client.ask(Operation::VALIDATE, payload).ok();
    match answer.payload.child(tag::VALIDITY_INDICATOR).unwrap().value {
        Value::Enumeration(number) => V(number),
        ref other => panic!("{other:?}"),
    }
}

fn inline(chain: &[&Made]) -> Vec<Item> {
    chain.iter().map(|made| certificate(&made.der())).collect()
}

/// A name that no other test's authority has: the tenant's certificates are found by names.
fn unique(stem: &str) -> String {
    format!("{stem} {}", uuid::Uuid::new_v4())
}

struct Three {
    root: Made,
    middle: Made,
    leaf: Made,
}

fn three() -> Three {
    let root = make(&unique("root"), None, true, (-100, 100));
    let middle = make(&unique("middle"), Some(&root), true, (-50, 50));
    let leaf = make("leaf", Some(&middle), false, (-10, 10));
    Three { root, middle, leaf }
}

#[test]
fn a_chain_is_valid_when_its_root_is_registered_and_unknown_before() {
    let mut client = client();
    let chain = three();
    let all = inline(&[&chain.leaf, &chain.middle, &chain.root]);
    assert_eq!(
        verdict(&mut client, all.clone()),
        V::UNKNOWN,
        "a stranger's root"
    );
    assert_eq!(verdict(&mut client, inline(&[&chain.leaf])), V::UNKNOWN);
    client.registered(&chain.root.der());
    assert_eq!(verdict(&mut client, all.clone()), V::VALID);
    // In whatever order, and without the root.
    let other = inline(&[&chain.middle, &chain.root, &chain.leaf]);
    assert_eq!(verdict(&mut client, other), V::VALID);
    let short = inline(&[&chain.leaf, &chain.middle]);
    assert_eq!(verdict(&mut client, short), V::VALID);
    // The way up is found among the tenant's certificates.
    assert_eq!(verdict(&mut client, inline(&[&chain.leaf])), V::UNKNOWN);
    let middle = client.registered(&chain.middle.der());
    assert_eq!(verdict(&mut client, inline(&[&chain.leaf])), V::VALID);

    let by_identifier = client.registered(&chain.leaf.der());
    let mixed = vec![
        certificate(&chain.root.der()),
        uid(&by_identifier),
        uid(&middle),
    ];
    assert_eq!(verdict(&mut client, mixed), V::VALID);
    client.revoke(&middle, 2);
    let named = vec![uid(&by_identifier), uid(&middle)];
    assert_eq!(verdict(&mut client, named), V::INVALID);
}

#[test]
fn every_certificate_must_be_in_its_time_at_the_date() {
    let mut client = client();
    let chain = three();
    client.registered(&chain.root.der());
    let at = |days: i64| {
        let mut payload = inline(&[&chain.leaf, &chain.middle, &chain.root]);
        payload.push(date(tag::VALIDITY_DATE, now() + days * DAY));
        payload
    };
    for (days, wanted) in [
        (0, V::VALID),
        (9, V::VALID),
        (-9, V::VALID),
        (11, V::INVALID),
        (-11, V::INVALID),
        (60, V::INVALID),
        (4000, V::INVALID),
    ] {
        assert_eq!(verdict(&mut client, at(days)), wanted, "{days} days");
    }
}

#[test]
fn a_path_that_does_not_hold_is_invalid_whoever_is_believed() {
    let mut client = client();
    let chain = three();
    let mut broken = chain.leaf.der();
    let last = broken.len() - 1;
    broken[last] ^= 1;
    let forged = || {
        vec![
            certificate(&broken),
            certificate(&chain.middle.der()),
            certificate(&chain.root.der()),
        ]
    };
    assert_eq!(verdict(&mut client, forged()), V::INVALID);
    client.registered(&chain.root.der());
    assert_eq!(verdict(&mut client, forged()), V::INVALID);
    // A leaf is no authority.
    let child = make("child of a leaf", Some(&chain.leaf), false, (-1, 1));
    let payload = inline(&[&child, &chain.leaf, &chain.middle, &chain.root]);
    assert_eq!(verdict(&mut client, payload), V::INVALID);
    // One of the list belongs to another chain.
    let stranger = make(&unique("stranger"), None, true, (-1, 1));
    let payload = inline(&[&chain.leaf, &chain.middle, &chain.root, &stranger]);
    assert_eq!(verdict(&mut client, payload), V::UNKNOWN);
    assert_eq!(
        verdict(&mut client, vec![certificate(b"nonsense")]),
        V::INVALID
    );
}

#[test]
fn what_certify_issued_is_valid_until_it_is_revoked() {
    let mut client = client();
    let (_, public) = client.named_pair(Some("to be validated"), Vec::new());
    let payload = vec![uid(&public), attributes(vec![x_509()])];
    for (code, before) in [(5, V::VALID), (2, V::INVALID)] {
        let id = client.certified(payload.clone());
        let der = client.certificate(&id).to_der().unwrap();
        let named = vec![uid(&id)];
        assert_eq!(verdict(&mut client, named.clone()), V::VALID);
        // Copies, registered under identifiers of their own, do not hide what becomes of it.
        for _ in 0..10 {
            client.registered(&der);
        }
        client.revoke(&id, code);
        assert_eq!(verdict(&mut client, named), V::INVALID);
        assert_eq!(
            verdict(&mut client, vec![certificate(&der)]),
            V::INVALID,
            "a copy is revoked with it"
        );
        // Before a revocation that is no compromise it was good.
        let earlier = vec![certificate(&der), date(tag::VALIDITY_DATE, now() - 600)];
        assert_eq!(verdict(&mut client, earlier), before, "reason {code}");
    }
}

#[test]
fn a_list_that_is_no_chain_is_no_message() {
    let mut client = client();
    let refused = ResultReason::INVALID_MESSAGE;
    client.ask(Operation::VALIDATE, Vec::new()).fails(refused);
    let many = vec![certificate(&make("x", None, true, (-1, 1)).der()); 33];
    client.ask(Operation::VALIDATE, many).fails(refused);
    let key = client.create("no certificate");
    client
        .ask(Operation::VALIDATE, vec![uid(&key)])
        .fails(ResultReason::INVALID_OBJECT_TYPE);
    client
        .ask(Operation::VALIDATE, vec![uid("not-there")])
        .fails(ResultReason::OBJECT_NOT_FOUND);
    let pgp = Node::structure(
        tag::CERTIFICATE,
        vec![
            enumeration(tag::CERTIFICATE_TYPE, 2),
            Node::bytes(tag::CERTIFICATE_VALUE, b"pgp".to_vec()),
        ],
    );
    assert_eq!(verdict(&mut client, vec![pgp]), V::UNKNOWN);
}

/// certificates.trusted and certificates.crl.
#[test]
fn configured_authorities_are_believed_and_their_lists_looked_at() {
    let chain = three();
    let home = tempfile::tempdir().unwrap();
    let (trusted, lists) = (home.path().join("trusted.pem"), home.path().join("crl.pem"));
    std::fs::write(&trusted, chain.root.certificate.to_pem().unwrap()).unwrap();
    let list = |signer: &Made, revoked: Option<&Made>| {
        let mut list = X509CrlBuilder::new().unwrap();
        list.set_issuer_name(chain.middle.certificate.subject_name())
            .unwrap();
        let at = |seconds| openssl::asn1::Asn1Time::from_unix(seconds).unwrap();
        list.set_last_update(&at(now() - 10)).unwrap();
        list.set_next_update(&at(now() + DAY)).unwrap();
        // AuthorityKeyIdentifier, which OpenSSL's builder insists on; CRLNumber 1.
        for (oid, value) in [
            (
                "2.5.29.35",
                [&[4, 6, 0x30, 4, 0x80, 2], [7, 7].as_slice()].concat(),
            ),
            ("2.5.29.20", vec![4, 3, 2, 1, 1]),
        ] {
            let oid = Asn1Object::from_str(oid).unwrap();
            let value = Asn1OctetString::new_from_bytes(&value[2..]).unwrap();
            let extension = X509Extension::new_from_der(&oid, false, &value).unwrap();
            list.append_extension(extension).unwrap();
        }
        if let Some(made) = revoked {
            let mut entry = X509RevokedBuilder::new().unwrap();
            entry
                .set_serial_number(made.certificate.serial_number())
                .unwrap();
            entry.set_revocation_date(&at(now() - 100)).unwrap();
            list.add_revoked(entry.build()).unwrap();
        }
        list.sign(&signer.key, MessageDigest::sha256()).unwrap();
        std::fs::write(&lists, list.build().unwrap().to_pem().unwrap()).unwrap();
    };
    list(&chain.middle, None);
    let environment = vec![
        (
            "KEYWARD_CERTIFICATES_TRUSTED",
            trusted.display().to_string(),
        ),
        ("KEYWARD_CERTIFICATES_CRL", lists.display().to_string()),
    ];
    let server = Server::start(Setup {
        environment,
        ..Setup::default()
    });
    let mut client = server.client();
    let payload = inline(&[&chain.leaf, &chain.middle]);
    assert_eq!(verdict(&mut client, payload.clone()), V::VALID);
    list(&chain.middle, Some(&chain.leaf));
    assert_eq!(verdict(&mut client, payload.clone()), V::INVALID);
    let mut earlier = payload.clone();
    earlier.push(date(tag::VALIDITY_DATE, now() - 1000));
    assert_eq!(verdict(&mut client, earlier), V::VALID);
    // A list that its authority did not sign says nothing.
    list(&chain.root, Some(&chain.leaf));
    assert_eq!(verdict(&mut client, payload.clone()), V::VALID);
    std::fs::write(&lists, "nonsense").unwrap();
    client
        .ask(Operation::VALIDATE, payload)
        .fails(ResultReason::GENERAL_FAILURE);
}
