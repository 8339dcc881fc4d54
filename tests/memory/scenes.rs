//! Every way in which keys pass through a server, then a look for them.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use keyward::protocol::enumeration::{
    CryptographicAlgorithm, DerivationMethod, HashingAlgorithm, KeyFormatType, ObjectType,
    Operation,
};
use keyward::protocol::names::Names;
use keyward::protocol::tag;
use openssl::aes::{AesKey, wrap_key};
use ttlv::{Node, Value};

use crate::look::{self, Found, Secret};
use crate::process::{Client, Server, Setup, SoftHsm, aes, enumeration, integer, message, on};

const ENCRYPTS: i32 = 0xC;
const WRAPS: i32 = 0x30;
const MACS: i32 = 0x180;
const DERIVES: i32 = 0x200;
const SIGNS: i32 = 1;

pub fn class(value: &'static str) -> Node<'static> {
    Node::structure(
        tag::ATTRIBUTE,
        vec![
            Node::text(tag::VENDOR_IDENTIFICATION, "x"),
            Node::text(tag::ATTRIBUTE_NAME, "keyward-class"),
            Node::text(tag::ATTRIBUTE_VALUE, value),
        ],
    )
}

fn attributes(mask: i32, more: Vec<Node<'static>>) -> Node<'static> {
    let mut attributes = vec![
        integer(tag::CRYPTOGRAPHIC_USAGE_MASK, mask),
        Node::new(tag::ACTIVATION_DATE, Value::DateTime(1)),
    ];
    attributes.extend(more);
    Node::structure(tag::ATTRIBUTES, attributes)
}

/// A symmetric key's Register.
fn registering(value: &[u8], mask: i32, more: Vec<Node<'static>>) -> Vec<Node<'static>> {
    let bits = i32::try_from(8 * value.len()).unwrap();
    let material = Node::bytes(tag::KEY_MATERIAL, value.to_vec());
    let block = vec![
        enumeration(tag::KEY_FORMAT_TYPE, KeyFormatType::RAW.0),
        Node::structure(tag::KEY_VALUE, vec![material]),
        enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES.0),
        integer(tag::CRYPTOGRAPHIC_LENGTH, bits),
    ];
    let block = Node::structure(tag::KEY_BLOCK, block);
    vec![
        enumeration(tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY.0),
        attributes(mask, more),
        Node::structure(tag::SYMMETRIC_KEY, vec![block]),
    ]
}

fn registered(client: &mut Client, secret: &Secret, mask: i32) -> String {
    registered_as(client, secret, mask, Vec::new())
}

/// The same with more attributes.
pub fn registered_as(
    client: &mut Client,
    secret: &Secret,
    mask: i32,
    more: Vec<Node<'static>>,
) -> String {
    let payload = registering(&secret.bytes, mask, more);
    client.ask(Operation::REGISTER, payload).ok().id()
}

fn gcm() -> Node<'static> {
    let fields = vec![enumeration(tag::BLOCK_CIPHER_MODE, 9)];
    Node::structure(tag::CRYPTOGRAPHIC_PARAMETERS, fields)
}

/// Encrypts and decrypts again.
pub fn round_trip(client: &mut Client, id: &str, data: &[u8]) {
    let mut payload = on(id);
    payload.extend([gcm(), Node::bytes(tag::DATA, data.to_vec())]);
    let sealed = client.ask(Operation::ENCRYPT, payload).ok();
    let field = |tag| Node::bytes(tag, sealed.bytes(tag));
    let mut payload = on(id);
    payload.extend([
        gcm(),
        field(tag::DATA),
        field(tag::IV_COUNTER_NONCE),
        field(tag::AUTHENTICATED_ENCRYPTION_TAG),
    ]);
    let clear = client
        .ask(Operation::DECRYPT, payload)
        .ok()
        .bytes(tag::DATA);
    assert_eq!(clear, data);
}

/// Gets a key and finds its bytes in the answer.
pub fn got(client: &mut Client, id: &str) -> Vec<u8> {
    let answer = client.on(Operation::GET, id).ok();
    let mut node = &answer.payload;
    let path = [
        tag::SYMMETRIC_KEY,
        tag::KEY_BLOCK,
        tag::KEY_VALUE,
        tag::KEY_MATERIAL,
    ];
    for tag in path {
        node = node.child(tag).unwrap();
    }
    match &node.value {
        Value::ByteString(bytes) => bytes.to_vec(),
        other => panic!("{other:?}"),
    }
}

fn information(key: &str) -> Node<'static> {
    let mut fields = on(key);
    fields.push(Node::structure(
        tag::CRYPTOGRAPHIC_PARAMETERS,
        // NIST Key Wrap.
        vec![enumeration(tag::BLOCK_CIPHER_MODE, 0xD)],
    ));
    Node::structure(tag::ENCRYPTION_KEY_INFORMATION, fields)
}

