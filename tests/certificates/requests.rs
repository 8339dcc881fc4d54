//! The forms of certificate requests: PEM, CRMF (RFC 4211) and managed Certificate Requests.

use keyward::protocol::enumeration::{
    CertificateRequestType as Type, LinkType, ObjectType, Operation, ResultReason,
};
use keyward::protocol::tag;
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Private};
use openssl::sign::Signer;
use ttlv::Node;

use crate::ground::*;
use crate::process::enumeration;

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        length @ 0..0x80 => out.push(length as u8),
        length @ 0x80..0x100 => out.extend([0x81, length as u8]),
        length => {
            out.push(0x82);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
    out.extend_from_slice(content);
    out
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    der(0x30, &parts.concat())
}

/// The content of an element, for IMPLICIT tags.
fn content(element: &[u8]) -> &[u8] {
    let header = match element[1] {
        0x82 => 4,
        0x81 => 3,
        _ => 2,
    };
    &element[header..]
}

fn signature(key: &PKey<Private>, message: &[u8]) -> Vec<u8> {
    match key.id() {
        Id::ED25519 => Signer::new_without_digest(key)
            .unwrap()
            .sign_oneshot_to_vec(message)
            .unwrap(),
        _ => {
            let mut signer = Signer::new(MessageDigest::sha256(), key).unwrap();
            signer.sign_oneshot_to_vec(message).unwrap()
        }
    }
}

fn algorithm(key: &PKey<Private>) -> Vec<u8> {
    match key.id() {
        // sha256WithRSAEncryption, NULL
        Id::RSA => sequence(&[
            &der(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11]),
            &[5, 0],
        ]),
        Id::ED25519 => sequence(&[&der(6, &[0x2b, 0x65, 0x70])]),
        // ecdsa-with-SHA256
        _ => sequence(&[&der(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2])]),
    }
}

/// How possession is proven.
enum Proof {
    /// Over the request (RFC 4211 §4.1, second case).
    Request,
    /// Over POPOSigningKeyInput (first case), which names this key.
    Input(Vec<u8>),
    /// Anything else, as it is.
    Other(Vec<u8>),
    None,
}

fn crmf(key: &PKey<Private>, signer: &PKey<Private>, named: bool, proof: Proof) -> Vec<u8> {
    sequence(&[&message(key, signer, named, proof)])
}

fn message(key: &PKey<Private>, signer: &PKey<Private>, named: bool, proof: Proof) -> Vec<u8> {
    let public = key.public_key_to_der().unwrap();
    let name = match named {
        true => der(0xA5, &subject("crmf").to_der().unwrap()),
        false => Vec::new(),
    };
    // extensions [9]: subjectAltName, dNSName
    let host = sequence(&[&der(0x82, b"crmf.example.com")]);
    let extension = sequence(&[&der(6, &[0x55, 0x1d, 0x11]), &der(4, &host)]);
    let template = sequence(&[&name, &der(0xA6, content(&public)), &der(0xA9, &extension)]);
    let request = sequence(&[&der(2, &[1]), &template]);
    let proof = match proof {
        Proof::None => Vec::new(),
        Proof::Other(bytes) => bytes,
        Proof::Request => signed(signer, &[], &request),
        Proof::Input(public) => {
            let sender = der(0xA0, &der(0x82, b"crmf.example.com"));
            let input = sequence(&[&sender, &public]);
            signed(signer, &der(0xA0, content(&input)), &input)
        }
    };
    sequence(&[&request, &proof])
}

fn signed(key: &PKey<Private>, input: &[u8], message: &[u8]) -> Vec<u8> {
    let bits = [&[0], signature(key, message).as_slice()].concat();
    let all = [input, &algorithm(key), &der(3, &bits)].concat();
    der(0xA1, &all)
}

#[test]
fn a_request_in_pem_is_a_request() {
    let mut client = client();
    let key = ec_key();
    let made = csr(&key, &subject("pem"), Vec::new());
    let pem = String::from_utf8(made.to_pem().unwrap()).unwrap();
    let older = pem.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST");
    let around = format!("a comment\n{pem}\nand another\n");
    for text in [&pem, &older, &around] {
        let id = client.certified(request(Type::PEM, text.as_bytes()));
        assert!(
            client
                .certificate(&id)
                .public_key()
                .unwrap()
                .public_eq(&key)
        );
    }
    let certificate = pem.replace("CERTIFICATE REQUEST", "CERTIFICATE");
    for text in [certificate, format!("{pem}{pem}"), String::new()] {
        client
            .ask(Operation::CERTIFY, request(Type::PEM, text.as_bytes()))
            .fails(ResultReason::INVALID_CSR);
    }
}

