//! What the tests share: keys, requests, attributes in the form of 2.x.

use std::sync::{Mutex, MutexGuard, OnceLock};

use keyward::protocol::enumeration::{
    CertificateRequestType, CertificateType, LinkType, ObjectType, Operation,
};
use keyward::protocol::tag;
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::stack::Stack;
use openssl::x509::extension::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
};
use openssl::x509::{
    X509, X509Builder, X509Extension, X509Name, X509NameRef, X509Req, X509ReqBuilder,
};
use ttlv::{Node, Tag, Value};

use crate::process::{Client, Server, Setup, enumeration};

pub type Item = Node<'static>;

pub const DAY: i64 = 86_400;

/// The server that tests share which change nothing about it.
pub fn shared() -> MutexGuard<'static, Server> {
    static SERVER: OnceLock<Mutex<Server>> = OnceLock::new();
    SERVER
        .get_or_init(|| Mutex::new(Server::start(Setup::default())))
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

pub fn client() -> Client {
    shared().client()
}

pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_secs()).unwrap()
}

pub fn ec_key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

pub fn rsa_key() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap()
}

pub fn subject(common_name: &str) -> X509Name {
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_text("O", "Example").unwrap();
    name.append_entry_by_text("CN", common_name).unwrap();
    name.build()
}

/// A signed PKCS#10 request.
pub fn csr(key: &PKey<Private>, name: &X509NameRef, extensions: Vec<X509Extension>) -> X509Req {
    let mut request = X509ReqBuilder::new().unwrap();
    request.set_subject_name(name).unwrap();
    request.set_pubkey(key).unwrap();
    let mut stack = Stack::new().unwrap();
    for extension in extensions {
        stack.push(extension).unwrap();
    }
    request.add_extensions(&stack).unwrap();
    let digest = match key.id() {
        openssl::pkey::Id::ED25519 => MessageDigest::null(),
        _ => MessageDigest::sha256(),
    };
    request.sign(key, digest).unwrap();
    request.build()
}

/// subjectAltName with one host.
pub fn host(name: &str) -> X509Extension {
    let request = X509ReqBuilder::new().unwrap();
    let context = request.x509v3_context(None);
    SubjectAlternativeName::new()
        .dns(name)
        .build(&context)
        .unwrap()
}

pub fn server_auth() -> X509Extension {
    ExtendedKeyUsage::new().server_auth().build().unwrap()
}

/// A certificate of an authority that the test makes itself.
pub struct Made {
    pub certificate: X509,
    pub key: PKey<Private>,
}

impl Made {
    pub fn der(&self) -> Vec<u8> {
        self.certificate.to_der().unwrap()
    }
}

/// A certificate: self-signed without an issuer; `days` before and after today.
pub fn make(name: &str, issuer: Option<&Made>, authority: bool, days: (i64, i64)) -> Made {
    let key = ec_key();
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    let serial = openssl::bn::BigNum::from_u32(now() as u32).unwrap();
    builder
        .set_serial_number(&serial.to_asn1_integer().unwrap())
        .unwrap();
    let subject = subject(name);
    builder.set_subject_name(&subject).unwrap();
    let issuer_name = issuer.map_or(&*subject, |issuer| issuer.certificate.subject_name());
    builder.set_issuer_name(issuer_name).unwrap();
    let at = |days: i64| Asn1Time::from_unix(now() + days * DAY).unwrap();
    builder.set_not_before(&at(days.0)).unwrap();
    builder.set_not_after(&at(days.1)).unwrap();
    builder.set_pubkey(&key).unwrap();
    let mut constraints = BasicConstraints::new();
    constraints.critical();
    if authority {
        constraints.ca();
        let usage = KeyUsage::new().key_cert_sign().crl_sign().build().unwrap();
        builder.append_extension(usage).unwrap();
    }
    builder
        .append_extension(constraints.build().unwrap())
        .unwrap();
    let signer = issuer.map_or(&key, |issuer| &issuer.key);
    builder.sign(signer, MessageDigest::sha256()).unwrap();
    Made {
        certificate: builder.build(),
        key,
    }
}

pub fn text(tag: Tag, value: &str) -> Item {
    Node::text(tag, value.to_owned())
}

pub fn date(tag: Tag, seconds: i64) -> Item {
    Node::new(tag, Value::DateTime(seconds))
}

pub fn uid(id: &str) -> Item {
    text(tag::UNIQUE_IDENTIFIER, id)
}

pub fn attributes(items: Vec<Item>) -> Item {
    Node::structure(tag::ATTRIBUTES, items)
}

pub fn x_509() -> Item {
    enumeration(tag::CERTIFICATE_TYPE, CertificateType::X_509.0)
}

/// Type and value of a certificate request.
pub fn request(kind: CertificateRequestType, value: &[u8]) -> Vec<Item> {
    vec![
        enumeration(tag::CERTIFICATE_REQUEST_TYPE, kind.0),
        Node::bytes(tag::CERTIFICATE_REQUEST_VALUE, value.to_vec()),
    ]
}

pub fn pkcs10(request: &X509Req) -> Vec<Item> {
    self::request(CertificateRequestType::PKCS_10, &request.to_der().unwrap())
}