/// Get under a wrapping key; wrapped by TTLV encoding or bare.
fn get_wrapped(client: &mut Client, id: &str, under: &str) {
    let mut payload = on(id);
    payload.push(Node::structure(
        tag::KEY_WRAPPING_SPECIFICATION,
        vec![
            enumeration(tag::WRAPPING_METHOD, 1),
            information(under),
            enumeration(tag::ENCODING_OPTION, 1),
        ],
    ));
    client.ask(Operation::GET, payload).ok();
}

/// A key of class *token* whose bytes the test knows: it came wrapped.
fn into_token(client: &mut Client, secret: &Secret, under: (&str, &Secret)) -> String {
    let kek = AesKey::new_encrypt(&under.1.bytes).unwrap();
    let mut wrapped = vec![0; secret.bytes.len() + 8];
    wrap_key(&kek, None, &mut wrapped, &secret.bytes).unwrap();
    let data = vec![
        enumeration(tag::WRAPPING_METHOD, 1),
        information(under.0),
        enumeration(tag::ENCODING_OPTION, 1),
    ];
    let block = vec![
        enumeration(tag::KEY_FORMAT_TYPE, KeyFormatType::RAW.0),
        Node::bytes(tag::KEY_VALUE, wrapped),
        enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES.0),
        integer(tag::CRYPTOGRAPHIC_LENGTH, 256),
        Node::structure(tag::KEY_WRAPPING_DATA, data),
    ];
    let block = Node::structure(tag::KEY_BLOCK, block);
    let payload = vec![
        enumeration(tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY.0),
        attributes(ENCRYPTS, vec![class("token")]),
        Node::structure(tag::SYMMETRIC_KEY, vec![block]),
    ];
    client.ask(Operation::REGISTER, payload).ok().id()
}

/// Posts a message as text; the connection stays.
fn post(
    stream: &mut (impl Read + Write),
    media_type: &str,
    operation: Operation,
    payload: Vec<Node<'static>>,
) -> String {
    let message = message(Vec::new(), vec![(operation, payload)]);
    let node = ttlv::binary::decode(&message, &ttlv::Limits::default()).unwrap();
    let mut text = String::new();
    match media_type {
        "text/xml" => ttlv::xml::encode(&node, &Names, &mut text).unwrap(),
        _ => ttlv::json::encode(&node, &Names, &mut text),
    }
    let request = format!(
        "POST /kmip HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(number) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = number.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

fn text_of(answer: &str, media_type: &str) -> Node<'static> {
    let limits = ttlv::Limits::default();
    let node = match media_type {
        "text/xml" => ttlv::xml::decode(answer.as_bytes(), &Names, &limits),
        _ => ttlv::json::decode(answer.as_bytes(), &Names, &limits),
    };
    node.unwrap().into_owned()
}

fn identifier(message: &Node<'_>) -> String {
    let item = message.child(tag::BATCH_ITEM).unwrap();
    let payload = item.child(tag::RESPONSE_PAYLOAD).expect("a success");
    match &payload.child(tag::UNIQUE_IDENTIFIER).unwrap().value {
        Value::TextString(text) => text.to_string(),
        other => panic!("{other:?}"),
    }
}

fn derived(client: &mut Client, base: &str) -> Vec<u8> {
    let parameters = vec![
        Node::structure(
            tag::CRYPTOGRAPHIC_PARAMETERS,
            vec![enumeration(
                tag::HASHING_ALGORITHM,
                HashingAlgorithm::SHA_256.0,
            )],
        ),
        Node::bytes(tag::DERIVATION_DATA, b"context".to_vec()),
    ];
    let made = vec![
        enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES.0),
        integer(tag::CRYPTOGRAPHIC_LENGTH, 256),
    ];
    let payload = vec![
        enumeration(tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY.0),
        Node::text(tag::UNIQUE_IDENTIFIER, base.to_owned()),
        enumeration(tag::DERIVATION_METHOD, DerivationMethod::HMAC.0),
        Node::structure(tag::DERIVATION_PARAMETERS, parameters),
        attributes(ENCRYPTS, made),
    ];
    let id = client.ask(Operation::DERIVE_KEY, payload).ok().id();
    got(client, &id)
}