#[test]
fn a_crmf_request_proves_its_key_by_a_signature() {
    let mut client = client();
    let keys = [ec_key(), rsa_key(), PKey::generate_ed25519().unwrap()];
    for key in &keys {
        let public = key.public_key_to_der().unwrap();
        let forms = [
            crmf(key, key, true, Proof::Request),
            crmf(key, key, true, Proof::Input(public.clone())),
        ];
        for form in forms {
            let id = client.certified(request(Type::CRMF, &form));
            let certificate = client.certificate(&id);
            assert!(certificate.public_key().unwrap().public_eq(key));
            assert_eq!(
                certificate.subject_name().to_der().unwrap(),
                subject("crmf").to_der().unwrap()
            );
            let names = certificate.subject_alt_names().unwrap();
            assert_eq!(names[0].dnsname(), Some("crmf.example.com"));
            assert!(holds(&certificate, &client.issuer_of(&id)));
        }
        let unnamed = crmf(key, key, false, Proof::Input(public));
        let id = client.certified(request(Type::CRMF, &unnamed));
        assert_eq!(client.certificate(&id).subject_name().entries().count(), 0);
    }
}

#[test]
fn a_crmf_request_without_proof_of_its_key_is_refused() {
    let mut client = client();
    let (key, other) = (ec_key(), ec_key());
    let public = |key: &PKey<Private>| key.public_key_to_der().unwrap();
    let own = message(&key, &key, true, Proof::Request);
    let rows = [
        ("no proof", crmf(&key, &key, true, Proof::None)),
        (
            "a registration authority",
            crmf(&key, &key, true, Proof::Other(vec![0x80, 0])),
        ),
        (
            "a later message",
            crmf(&key, &key, true, Proof::Other(vec![0xA2, 3, 0x81, 1, 0])),
        ),
        ("another's", crmf(&key, &other, true, Proof::Request)),
        (
            "another's input",
            crmf(&key, &other, true, Proof::Input(public(&key))),
        ),
        (
            "another key in the input",
            crmf(&key, &other, true, Proof::Input(public(&other))),
        ),
        ("nobody", crmf(&key, &key, false, Proof::Request)),
        ("two messages", sequence(&[&own, &own])),
        ("none", sequence(&[])),
    ];
    for (what, bytes) in rows {
        println!("{what}");
        client
            .ask(Operation::CERTIFY, request(Type::CRMF, &bytes))
            .fails(ResultReason::INVALID_CSR);
    }
}

/// 2.1 §2.2 and §6.1.6: the Unique Identifier of a Certificate Request.
#[test]
fn a_managed_certificate_request_is_certified() {
    let mut client = client();
    let key = ec_key();
    let made = csr(&key, &subject("managed"), Vec::new());
    let payload = vec![
        enumeration(tag::OBJECT_TYPE, ObjectType::CERTIFICATE_REQUEST.0),
        attributes(Vec::new()),
        Node::structure(
            tag::CERTIFICATE_REQUEST,
            request(Type::PKCS_10, &made.to_der().unwrap()),
        ),
    ];
    let kept = client.ask(Operation::REGISTER, payload).ok().id();
    let id = client.certified(vec![uid(&kept)]);
    assert!(
        client
            .certificate(&id)
            .public_key()
            .unwrap()
            .public_eq(&key)
    );
    assert_eq!(client.links(&id, LinkType::PUBLIC_KEY_LINK).len(), 1);

    let named = text(tag::CERTIFICATE_REQUEST_UNIQUE_IDENTIFIER, &kept);
    let payload = vec![uid(&id), named];
    let new = client.ask(Operation::RE_CERTIFY, payload).ok().id();
    assert!(
        client
            .certificate(&new)
            .public_key()
            .unwrap()
            .public_eq(&key)
    );
}