/// The Certificate structure that Register and Validate carry.
pub fn certificate(der: &[u8]) -> Item {
    Node::structure(
        tag::CERTIFICATE,
        vec![x_509(), Node::bytes(tag::CERTIFICATE_VALUE, der.to_vec())],
    )
}

impl Client {
    /// Certifies and answers the new certificate's identifier.
    #[track_caller]
    pub fn certified(&mut self, payload: Vec<Item>) -> String {
        self.ask(Operation::CERTIFY, payload).ok().id()
    }

    #[track_caller]
    pub fn certificate(&mut self, id: &str) -> X509 {
        let answer = self.on(Operation::GET, id).ok();
        let certificate = answer.payload.child(tag::CERTIFICATE).unwrap();
        match &certificate.child(tag::CERTIFICATE_VALUE).unwrap().value {
            Value::ByteString(der) => X509::from_der(der).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    pub fn attributes(&mut self, id: &str) -> Item {
        let answer = self.on(Operation::GET_ATTRIBUTES, id).ok();
        answer.payload.child(tag::ATTRIBUTES).unwrap().clone()
    }

    /// Identifiers that an object links to.
    pub fn links(&mut self, id: &str, kind: LinkType) -> Vec<String> {
        let attributes = self.attributes(id);
        let links = attributes
            .items()
            .iter()
            .filter(|item| item.tag == tag::LINK);
        links
            .filter(|link| link.child(tag::LINK_TYPE).unwrap().value == Value::Enumeration(kind.0))
            .map(
                |link| match &link.child(tag::LINKED_OBJECT_IDENTIFIER).unwrap().value {
                    Value::TextString(text) => text.to_string(),
                    other => panic!("{other:?}"),
                },
            )
            .collect()
    }

    /// The authority's certificate, as a certificate of it leads there.
    pub fn issuer_of(&mut self, id: &str) -> X509 {
        let parents = self.links(id, LinkType::CERTIFICATE_LINK);
        assert_eq!(parents.len(), 1, "a certificate has one parent");
        self.certificate(&parents[0])
    }

    /// A key pair on P-256, with attributes of both halves: private and public identifier.
    pub fn pair(&mut self, more: Vec<Item>) -> (String, String) {
        self.named_pair(None, more)
    }

    /// The same with a Name for the public key.
    pub fn named_pair(&mut self, called: Option<&str>, more: Vec<Item>) -> (String, String) {
        let mut common = vec![
            enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, 0x06),
            Node::structure(
                tag::CRYPTOGRAPHIC_DOMAIN_PARAMETERS,
                vec![enumeration(tag::RECOMMENDED_CURVE, 0x07)],
            ),
        ];
        common.extend(more);
        let own = called.map(crate::process::name).into_iter().collect();
        let payload = vec![
            Node::structure(tag::COMMON_ATTRIBUTES, common),
            Node::structure(tag::PUBLIC_KEY_ATTRIBUTES, own),
        ];
        let answer = self.ask(Operation::CREATE_KEY_PAIR, payload).ok().payload;
        let id = |tag| match &answer.child(tag).unwrap().value {
            Value::TextString(text) => text.to_string(),
            other => panic!("{other:?}"),
        };
        (
            id(tag::PRIVATE_KEY_UNIQUE_IDENTIFIER),
            id(tag::PUBLIC_KEY_UNIQUE_IDENTIFIER),
        )
    }

    /// Registers a certificate.
    pub fn registered(&mut self, der: &[u8]) -> String {
        let payload = vec![
            enumeration(tag::OBJECT_TYPE, ObjectType::CERTIFICATE.0),
            attributes(Vec::new()),
            certificate(der),
        ];
        self.ask(Operation::REGISTER, payload).ok().id()
    }

    /// Revokes for a reason.
    #[track_caller]
    pub fn revoke(&mut self, id: &str, code: u32) {
        let reason = Node::structure(
            tag::REVOCATION_REASON,
            vec![enumeration(tag::REVOCATION_REASON_CODE, code)],
        );
        self.ask(Operation::REVOKE, vec![uid(id), reason]).ok();
    }
}

/// One attribute's value.
pub fn value(attributes: &Item, tag: Tag) -> Value<'static> {
    let item = attributes.child(tag);
    item.unwrap_or_else(|| panic!("no {tag:?}")).value.clone()
}

pub fn date_of(attributes: &Item, tag: Tag) -> i64 {
    match value(attributes, tag) {
        Value::DateTime(seconds) => seconds,
        other => panic!("{other:?}"),
    }
}

/// Seconds since 1970 of a certificate's date.
pub fn seconds(time: &openssl::asn1::Asn1TimeRef) -> i64 {
    let epoch = Asn1Time::from_unix(0).unwrap();
    let since = epoch.diff(time).unwrap();
    i64::from(since.days) * DAY + i64::from(since.secs)
}

/// Whether OpenSSL finds a path, as any other program that trusts the authority would.
pub fn holds(certificate: &X509, authority: &X509) -> bool {
    let mut store = openssl::x509::store::X509StoreBuilder::new().unwrap();
    store.add_cert(authority.clone()).unwrap();
    store
        .set_flags(openssl::x509::verify::X509VerifyFlags::X509_STRICT)
        .unwrap();
    let mut context = openssl::x509::X509StoreContext::new().unwrap();
    context
        .init(&store.build(), certificate, &Stack::new().unwrap(), |c| {
            c.verify_cert()
        })
        .unwrap()
}