fn mac(client: &mut Client, id: &str) {
    let parameters = vec![enumeration(
        tag::CRYPTOGRAPHIC_ALGORITHM,
        CryptographicAlgorithm::HMAC_SHA256.0,
    )];
    let mut payload = on(id);
    payload.push(Node::structure(tag::CRYPTOGRAPHIC_PARAMETERS, parameters));
    payload.push(Node::bytes(tag::DATA, b"data".to_vec()));
    client.ask(Operation::MAC, payload).ok();
}

/// A private key as PKCS#8, registered, used and read.
fn private_key(client: &mut Client, algorithm: CryptographicAlgorithm, pkcs8: &[u8], bits: i32) {
    let material = Node::bytes(tag::KEY_MATERIAL, pkcs8.to_vec());
    let block = vec![
        enumeration(tag::KEY_FORMAT_TYPE, KeyFormatType::PKCS_8.0),
        Node::structure(tag::KEY_VALUE, vec![material]),
        enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, algorithm.0),
        integer(tag::CRYPTOGRAPHIC_LENGTH, bits),
    ];
    let block = Node::structure(tag::KEY_BLOCK, block);
    let payload = vec![
        enumeration(tag::OBJECT_TYPE, ObjectType::PRIVATE_KEY.0),
        attributes(SIGNS, Vec::new()),
        Node::structure(tag::PRIVATE_KEY, vec![block]),
    ];
    let id = client.ask(Operation::REGISTER, payload).ok().id();
    let mut payload = on(&id);
    payload.push(Node::bytes(tag::DATA, b"data".to_vec()));
    client.ask(Operation::SIGN, payload).ok();
    client.on(Operation::GET, &id).ok();
}

/// A secret of many bytes: buffers grow for it.
fn large(client: &mut Client, secret: &Secret) {
    let data = Node::bytes(tag::OPAQUE_DATA_VALUE, secret.bytes.clone());
    let kind = enumeration(tag::OPAQUE_DATA_TYPE, 0x8000_0001);
    let payload = vec![
        enumeration(tag::OBJECT_TYPE, ObjectType::OPAQUE_OBJECT.0),
        Node::structure(tag::ATTRIBUTES, Vec::new()),
        Node::structure(tag::OPAQUE_OBJECT, vec![kind, data]),
    ];
    let id = client.ask(Operation::REGISTER, payload).ok().id();
    client.on(Operation::GET, &id).ok();
}

pub const TOKEN: &str = "class token";

/// What is known of a key in the test, and where it may still be found when the server idles.
fn secrets() -> [Secret; 9] {
    [
        Secret::new("served", 32),
        Secret::new("data", 48),
        Secret::new("wrapping key", 32),
        Secret::new(TOKEN, 32),
        Secret::new("base key", 32),
        Secret::new("MAC key", 32),
        Secret::new("over JSON", 32),
        Secret::new("over XML", 32),
        Secret::new("large", 100_000),
    ]
}

