//! Clients whose certificates another authority issued, known by a name in them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use keyward::protocol::enumeration::{Operation, ResultReason};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, SanType,
};

use crate::process::{Answer, Server, Setup};

/// An authority of somebody else's.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let name = &mut params.distinguished_name;
        name.push(DnType::CommonName, "An authority elsewhere");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Authority { issuer, pem }
    }

    /// Files of a certificate and its key. `subject`: (O, CN).
    fn issue(&self, server: &Server, subject: (&str, &str), names: Vec<SanType>) -> [PathBuf; 2] {
        let mut params = CertificateParams::default();
        let mut name = DistinguishedName::new();
        name.push(DnType::OrganizationName, subject.0);
        name.push(DnType::CommonName, subject.1);
        params.distinguished_name = name;
        params.subject_alt_names = names;
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let number = uuid::Uuid::new_v4();
        let files = ["pem", "key"].map(|end| server.home.path().join(format!("{number}.{end}")));
        std::fs::write(&files[0], certificate.pem()).unwrap();
        std::fs::write(&files[1], key.serialize_pem()).unwrap();
        files
    }
}

fn create(server: &Server, [certificate, key]: &[PathBuf; 2]) -> std::io::Result<Answer> {
    let mut client = server.client_with(certificate, key)?;
    client.try_ask(Operation::CREATE, crate::process::aes(Vec::new()))
}

/// A server that looks at this part of certificates and believes the authority.
fn server(mapping: &str, authority: &Authority) -> Server {
    let server = Server::start(Setup {
        environment: vec![
            ("KEYWARD_IDENTITY_MAPPING", mapping.to_owned()),
            ("KEYWARD_TLS_WATCH", "1s".to_owned()),
        ],
        ..Setup::default()
    });
    let file = server.directory().join("pki/client-ca.pem");
    let own = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, own + &authority.pem).unwrap();
    server
}

fn let_in(server: &Server, files: &[PathBuf; 2]) {
    let begun = Instant::now();
    let answer = loop {
        match create(server, files) {
            Ok(answer) => break answer,
            Err(_) if begun.elapsed() < Duration::from_secs(10) => {
                std::thread::sleep(Duration::from_millis(100));
            }
            Err(error) => panic!("{error}\n{}", server.log()),
        }
    };
    answer.ok();
}

/// The authority is believed, but nobody is known by what the certificate says.
fn stays_a_stranger(server: &Server, files: &[PathBuf; 2]) {
    let answer = create(server, files).expect("the handshake succeeds");
    answer.fails(ResultReason::AUTHENTICATION_NOT_SUCCESSFUL);
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

#[test]
fn a_subject_names_a_client_and_cannot_be_forged_by_its_parts() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = server("subject", &authority);
    let subject = "CN=array-7,O=Example\\, Inc.";
    server.told(&["client", "add", "array", "--subject", subject]);
    let right = ("Example, Inc.", "array-7");
    let_in(&server, &authority.issue(&server, right, Vec::new()));
    // Another certificate of the same name is the same client, when the first one has expired.
    let_in(&server, &authority.issue(&server, right, Vec::new()));
    for other in [
        ("Example, Inc.", "array-8"),
        ("Example", "array-7"),
        ("Example, Inc.,CN=array-7", "nobody"),
        ("nobody", "array-7,O=Example, Inc."),
    ] {
        stays_a_stranger(&server, &authority.issue(&server, other, Vec::new()));
    }
    // The same name by an authority that is not believed.
    let forged = stranger.issue(&server, right, Vec::new());
    assert!(create(&server, &forged).is_err());
    server.told(&["client", "revoke", "array", "--yes"]);
    stays_a_stranger(&server, &authority.issue(&server, right, Vec::new()));
}

#[test]
fn an_alternative_name_or_a_common_name_names_a_client() {
    let authority = Authority::new();
    let mail = |text: &str| SanType::Rfc822Name(text.try_into().unwrap());
    let uri = |text: &str| SanType::URI(text.try_into().unwrap());
    let spiffe = "spiffe://example/array-7";
    type Names = Vec<SanType>;
    let rows: [(&str, &str, Names, Names); 4] = [
        (
            "san-dns",
            "Array-7.Example",
            vec![dns("other.example"), dns("array-7.example")],
            vec![dns("array-7.example.evil"), mail("array-7.example")],
        ),
        (
            "san-email",
            "array-7@example",
            vec![mail("array-7@example")],
            vec![dns("array-7.example")],
        ),
        (
            "san-uri",
            spiffe,
            vec![uri(spiffe)],
            vec![uri("spiffe://example/array")],
        ),
        ("cn", "right", Vec::new(), Vec::new()),
    ];
    for (mapping, name, right, wrong) in rows {
        let server = server(mapping, &authority);
        server.told(&["client", "add", "array", &format!("--{mapping}"), name]);
        let_in(
            &server,
            &authority.issue(&server, ("Example", "right"), right),
        );
        stays_a_stranger(
            &server,
            &authority.issue(&server, ("right", "wrong"), wrong),
        );
    }
}
