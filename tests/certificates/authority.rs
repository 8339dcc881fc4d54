//! The issuing authority: where its key and certificate come from, what it lists, and what it is not:
//! somebody whose word lets anybody in.

use keyward::protocol::enumeration::{LinkType, Operation, ResultReason, ValidityIndicator};
use keyward::protocol::tag;
use openssl::x509::{CrlStatus, X509, X509Crl};
use rusqlite::Connection;
use ttlv::Value;

use crate::ground::*;
use crate::process::{Client, Server, Setup, SoftHsm};

fn shown(server: &Server, tenant: &str) -> X509 {
    let pem = server.told(&["certificate-authority", "show", "--tenant", tenant]);
    X509::from_pem(pem.as_bytes()).unwrap()
}

fn connect(server: &Server, name: &str) -> Client {
    let clients = server.directory().join("clients");
    let file = |extension| clients.join(format!("{name}.{extension}"));
    server.client_with(&file("pem"), &file("key")).unwrap()
}

fn payload(name: &str) -> Vec<Item> {
    pkcs10(&csr(&ec_key(), &subject(name), Vec::new()))
}

fn same(one: &X509, other: &X509) -> bool {
    one.to_der().unwrap() == other.to_der().unwrap()
}

/// DESIGN §6: the issuing authority is never trusted for client identities.
#[test]
fn a_certificate_of_certify_opens_no_door() {
    let server = Server::start(Setup::default());
    let mut client = server.client();
    let pki = server.directory().join("pki");
    let first = X509::from_pem(&std::fs::read(pki.join("client.pem")).unwrap()).unwrap();
    // The first client's own name, and what a client's certificate needs.
    let key = ec_key();
    let usage = openssl::x509::extension::ExtendedKeyUsage::new()
        .client_auth()
        .build()
        .unwrap();
    let request = csr(&key, first.subject_name(), vec![usage]);
    let id = client.certified(pkcs10(&request));
    let certificate = client.certificate(&id);
    let authority = client.issuer_of(&id);
    let (path, key_path) = (pki.join("forged.pem"), pki.join("forged.key"));
    std::fs::write(&key_path, key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    let one = certificate.to_pem().unwrap();
    let chain = [one.clone(), authority.to_pem().unwrap()].concat();
    for pem in [one, chain] {
        std::fs::write(&path, pem).unwrap();
        // TLS 1.3 tells the client only when it reads.
        let refused = match server.client_with(&path, &key_path) {
            Err(_) => true,
            Ok(mut intruder) => intruder.try_ask(Operation::GET, vec![uid(&id)]).is_err(),
        };
        assert!(refused, "a certificate of Certify lets its holder in");
    }
    assert!(server.log().is_empty() || !server.log().contains("panicked"));
}

#[test]
fn the_authority_outlives_restarts_and_is_the_same_for_every_way_to_it() {
    let mut server = Server::start(Setup::default());
    let before = shown(&server, "default");
    let mut client = server.client();
    let id = client.certified(payload("before"));
    assert!(same(&client.issuer_of(&id), &before));
    server.terminate();
    server.run();
    let mut client = server.client();
    let id = client.certified(payload("after"));
    assert!(same(&client.issuer_of(&id), &before));
    assert!(holds(&client.certificate(&id), &before));
    assert!(same(&shown(&server, "default"), &before));
    let told = server.told(&["certificate-authority", "show", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        told["unique_identifier"],
        client.links(&id, LinkType::CERTIFICATE_LINK)[0].as_str()
    );
}

#[test]
fn certificates_say_where_their_list_is() {
    let url = "http://pki.example.com/{tenant}.crl".to_owned();
    let server = Server::start(Setup {
        environment: vec![("KEYWARD_CERTIFICATES_CRL_URL", url)],
        ..Setup::default()
    });
    let mut client = server.client();
    let id = client.certified(payload("listed"));
    let certificate = client.certificate(&id);
    let points = certificate.crl_distribution_points().unwrap();
    let names = points[0].distpoint().unwrap().fullname().unwrap();
    assert_eq!(names[0].uri(), Some("http://pki.example.com/default.crl"));
    assert!(holds(&certificate, &client.issuer_of(&id)));
}

/// Several requests want it first at the same moment: there is one authority in the end.
#[test]
fn it_is_founded_once() {
    founded_once(&Server::start(Setup::default()));
    if let Some(cluster) = crate::postgres::shared() {
        founded_once(&Server::start(Setup {
            database: Some(cluster.database()),
            ..Setup::default()
        }));
    }
}

fn founded_once(server: &Server) {
    let mut issuers = Vec::new();
    std::thread::scope(|scope| {
        let tasks: Vec<_> = (0..6)
            .map(|number| {
                scope.spawn(move || {
                    let mut client = server.client();
                    let id = client.certified(payload(&format!("one of many {number}")));
                    client.issuer_of(&id).to_der().unwrap()
                })
            })
            .collect();
        issuers.extend(tasks.into_iter().map(|task| task.join().unwrap()));
    });
    issuers.dedup();
    assert_eq!(issuers.len(), 1);
}

#[test]
fn each_tenant_has_an_authority_of_its_own_name() {
    let server = Server::start(Setup::default());
    server.told(&["tenant", "add", "storage", "--private"]);
    for name in ["one", "two"] {
        server.told(&["client", "add", name, "--tenant", "storage"]);
    }
    let mut ours = server.client();
    let (mut one, mut two) = (connect(&server, "one"), connect(&server, "two"));
    let own = ours.certified(payload("ours"));
    let theirs = one.certified(payload("theirs"));
    let (our_authority, their_authority) = (shown(&server, "default"), shown(&server, "storage"));
    let certificate = one.certificate(&theirs);
    assert!(holds(&certificate, &their_authority));
    assert!(
        !holds(&certificate, &our_authority),
        "another tenant's word counts"
    );
    assert!(!holds(&ours.certificate(&own), &their_authority));

    // In a private tenant everybody sees the authority's certificate, and nobody changes it.
    let authority = &one.links(&theirs, LinkType::CERTIFICATE_LINK)[0];
    assert!(same(&two.certificate(authority), &their_authority));
    for operation in [
        Operation::DESTROY,
        Operation::ACTIVATE,
        Operation::RE_CERTIFY,
    ] {
        one.on(operation, authority)
            .fails(ResultReason::PERMISSION_DENIED);
    }
    two.on(Operation::GET, &theirs)
        .fails(ResultReason::OBJECT_NOT_FOUND);
    ours.on(Operation::GET, authority)
        .fails(ResultReason::OBJECT_NOT_FOUND);
    // Validate tells what is revoked, whoever's it is.
    one.revoke(&theirs, 5);
    let der = certificate.to_der().unwrap();
    let answer = two
        .ask(Operation::VALIDATE, vec![self::certificate(&der)])
        .ok();
    assert_eq!(
        answer.payload.child(tag::VALIDITY_INDICATOR).unwrap().value,
        Value::Enumeration(ValidityIndicator::INVALID.0)
    );
}

#[test]
fn the_revocation_list_holds_what_was_revoked_and_nothing_else() {
    let server = Server::start(Setup::default());
    let mut client = server.client();
    let [good, left, stolen] =
        ["good", "left", "stolen"].map(|name| client.certified(payload(name)));
    client.revoke(&left, 6);
    client.revoke(&stolen, 2);
    client.on(Operation::DESTROY, &left).ok();
    let pem = server.told(&["certificate-authority", "crl", "--days", "3"]);
    let list = X509Crl::from_pem(pem.as_bytes()).unwrap();
    let authority = shown(&server, "default");
    assert!(list.verify(&authority.public_key().unwrap()).unwrap());
    assert_eq!(
        list.issuer_name().to_der().unwrap(),
        authority.subject_name().to_der().unwrap()
    );
    let until = seconds(list.next_update().unwrap());
    assert!((until - now() - 3 * DAY).abs() < 120);
    assert_eq!(list.get_revoked().unwrap().len(), 2);
    assert!(matches!(
        list.get_by_cert(&client.certificate(&good)),
        CrlStatus::NotRevoked
    ));
    let stolen = client.certificate(&stolen);
    assert!(matches!(list.get_by_cert(&stolen), CrlStatus::Revoked(_)));

    // Numbers grow (RFC 5280 §5.2.3).
    let out = server.home.path().join("crl.der");
    let number = |der: &[u8]| {
        use x509_parser::prelude::*;
        let (_, list) = CertificateRevocationList::from_der(der).unwrap();
        list.crl_number().unwrap().clone()
    };
    let first = number(&list.to_der().unwrap());
    server.told(&[
        "certificate-authority",
        "crl",
        "--der",
        "--out",
        out.to_str().unwrap(),
    ]);
    assert!(number(&std::fs::read(&out).unwrap()) > first);
}

/// Someone who writes to the database forges no authority, and hides no revocation.
#[test]
fn edited_rows_are_not_believed() {
    let mut server = Server::start(Setup::default());
    let mut client = server.client();
    let id = client.certified(payload("edited"));
    let der = client.certificate(&id).to_der().unwrap();
    let validate = |client: &mut Client| {
        let answer = client
            .ask(Operation::VALIDATE, vec![certificate(&der)])
            .ok();
        answer
            .payload
            .child(tag::VALIDITY_INDICATOR)
            .unwrap()
            .value
            .clone()
    };
    assert_eq!(validate(&mut client), Value::Enumeration(1));
    client.revoke(&id, 5);
    assert_eq!(validate(&mut client), Value::Enumeration(2));
    server.terminate();
    let database = Connection::open(server.directory().join("keyward.db")).unwrap();
    let changed = database
        .execute("DELETE FROM entities WHERE kind = 13", [])
        .unwrap();
    assert_eq!(changed, 1);
    server.run();
    let mut client = server.client();
    assert_eq!(
        validate(&mut client),
        Value::Enumeration(3),
        "what became of it is unknown"
    );
    server.terminate();
    // Another authority's certificate in the place of ours.
    let other = hex::encode(make("other", None, true, (-1, 100)).der());
    let changed = database
        .execute(
            "UPDATE entities SET body = CAST(json_set(CAST(body AS TEXT), '$.certificate', ?1) AS BLOB)
             WHERE kind = 12 AND tenant = 1",
            [other],
        )
        .unwrap();
    assert_eq!(changed, 1);
    server.run();
    server
        .client()
        .ask(Operation::CERTIFY, payload("forged"))
        .fails(ResultReason::GENERAL_FAILURE);
}

#[test]
fn a_token_outside_the_program_issues_too() {
    let home = tempfile::tempdir().unwrap();
    let Some(softhsm) = SoftHsm::make(home.path()) else {
        return;
    };
    let mut server = Server::start_in(
        home,
        Setup {
            softhsm: Some(softhsm),
            ..Setup::default()
        },
    );
    let mut client = server.client();
    let id = client.certified(payload("softhsm"));
    let authority = shown(&server, "default");
    assert!(holds(&client.certificate(&id), &authority));
    server.terminate();
    server.run();
    let mut client = server.client();
    let id = client.certified(payload("softhsm again"));
    assert!(holds(&client.certificate(&id), &authority));
}