/// Keys that no operation loads into the token: they pass, and nothing of them stays.
pub const PASSING: [&str; 6] = [
    "data",
    "over JSON",
    "over XML",
    "large",
    "derived",
    "made and read",
];

/// Uses keys in every way; answers what the test knows of them, and the connections.
pub fn play(server: &Server) -> (Vec<Secret>, Vec<Box<dyn std::any::Any>>) {
    let mut client = server.client();
    let secrets = secrets();
    let [served, data, kek, token, base, macs, json, xml, big] = &secrets;
    let id = registered(&mut client, served, ENCRYPTS);
    assert_eq!(got(&mut client, &id), served.bytes);
    round_trip(&mut client, &id, &data.bytes);
    let under = registered(&mut client, kek, WRAPS);
    get_wrapped(&mut client, &id, &under);
    let in_token = into_token(&mut client, token, (&under, kek));
    round_trip(&mut client, &in_token, b"with a key of class token");
    let base = registered(&mut client, base, DERIVES);
    let derived = derived(&mut client, &base);
    let id = registered(&mut client, macs, MACS);
    mac(&mut client, &id);
    let id = client.ask(Operation::CREATE, aes(Vec::new())).ok().id();
    let made = got(&mut client, &id);
    let mut posting = server.https();
    for (secret, media_type) in [(json, "application/json"), (xml, "text/xml")] {
        let payload = registering(&secret.bytes, ENCRYPTS, Vec::new());
        let answer = post(&mut posting, media_type, Operation::REGISTER, payload);
        let id = identifier(&text_of(&answer, media_type));
        let answer = post(&mut posting, media_type, Operation::GET, on(&id));
        assert_eq!(identifier(&text_of(&answer, media_type)), id);
    }
    let (rsa, prime, exponent) = rsa();
    private_key(&mut client, CryptographicAlgorithm::RSA, &rsa, 2048);
    let (ec, scalar) = ec();
    private_key(&mut client, CryptographicAlgorithm::EC, &ec, 256);
    // Last, so that what idle connections hold is of a key that passed.
    large(&mut client, big);
    let mut secrets = Vec::from(secrets);
    let known = [
        ("derived", derived),
        ("made and read", made),
        ("RSA prime", prime),
        ("RSA exponent", exponent),
        ("EC scalar", scalar),
    ];
    secrets.extend(known.map(|(name, bytes)| Secret { name, bytes }));
    (secrets, vec![Box::new(client), Box::new(posting)])
}

/// PKCS#8, a prime and the private exponent.
fn rsa() -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let rsa = openssl::rsa::Rsa::generate(2048).unwrap();
    let (prime, exponent) = (rsa.p().unwrap().to_vec(), rsa.d().to_vec());
    let rsa = openssl::pkey::PKey::from_rsa(rsa).unwrap();
    (rsa.private_key_to_pkcs8().unwrap(), prime, exponent)
}

/// PKCS#8 and the private scalar.
fn ec() -> (Vec<u8>, Vec<u8>) {
    let curve = openssl::nid::Nid::X9_62_PRIME256V1;
    let group = openssl::ec::EcGroup::from_curve_name(curve).unwrap();
    let ec = openssl::ec::EcKey::generate(&group).unwrap();
    let scalar = ec.private_key().to_vec_padded(32).unwrap();
    let ec = openssl::pkey::PKey::from_ec_key(ec).unwrap();
    (ec.private_key_to_pkcs8().unwrap(), scalar)
}

/// Other keys, so many that those before leave the token.
pub fn evict(server: &Server) {
    let mut client = server.client();
    for _ in 0..LOADED + 8 {
        let other = Secret::new("", 32);
        let id = registered(&mut client, &other, ENCRYPTS | MACS);
        round_trip(&mut client, &id, b"other data");
        mac(&mut client, &id);
    }
    // What is evicted is destroyed at the next look, a second later at the most.
    std::thread::sleep(Duration::from_millis(1500));
}

const LOADED: usize = 8;

fn start(softhsm: Option<SoftHsm>, home: tempfile::TempDir) -> Server {
    start_with(softhsm, home, Vec::new())
}

/// The same with more of its environment.
pub fn start_with(
    softhsm: Option<SoftHsm>,
    home: tempfile::TempDir,
    mut environment: Vec<(&'static str, String)>,
) -> Server {
    environment.push(("KEYWARD_TOKEN_LOADED_KEYS", LOADED.to_string()));
    let setup = Setup {
        softhsm,
        watched: true,
        environment,
        ..Setup::default()
    };
    let mut server = Server::start_in(home, setup);
    look::at(&mut server);
    server
}

pub fn home() -> tempfile::TempDir {
    let mut home = tempfile::Builder::new();
    home.prefix("keyward-memory-").tempdir().unwrap()
}

/// The finds of these names alone.
pub fn of(found: &[Found], names: &[&str]) -> Vec<Found> {
    let found = found.iter().filter(|one| names.contains(&one.secret));
    found.cloned().collect()
}

/// Without texts: hyper may keep the last request's where it parsed it, until the connection is
/// closed or its next request comes (docs/memory.md).
pub fn in_bytes(found: &[Found]) -> Vec<Found> {
    let found = found.iter().filter(|one| one.form == "bytes");
    found.cloned().collect()
}

/// Everything is played, and then looked for: while its connections are idle, when they are closed,
/// when its keys have left the token.
fn looked(server: &Server) -> [Vec<Found>; 3] {
    let memory = server.memory.as_ref().unwrap();
    let (secrets, connections) = play(server);
    std::thread::sleep(Duration::from_secs(2));
    let idle = look::look(memory, &secrets);
    eprintln!("idle\n{}", look::table(&idle));
    drop(connections);
    std::thread::sleep(Duration::from_millis(500));
    let closed = look::look(memory, &secrets);
    eprintln!("closed\n{}", look::table(&closed));
    evict(server);
    let evicted = look::settled(server, &secrets, 0);
    eprintln!("evicted\n{}", look::table(&evicted));
    [idle, closed, evicted]
}

#[test]
fn on_the_embedded_token() {
    let server = start(None, home());
    let [idle, closed, evicted] = looked(&server);
    assert_eq!(of(&in_bytes(&idle), &PASSING), []);
    assert_eq!(of(&closed, &PASSING), []);
    // It is in this process, and so are the keys that are loaded in it.
    assert_ne!(of(&closed, &[TOKEN, "served", "MAC key"]), []);
    assert_eq!(evicted, []);
}

#[test]
fn on_softhsm() {
    let home = home();
    let Some(softhsm) = SoftHsm::make(home.path()) else {
        return;
    };
    let server = start(Some(softhsm), home);
    let [idle, closed, evicted] = looked(&server);
    assert_eq!(of(&in_bytes(&idle), &PASSING), []);
    assert_eq!(of(&closed, &PASSING), []);
    for found in [&idle, &closed, &evicted] {
        assert_eq!(of(found, &[TOKEN]), []);
    }
    // Its own buffers, in this process: private keys on their way in (docs/memory.md).
    let left: Vec<_> = evicted.iter().map(|one| one.secret).collect();
    let known = ["RSA prime", "RSA exponent", "EC scalar"];
    assert!(left.iter().all(|name| known.contains(name)), "{left:?}");
}

#[test]
fn nothing_is_dumped_and_only_root_may_look() {
    let server = start(None, home());
    forbids_dumps(server.pid());
}

pub fn forbids_dumps(process: u32) {
    let file = |name: &str| format!("/proc/{process}/{name}");
    let limits = std::fs::read_to_string(file("limits")).unwrap();
    let cores = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let mut bounds = cores.unwrap().split_whitespace().skip(4);
    assert_eq!((bounds.next(), bounds.next()), (Some("0"), Some("0")));
    // The files of a process that may not be dumped belong to root.
    assert_eq!(std::fs::metadata(file("mem")).unwrap().uid(), 0);
    let root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    assert_eq!(std::fs::File::open(file("mem")).is_ok(), root);
}
