//! Keys on their way out and in: keys of class *token*, MACs of wrapped keys, and what somebody
//! tries who wants to read what he may only wrap (DESIGN §4.3).

use keyward::protocol::enumeration::{Operation, ResultReason};
use keyward::protocol::tag;
use openssl::aes::{AesKey, unwrap_key, wrap_key};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::{Signer, Verifier};
use openssl::symm::{Cipher, encrypt};
use ttlv::{Node, Tag, Value};

use crate::process::{Answer, Client, Server, Setup, SoftHsm, aes, enumeration, integer, on};

const ENCRYPT: u32 = 1;
const MAC_SIGN: u32 = 2;
const ENCRYPT_THEN_MAC: u32 = 3;
const MAC_THEN_ENCRYPT: u32 = 4;
const TR_31: u32 = 5;

const KEY_WRAP_PADDING: u32 = 0xC;
const KEY_WRAP: u32 = 0xD;
const CBC: u32 = 1;
const SHA_256: u32 = 6;

/// Wrap Key and Unwrap Key; MAC Generate and MAC Verify.
const WRAPS: i32 = 0x30;
const MACS: i32 = 0x180;

fn flag(tag: Tag, value: bool) -> Node<'static> {
    Node::new(tag, Value::Boolean(value))
}

fn vendor(vendor: &'static str, name: &'static str, value: Value<'static>) -> Node<'static> {
    Node::structure(
        tag::ATTRIBUTE,
        vec![
            Node::text(tag::VENDOR_IDENTIFICATION, vendor),
            Node::text(tag::ATTRIBUTE_NAME, name),
            Node::new(tag::ATTRIBUTE_VALUE, value),
        ],
    )
}

fn of_class_token() -> Node<'static> {
    vendor("x", "keyward-class", Value::TextString("token".into()))
}

/// Key Block of a key of `bits`.
fn block(more: Vec<Node<'static>>, bits: i32) -> Node<'static> {
    let mut fields = vec![enumeration(tag::KEY_FORMAT_TYPE, 1)];
    fields.extend(more);
    fields.insert(2, enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, 3));
    fields.insert(3, integer(tag::CRYPTOGRAPHIC_LENGTH, bits));
    Node::structure(
        tag::SYMMETRIC_KEY,
        vec![Node::structure(tag::KEY_BLOCK, fields)],
    )
}

fn registering(object: Node<'static>, attributes: Vec<Node<'static>>) -> Vec<Node<'static>> {
    vec![
        enumeration(tag::OBJECT_TYPE, 2),
        Node::structure(tag::ATTRIBUTES, attributes),
        object,
    ]
}

/// An active key with known bytes.
fn known(client: &mut Client, value: &[u8], mask: i32, more: Vec<Node<'static>>) -> String {
    let material = vec![Node::bytes(tag::KEY_MATERIAL, value.to_vec())];
    let bits = i32::try_from(value.len() * 8).unwrap();
    let object = block(vec![Node::structure(tag::KEY_VALUE, material)], bits);
    let mut attributes = vec![integer(tag::CRYPTOGRAPHIC_USAGE_MASK, mask)];
    attributes.extend(more);
    let payload = registering(object, attributes);
    let id = client.ask(Operation::REGISTER, payload).ok().id();
    client.on(Operation::ACTIVATE, &id).ok();
    id
}

/// An active key that the server made, for wrapping only.
fn closed(client: &mut Client) -> String {
    let attributes = vec![
        enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, 3),
        integer(tag::CRYPTOGRAPHIC_LENGTH, 256),
        integer(tag::CRYPTOGRAPHIC_USAGE_MASK, WRAPS),
        flag(tag::EXTRACTABLE, false),
    ];
    let payload = vec![
        enumeration(tag::OBJECT_TYPE, 2),
        Node::structure(tag::ATTRIBUTES, attributes),
    ];
    let id = client.ask(Operation::CREATE, payload).ok().id();
    client.on(Operation::ACTIVATE, &id).ok();
    id
}

/// How a key is, or is to be, wrapped: by a key in a block cipher mode (0: none is said).
#[derive(Clone, Copy)]
struct How<'a> {
    method: u32,
    key: Option<(&'a str, u32)>,
    mac: Option<&'a str>,
    /// Hashing Algorithm of the MAC; 0: none is said.
    hash: u32,
    /// No Encoding, else TTLV.
    bare: bool,
}

impl How<'_> {
    fn fields(&self) -> Vec<Node<'static>> {
        let information = |tag, id: &str, field: Tag, number| {
            let mut fields = on(id);
            if number != 0 {
                fields.push(Node::structure(
                    tag::CRYPTOGRAPHIC_PARAMETERS,
                    vec![enumeration(field, number)],
                ));
            }
            Node::structure(tag, fields)
        };
        let mut fields = vec![enumeration(tag::WRAPPING_METHOD, self.method)];
        if let Some((key, mode)) = self.key {
            let under = tag::ENCRYPTION_KEY_INFORMATION;
            fields.push(information(under, key, tag::BLOCK_CIPHER_MODE, mode));
        }
        if let Some(mac) = self.mac {
            let under = tag::MAC_SIGNATURE_KEY_INFORMATION;
            fields.push(information(under, mac, tag::HASHING_ALGORITHM, self.hash));
        }
        fields
    }

    fn encoding(&self) -> Node<'static> {
        enumeration(tag::ENCODING_OPTION, if self.bare { 1 } else { 2 })
    }

    fn specification(&self) -> Node<'static> {
        let mut fields = self.fields();
        fields.push(self.encoding());
        Node::structure(tag::KEY_WRAPPING_SPECIFICATION, fields)
    }

    fn data(&self, mac: Option<Vec<u8>>, iv: Option<Vec<u8>>) -> Node<'static> {
        let mut fields = self.fields();
        fields.extend(mac.map(|mac| Node::bytes(tag::MAC_SIGNATURE, mac)));
        fields.extend(iv.map(|iv| Node::bytes(tag::IV_COUNTER_NONCE, iv)));
        fields.push(self.encoding());
        Node::structure(tag::KEY_WRAPPING_DATA, fields)
    }

    fn get(&self, client: &mut Client, id: &str) -> Answer {
        let mut payload = on(id);
        payload.push(self.specification());
        client.ask(Operation::GET, payload)
    }

    /// Registers bytes as wrapped so.
    fn register(&self, client: &mut Client, wrapped: &Wrapped, more: Vec<Node<'static>>) -> Answer {
        let value = Node::bytes(tag::KEY_VALUE, wrapped.value.clone());
        let data = self.data(wrapped.mac.clone(), wrapped.iv.clone());
        let object = block(vec![value, data], 256);
        let mut attributes = more;
        let masked = |node: &Node<'_>| node.tag == tag::CRYPTOGRAPHIC_USAGE_MASK;
        if !attributes.iter().any(masked) {
            attributes.push(integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 0xC));
        }
        client.ask(Operation::REGISTER, registering(object, attributes))
    }
}

/// What came wrapped.
#[derive(Clone, Debug, PartialEq)]
struct Wrapped {
    value: Vec<u8>,
    mac: Option<Vec<u8>>,
    iv: Option<Vec<u8>>,
}

fn bytes(node: Option<&Node<'_>>) -> Option<Vec<u8>> {
    match &node?.value {
        Value::ByteString(bytes) => Some(bytes.to_vec()),
        other => panic!("{other:?} is no Byte String"),
    }
}

fn wrapped(answer: &Answer) -> Wrapped {
    let key = answer.payload.child(tag::SYMMETRIC_KEY).unwrap();
    let block = key.child(tag::KEY_BLOCK).unwrap();
    let data = block.child(tag::KEY_WRAPPING_DATA).unwrap();
    Wrapped {
        value: bytes(block.child(tag::KEY_VALUE)).unwrap(),
        mac: bytes(data.child(tag::MAC_SIGNATURE)),
        iv: bytes(data.child(tag::IV_COUNTER_NONCE)),
    }
}

fn unwrapped_by(kek: &[u8], wrapped: &[u8]) -> Vec<u8> {
    let key = AesKey::new_decrypt(kek).unwrap();
    let mut out = vec![0; wrapped.len() - 8];
    unwrap_key(&key, None, &mut out, wrapped).unwrap();
    out
}

fn wrapped_by(kek: &[u8], clear: &[u8]) -> Vec<u8> {
    let key = AesKey::new_encrypt(kek).unwrap();
    let mut out = vec![0; clear.len() + 8];
    wrap_key(&key, None, &mut out, clear).unwrap();
    out
}

fn hmac(key: &[u8], data: &[u8]) -> Vec<u8> {
    let key = PKey::hmac(key).unwrap();
    let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
    signer.update(data).unwrap();
    signer.sign_to_vec().unwrap()
}

/// Get of an object that was registered wrapped, unwrapped.
fn unwrapped(client: &mut Client, id: &str) -> Answer {
    let mut payload = on(id);
    payload.push(enumeration(tag::KEY_WRAP_TYPE, 1));
    client.ask(Operation::GET, payload)
}

fn material(answer: &Answer) -> Vec<u8> {
    let key = answer.payload.child(tag::SYMMETRIC_KEY).unwrap();
    let value = key.child(tag::KEY_BLOCK).unwrap().child(tag::KEY_VALUE);
    bytes(value.unwrap().child(tag::KEY_MATERIAL)).unwrap()
}

fn encrypted(client: &mut Client, id: &str) -> Vec<u8> {
    let mut payload = on(id);
    payload.extend([
        Node::structure(
            tag::CRYPTOGRAPHIC_PARAMETERS,
            vec![
                enumeration(tag::BLOCK_CIPHER_MODE, CBC),
                enumeration(tag::PADDING_METHOD, 3),
                enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, 3),
            ],
        ),
        Node::bytes(tag::DATA, b"data".to_vec()),
        Node::bytes(tag::IV_COUNTER_NONCE, vec![9; 16]),
    ]);
    let answer = client.ask(Operation::ENCRYPT, payload).ok();
    answer.bytes(tag::DATA)
}

const KEK: [u8; 32] = [0x4b; 32];
const MAC_KEY: [u8; 32] = [0x4d; 32];
const VALUE: [u8; 32] = [0xa7; 32];

fn contains(node: &Node<'_>, value: &[u8]) -> bool {
    let bytes = ttlv::binary::to_vec(node);
    bytes.windows(value.len()).any(|window| window == value)
}

/// Out under a key that the test knows, to see that it is the key; every other way is refused.
fn out_of_class_token(client: &mut Client) {
    let kek = known(client, &KEK, WRAPS, Vec::new());
    let mac = known(client, &MAC_KEY, MACS, Vec::new());
    let create = aes(vec![of_class_token()]);
    let key = client.ask(Operation::CREATE, create).ok().id();
    client.on(Operation::ACTIVATE, &key).ok();
    let how = How {
        method: ENCRYPT,
        key: Some((&kek, KEY_WRAP)),
        mac: None,
        hash: SHA_256,
        bare: true,
    };
    let got = wrapped(&how.get(client, &key).ok());
    let value = unwrapped_by(&KEK, &got.value);
    let expected = encrypt(Cipher::aes_256_cbc(), &value, Some(&[9; 16]), b"data").unwrap();
    assert_eq!(encrypted(client, &key), expected);
    let both = How {
        method: ENCRYPT_THEN_MAC,
        mac: Some(&mac),
        ..how
    };
    let authenticated = wrapped(&both.get(client, &key).ok());
    assert_eq!(authenticated.value, got.value);
    assert_eq!(authenticated.mac, Some(hmac(&MAC_KEY, &got.value)));
    let refused = [
        (
            How { bare: false, ..how },
            ResultReason::ENCODING_OPTION_ERROR,
        ),
        (
            How {
                key: Some((&kek, CBC)),
                ..how
            },
            ResultReason::UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS,
        ),
        (
            How {
                method: MAC_THEN_ENCRYPT,
                ..both
            },
            ResultReason::UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS,
        ),
        (
            How {
                method: MAC_SIGN,
                key: None,
                ..both
            },
            ResultReason::SENSITIVE,
        ),
    ];
    for (how, reason) in refused {
        let answer = how.get(client, &key);
        answer.fails(reason);
        assert!(!contains(&answer.payload, &value));
    }
    for operation in [Operation::GET, Operation::EXPORT, Operation::GET_ATTRIBUTES] {
        let answer = client.on(operation, &key);
        assert!(!contains(&answer.payload, &value), "{operation}");
        assert!(!answer.message.contains(&hex::encode(&value)));
    }
    into_class_token(client, &how, &both, &got, &expected);
}

/// In: unwrapped inside the token, and the same key.
fn into_class_token(
    client: &mut Client,
    how: &How<'_>,
    both: &How<'_>,
    got: &Wrapped,
    expected: &[u8],
) {
    let class = || vec![of_class_token()];
    let again = how.register(client, got, class()).ok().id();
    client.on(Operation::ACTIVATE, &again).ok();
    assert_eq!(encrypted(client, &again), expected);
    client
        .on(Operation::GET, &again)
        .fails(ResultReason::SENSITIVE);
    unwrapped(client, &again).fails(ResultReason::SENSITIVE);
    assert_eq!(&wrapped(&how.get(client, &again).ok()), got);
    let attributes = client.on(Operation::GET_ATTRIBUTES, &again).ok();
    let attributes = attributes.payload.child(tag::ATTRIBUTES).unwrap();
    let said = |tag| attributes.child(tag).unwrap().value.clone();
    // It was elsewhere before.
    assert_eq!(said(tag::SENSITIVE), Value::Boolean(true));
    assert_eq!(said(tag::ALWAYS_SENSITIVE), Value::Boolean(false));
    assert_eq!(said(tag::NEVER_EXTRACTABLE), Value::Boolean(false));
    let authenticated = Wrapped {
        mac: Some(hmac(&MAC_KEY, &got.value)),
        ..got.clone()
    };
    both.register(client, &authenticated, class()).ok();
    let mut forged = authenticated.clone();
    forged.mac.as_mut().unwrap()[0] ^= 1;
    let failure = ResultReason::CRYPTOGRAPHIC_FAILURE;
    both.register(client, &forged, class()).fails(failure);
    let mut forged = got.clone();
    forged.value[11] ^= 1;
    how.register(client, &forged, class()).fails(failure);
    let ttlv = How {
        bare: false,
        ..*how
    };
    ttlv.register(client, got, class())
        .fails(ResultReason::ENCODING_OPTION_ERROR);
    // A key that comes in clear was in the server's memory.
    let clear = vec![Node::bytes(tag::KEY_MATERIAL, VALUE.to_vec())];
    let object = block(vec![Node::structure(tag::KEY_VALUE, clear)], 256);
    client
        .ask(Operation::REGISTER, registering(object, class()))
        .fails(ResultReason::UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS);
    imported(client, how, got, expected);
}

fn imported(client: &mut Client, how: &How<'_>, got: &Wrapped, expected: &[u8]) {
    let import = |id: &str, wrap_type: u32| {
        let value = Node::bytes(tag::KEY_VALUE, got.value.clone());
        let attributes = vec![
            integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 0xC),
            enumeration(tag::STATE, 2),
            of_class_token(),
        ];
        let mut payload = on(id);
        payload.extend([
            enumeration(tag::OBJECT_TYPE, 2),
            enumeration(tag::KEY_WRAP_TYPE, wrap_type),
            Node::structure(tag::ATTRIBUTES, attributes),
            block(vec![value, how.data(None, None)], 256),
        ]);
        payload
    };
    client
        .ask(Operation::IMPORT, import("imported", 2))
        .fails(ResultReason::INVALID_FIELD);
    client.ask(Operation::IMPORT, import("imported", 1)).ok();
    assert_eq!(encrypted(client, "imported"), expected);
    client
        .on(Operation::GET, "imported")
        .fails(ResultReason::SENSITIVE);
}

#[test]
fn keys_of_class_token_travel_wrapped_on_the_embedded_token() {
    let server = Server::start(Setup::default());
    out_of_class_token(&mut server.client());
    private_key(&mut server.client());
}

#[test]
fn keys_of_class_token_travel_wrapped_on_softhsm() {
    let home = tempfile::Builder::new()
        .prefix("keyward-attacks-")
        .tempdir()
        .unwrap();
    let Some(softhsm) = SoftHsm::make(home.path()) else {
        return;
    };
    let setup = Setup {
        softhsm: Some(softhsm),
        ..Setup::default()
    };
    out_of_class_token(&mut Server::start_in(home, setup).client());
}

/// A private key leaves as PKCS#8, whatever form it is said to be kept in.
fn private_key(client: &mut Client) {
    let kek = known(client, &KEK, WRAPS, Vec::new());
    let attributes = vec![
        enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, 0x1A),
        integer(tag::CRYPTOGRAPHIC_LENGTH, 256),
        of_class_token(),
    ];
    let payload = vec![Node::structure(tag::COMMON_ATTRIBUTES, attributes)];
    let pair = client.ask(Operation::CREATE_KEY_PAIR, payload).ok();
    let id = match &pair
        .payload
        .child(tag::PRIVATE_KEY_UNIQUE_IDENTIFIER)
        .unwrap()
        .value
    {
        Value::TextString(id) => id.to_string(),
        other => panic!("{other:?}"),
    };
    let how = How {
        method: ENCRYPT,
        key: Some((&kek, KEY_WRAP_PADDING)),
        mac: None,
        hash: SHA_256,
        bare: true,
    };
    let answer = how.get(client, &id).ok();
    let key = answer.payload.child(tag::PRIVATE_KEY).unwrap();
    let block = key.child(tag::KEY_BLOCK).unwrap();
    // PKCS#8
    assert_eq!(
        block.child(tag::KEY_FORMAT_TYPE).unwrap().value,
        Value::Enumeration(4)
    );
    let wrapped = bytes(block.child(tag::KEY_VALUE)).unwrap();
    let carrier = known(client, &KEK, WRAPS, Vec::new());
    let carried = How {
        key: Some((&carrier, KEY_WRAP_PADDING)),
        ..how
    };
    // Key wrap with padding is not in the library's interface: the server unwraps it as a secret.
    let carried = Wrapped {
        value: wrapped.clone(),
        mac: None,
        iv: None,
    }
    .registered_as_secret(client, &carried);
    let clear = unwrapped(client, &carried).ok();
    let secret = clear.payload.child(tag::SECRET_DATA).unwrap();
    let value = secret.child(tag::KEY_BLOCK).unwrap().child(tag::KEY_VALUE);
    let pkcs8 = bytes(value.unwrap().child(tag::KEY_MATERIAL)).unwrap();
    let private = PKey::private_key_from_der(&pkcs8).unwrap();
    private.ec_key().unwrap().check_key().unwrap();
    let unpadded = How {
        key: Some((&kek, KEY_WRAP)),
        ..how
    };
    unpadded
        .get(client, &id)
        .fails(ResultReason::BAD_CRYPTOGRAPHIC_PARAMETERS);
}

impl Wrapped {
    fn registered_as_secret(&self, client: &mut Client, how: &How<'_>) -> String {
        let fields = vec![
            enumeration(tag::KEY_FORMAT_TYPE, 2),
            Node::bytes(tag::KEY_VALUE, self.value.clone()),
            how.data(None, None),
        ];
        let secret = vec![
            enumeration(tag::SECRET_DATA_TYPE, 1),
            Node::structure(tag::KEY_BLOCK, fields),
        ];
        let payload = vec![
            enumeration(tag::OBJECT_TYPE, 7),
            Node::structure(tag::ATTRIBUTES, Vec::new()),
            Node::structure(tag::SECRET_DATA, secret),
        ];
        client.ask(Operation::REGISTER, payload).ok().id()
    }
}

#[test]
fn a_mac_is_of_the_bytes_that_its_method_says() {
    let server = Server::start(Setup::default());
    let client = &mut server.client();
    let kek = known(client, &KEK, WRAPS, Vec::new());
    let mac = known(client, &MAC_KEY, MACS, Vec::new());
    let key = known(client, &VALUE, 0xC, Vec::new());
    let how = How {
        method: ENCRYPT_THEN_MAC,
        key: Some((&kek, KEY_WRAP)),
        mac: Some(&mac),
        hash: SHA_256,
        bare: true,
    };
    let sealed = wrapped_by(&KEK, &VALUE);
    let got = wrapped(&how.get(client, &key).ok());
    assert_eq!(got.value, sealed);
    assert_eq!(got.mac, Some(hmac(&MAC_KEY, &sealed)));
    let first = How {
        method: MAC_THEN_ENCRYPT,
        ..how
    };
    let got = wrapped(&first.get(client, &key).ok());
    assert_eq!(got.value, sealed);
    assert_eq!(got.mac, Some(hmac(&MAC_KEY, &VALUE)));
    let only = How {
        method: MAC_SIGN,
        key: None,
        ..how
    };
    let got = wrapped(&only.get(client, &key).ok());
    assert_eq!(got.value, VALUE);
    assert_eq!(got.mac, Some(hmac(&MAC_KEY, &VALUE)));
    // TTLV-encoded it is the Key Value structure.
    let encoded = How {
        bare: false,
        ..only
    };
    let got = wrapped(&encoded.get(client, &key).ok());
    let limits = ttlv::Limits::default();
    let structure = ttlv::binary::decode(&got.value, &limits).unwrap();
    assert_eq!(structure.tag, tag::KEY_VALUE);
    assert_eq!(
        bytes(structure.child(tag::KEY_MATERIAL)),
        Some(VALUE.to_vec())
    );
    assert_eq!(got.mac, Some(hmac(&MAC_KEY, &got.value)));
}

#[test]
fn nothing_is_used_before_its_mac_held() {
    let server = Server::start(Setup::default());
    let client = &mut server.client();
    let kek = known(client, &KEK, WRAPS, Vec::new());
    let mac = known(client, &MAC_KEY, MACS, Vec::new());
    let other = known(client, &[0x4f; 32], MACS, Vec::new());
    let unfit = known(client, &MAC_KEY, 0xC, Vec::new());
    let key = known(client, &VALUE, 0xC, Vec::new());
    let failure = ResultReason::CRYPTOGRAPHIC_FAILURE;
    let how = How {
        method: ENCRYPT_THEN_MAC,
        key: Some((&kek, KEY_WRAP)),
        mac: Some(&mac),
        hash: SHA_256,
        bare: false,
    };
    let first = How {
        method: MAC_THEN_ENCRYPT,
        key: Some((&kek, CBC)),
        ..how
    };
    let only = How {
        method: MAC_SIGN,
        key: None,
        ..how
    };
    for how in [how, first, only] {
        let got = wrapped(&how.get(client, &key).ok());
        let id = how.register(client, &got, Vec::new()).ok().id();
        assert_eq!(material(&unwrapped(client, &id).ok()), VALUE);
        assert_eq!(wrapped(&client.on(Operation::GET, &id).ok()), got);
        let changes: [&dyn Fn(&mut Wrapped); 4] = [
            &|got| got.mac.as_mut().unwrap()[31] ^= 0x80,
            &|got| got.mac.as_mut().unwrap().truncate(16),
            &|got| got.mac = None,
            &|got| *got.value.last_mut().unwrap() ^= 1,
        ];
        let mut forged: Vec<(How<'_>, Wrapped)> = changes
            .iter()
            .map(|change| {
                let mut changed = got.clone();
                change(&mut changed);
                (how, changed)
            })
            .collect();
        let swapped = How {
            mac: Some(&other),
            ..how
        };
        forged.push((swapped, got.clone()));
        for (how, forged) in forged {
            let answer = how.register(client, &forged, Vec::new());
            if how.method != MAC_THEN_ENCRYPT {
                answer.fails(failure);
                continue;
            }
            // Kept as it is; what it holds shows when it is opened, and then it is not shown.
            let id = answer.ok().id();
            let answer = unwrapped(client, &id);
            answer.fails(failure);
            assert!(!contains(&answer.payload, &VALUE));
        }
        let wrong = How {
            mac: Some(&unfit),
            ..how
        };
        wrong
            .get(client, &key)
            .fails(ResultReason::INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK);
    }
    keys_and_methods_fit(client, &how, &key);
}

fn keys_and_methods_fit(client: &mut Client, how: &How<'_>, key: &str) {
    let (kek, mac) = (how.key, how.mac);
    let field = ResultReason::INVALID_FIELD;
    let rows = [
        (ENCRYPT, kek, mac, field),
        (ENCRYPT, None, None, field),
        (MAC_SIGN, kek, mac, field),
        (MAC_SIGN, None, None, field),
        (ENCRYPT_THEN_MAC, kek, None, field),
        (MAC_THEN_ENCRYPT, None, mac, field),
        (TR_31, kek, None, ResultReason::FEATURE_NOT_SUPPORTED),
        (0x8000_0001, kek, None, ResultReason::FEATURE_NOT_SUPPORTED),
        // The initialisation vector would be outside of the MAC.
        (
            ENCRYPT_THEN_MAC,
            kek.map(|(kek, _)| (kek, CBC)),
            mac,
            ResultReason::UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS,
        ),
        (
            MAC_SIGN,
            None,
            Some("nobody"),
            ResultReason::WRAPPING_OBJECT_NOT_FOUND,
        ),
    ];
    for (method, key_information, mac, reason) in rows {
        let how = How {
            method,
            key: key_information,
            mac,
            hash: SHA_256,
            bare: true,
        };
        how.get(client, key).fails(reason);
    }
}

#[test]
fn what_a_closed_key_wrapped_is_not_read_here() {
    let server = Server::start(Setup::default());
    server.told(&["client", "add", "plain"]);
    let mut plain = server.client_named("plain");
    let client = &mut plain;
    let (kek, open) = (closed(client), known(client, &KEK, WRAPS, Vec::new()));
    server.told(&["key", "approve", &kek, "--yes"]);
    let sensitive = known(client, &VALUE, 0xC, vec![flag(tag::SENSITIVE, true)]);
    let how = |key| How {
        method: ENCRYPT,
        key: Some((key, KEY_WRAP)),
        mac: None,
        hash: SHA_256,
        bare: true,
    };
    let got = wrapped(&how(&kek).get(client, &sensitive).ok());
    let id = how(&kek).register(client, &got, Vec::new()).ok().id();
    // As it came, and under another approved key; in clear or under a key that he has: no.
    assert_eq!(wrapped(&client.on(Operation::GET, &id).ok()), got);
    how(&kek).get(client, &id).ok();
    unwrapped(client, &id).fails(ResultReason::SENSITIVE);
    how(&open)
        .get(client, &id)
        .fails(ResultReason::PERMISSION_DENIED);
    let mac = known(client, &MAC_KEY, MACS, Vec::new());
    let only = How {
        method: MAC_SIGN,
        key: None,
        mac: Some(&mac),
        hash: SHA_256,
        bare: true,
    };
    only.get(client, &id).fails(ResultReason::SENSITIVE);
    only.get(client, &sensitive).fails(ResultReason::SENSITIVE);
    // Nor in parts, nor joined from them.
    let mut split = vec![enumeration(tag::OBJECT_TYPE, 5)];
    split.extend(on(&id));
    split.extend([
        integer(tag::SPLIT_KEY_PARTS, 2),
        integer(tag::SPLIT_KEY_THRESHOLD, 2),
        enumeration(tag::SPLIT_KEY_METHOD, 1),
        Node::structure(tag::ATTRIBUTES, Vec::new()),
    ]);
    let parts = client.ask(Operation::CREATE_SPLIT_KEY, split).ok().ids();
    let mut join = vec![enumeration(tag::OBJECT_TYPE, 2)];
    for part in &parts {
        let get = client.on(Operation::GET, part);
        get.fails(ResultReason::SENSITIVE);
        join.extend(on(part));
    }
    let joined = client.ask(Operation::JOIN_SPLIT_KEY, join).ok().id();
    client
        .on(Operation::GET, &joined)
        .fails(ResultReason::SENSITIVE);
    // Nor in what is derived from it.
    let derivable = integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 0x200);
    let base = how(&kek).register(client, &got, vec![derivable]).ok().id();
    client.on(Operation::ACTIVATE, &base).ok();
    let derived = vec![
        enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, 3),
        integer(tag::CRYPTOGRAPHIC_LENGTH, 256),
    ];
    let mut derive = vec![enumeration(tag::OBJECT_TYPE, 2)];
    derive.extend(on(&base));
    derive.extend([
        enumeration(tag::DERIVATION_METHOD, 2),
        Node::structure(tag::DERIVATION_PARAMETERS, Vec::new()),
        Node::structure(tag::ATTRIBUTES, derived),
    ]);
    let derived = client.ask(Operation::DERIVE_KEY, derive).ok().id();
    client
        .on(Operation::GET, &derived)
        .fails(ResultReason::SENSITIVE);
    // Nor by importing it.
    let value = Node::bytes(tag::KEY_VALUE, got.value.clone());
    let mut payload = on("taken in");
    payload.extend([
        enumeration(tag::OBJECT_TYPE, 2),
        enumeration(tag::KEY_WRAP_TYPE, 1),
        Node::structure(tag::ATTRIBUTES, vec![flag(tag::SENSITIVE, false)]),
        block(vec![value, how(&kek).data(None, None)], 256),
    ]);
    client.ask(Operation::IMPORT, payload).ok();
    client
        .on(Operation::GET, "taken in")
        .fails(ResultReason::SENSITIVE);
    // What a key that anybody may read wrapped is no secret of the server's.
    let foreign = Wrapped {
        value: wrapped_by(&KEK, &VALUE),
        mac: None,
        iv: None,
    };
    let id = how(&open).register(client, &foreign, Vec::new()).ok().id();
    assert_eq!(material(&unwrapped(client, &id).ok()), VALUE);
}

/// An active pair of RSA-2048 or P-256; the masks of its private and public key.
fn pair(client: &mut Client, algorithm: u32, bits: i32, masks: (i32, i32)) -> (String, String) {
    let common = vec![
        enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, algorithm),
        integer(tag::CRYPTOGRAPHIC_LENGTH, bits),
    ];
    let mask = |of, mask| {
        let mask = integer(tag::CRYPTOGRAPHIC_USAGE_MASK, mask);
        Node::structure(of, vec![mask])
    };
    let payload = vec![
        Node::structure(tag::COMMON_ATTRIBUTES, common),
        mask(tag::PRIVATE_KEY_ATTRIBUTES, masks.0),
        mask(tag::PUBLIC_KEY_ATTRIBUTES, masks.1),
    ];
    let made = client.ask(Operation::CREATE_KEY_PAIR, payload).ok();
    let id = |tag| match &made.payload.child(tag).unwrap().value {
        Value::TextString(id) => id.to_string(),
        other => panic!("{other:?}"),
    };
    let private = id(tag::PRIVATE_KEY_UNIQUE_IDENTIFIER);
    let public = id(tag::PUBLIC_KEY_UNIQUE_IDENTIFIER);
    client.on(Operation::ACTIVATE, &private).ok();
    client.on(Operation::ACTIVATE, &public).ok();
    (private, public)
}

/// SubjectPublicKeyInfo of a public key.
fn public_key(client: &mut Client, id: &str) -> PKey<openssl::pkey::Public> {
    let mut payload = on(id);
    payload.push(enumeration(tag::KEY_FORMAT_TYPE, 5));
    let answer = client.ask(Operation::GET, payload).ok();
    let key = answer.payload.child(tag::PUBLIC_KEY).unwrap();
    let value = key.child(tag::KEY_BLOCK).unwrap().child(tag::KEY_VALUE);
    let der = bytes(value.unwrap().child(tag::KEY_MATERIAL)).unwrap();
    PKey::public_key_from_der(&der).unwrap()
}

#[test]
fn a_signature_vouches_for_a_wrapped_key() {
    let server = Server::start(Setup::default());
    let client = &mut server.client();
    let kek = known(client, &KEK, WRAPS, Vec::new());
    let key = known(client, &VALUE, 0xC, Vec::new());
    // RSA 4, EC 0x1A; Sign 1, Verify 2.
    for (algorithm, bits) in [(4, 2048), (0x1A, 256)] {
        let (private, public) = pair(client, algorithm, bits, (1, 2));
        let (_, stranger) = pair(client, algorithm, bits, (1, 2));
        let verifying = public_key(client, &public);
        // The private key is named, or its public key.
        for signer in [&private, &public] {
            let how = How {
                method: ENCRYPT_THEN_MAC,
                key: Some((&kek, KEY_WRAP)),
                mac: Some(signer),
                hash: SHA_256,
                bare: true,
            };
            let got = wrapped(&how.get(client, &key).ok());
            let mut verifier = Verifier::new(MessageDigest::sha256(), &verifying).unwrap();
            verifier.update(&wrapped_by(&KEK, &VALUE)).unwrap();
            assert!(verifier.verify(got.mac.as_ref().unwrap()).unwrap());
            let id = how.register(client, &got, Vec::new()).ok().id();
            assert_eq!(material(&unwrapped(client, &id).ok()), VALUE);
            let failure = ResultReason::CRYPTOGRAPHIC_FAILURE;
            let mut forged = got.clone();
            forged.value[20] ^= 1;
            how.register(client, &forged, Vec::new()).fails(failure);
            let other = How {
                mac: Some(&stranger),
                ..how
            };
            other.register(client, &got, Vec::new()).fails(failure);
        }
        // A key that signs does not wrap, nor the reverse.
        let unfit = How {
            method: ENCRYPT,
            key: Some((&public, 0)),
            mac: None,
            hash: SHA_256,
            bare: true,
        };
        unfit
            .get(client, &key)
            .fails(ResultReason::INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK);
    }
}

#[test]
fn a_public_key_wraps_and_its_private_key_unwraps() {
    let server = Server::start(Setup::default());
    let client = &mut server.client();
    let key = known(client, &VALUE, 0xC, Vec::new());
    let (private, public) = pair(client, 4, 2048, (0x20, 0x10));
    let how = How {
        method: ENCRYPT,
        key: Some((&public, 0)),
        mac: None,
        hash: SHA_256,
        bare: false,
    };
    let got = wrapped(&how.get(client, &key).ok());
    assert_eq!(got.value.len(), 256);
    let id = how.register(client, &got, Vec::new()).ok().id();
    assert_eq!(material(&unwrapped(client, &id).ok()), VALUE);
    let by_private = How {
        key: Some((&private, 0)),
        ..how
    };
    let id = by_private.register(client, &got, Vec::new()).ok().id();
    assert_eq!(material(&unwrapped(client, &id).ok()), VALUE);
    let mut forged = got.clone();
    forged.value[7] ^= 1;
    let id = how.register(client, &forged, Vec::new()).ok().id();
    unwrapped(client, &id).fails(ResultReason::CRYPTOGRAPHIC_FAILURE);
}

#[test]
fn cmac_and_gcm_serve_as_well() {
    let server = Server::start(Setup::default());
    let client = &mut server.client();
    let kek = known(client, &KEK, WRAPS, Vec::new());
    let key = known(client, &VALUE, 0xC, Vec::new());
    // CMAC is a Block Cipher Mode (7), given by the key's own parameters.
    let parameters = Node::structure(
        tag::CRYPTOGRAPHIC_PARAMETERS,
        vec![enumeration(tag::BLOCK_CIPHER_MODE, 7)],
    );
    let mac = known(client, &MAC_KEY, MACS, vec![parameters]);
    let how = How {
        method: ENCRYPT_THEN_MAC,
        key: Some((&kek, 9)),
        mac: Some(&mac),
        hash: 0,
        bare: false,
    };
    let got = wrapped(&how.get(client, &key).ok());
    let signing = PKey::cmac(&Cipher::aes_256_cbc(), &MAC_KEY).unwrap();
    let mut signer = Signer::new_without_digest(&signing).unwrap();
    assert_eq!(
        got.mac.as_ref().unwrap(),
        &signer.sign_oneshot_to_vec(&got.value).unwrap()
    );
    let id = how.register(client, &got, Vec::new()).ok().id();
    assert_eq!(material(&unwrapped(client, &id).ok()), VALUE);
    // GCM's vector stands outside of the MAC, but not of its tag.
    let mut forged = got.clone();
    forged.iv.as_mut().unwrap()[0] ^= 1;
    let id = how.register(client, &forged, Vec::new()).ok().id();
    unwrapped(client, &id).fails(ResultReason::CRYPTOGRAPHIC_FAILURE);
}

/// The mark of an approved wrapping key is the server's: nobody brings it.
#[test]
fn nobody_approves_his_own_wrapping_key() {
    let server = Server::start(Setup::default());
    server.told(&["client", "add", "plain"]);
    let mut plain = server.client_named("plain");
    let client = &mut plain;
    let mark = || vendor("y", "keyward-approved-wrapping-key", Value::Boolean(true));
    let sensitive = known(client, &VALUE, 0xC, vec![flag(tag::SENSITIVE, true)]);
    let key_value = || {
        Node::structure(
            tag::KEY_VALUE,
            vec![
                Node::bytes(tag::KEY_MATERIAL, KEK.to_vec()),
                Node::structure(tag::ATTRIBUTES, vec![mark()]),
            ],
        )
    };
    let attributes = || vec![integer(tag::CRYPTOGRAPHIC_USAGE_MASK, WRAPS)];
    let inside = registering(block(vec![key_value()], 256), attributes());
    let inside = client.ask(Operation::REGISTER, inside).ok().id();
    let beside = [attributes(), vec![mark()]].concat();
    let payload = registering(block(vec![key_value()], 256), beside.clone());
    client
        .ask(Operation::REGISTER, payload)
        .fails(ResultReason::ATTRIBUTE_READ_ONLY);
    let mut import = on("imported");
    import.extend([
        enumeration(tag::OBJECT_TYPE, 2),
        Node::structure(tag::ATTRIBUTES, beside),
        block(vec![key_value()], 256),
    ]);
    client.ask(Operation::IMPORT, import).ok();
    // Nor does an administrator approve a key whose bytes somebody has.
    let generator = vec![enumeration(tag::RNG_ALGORITHM, 1)];
    let lies = vec![
        flag(tag::EXTRACTABLE, false),
        Node::structure(tag::RANDOM_NUMBER_GENERATOR, generator),
    ];
    let claimed = known(client, &KEK, WRAPS, lies);
    let approved = server.cli(&["key", "approve", &claimed, "--yes"]);
    assert!(!approved.status.success(), "a key from outside is approved");
    for key in [inside.as_str(), "imported"] {
        client.on(Operation::ACTIVATE, key).ok();
        let how = How {
            method: ENCRYPT,
            key: Some((key, KEY_WRAP)),
            mac: None,
            hash: SHA_256,
            bare: true,
        };
        how.get(client, &sensitive)
            .fails(ResultReason::PERMISSION_DENIED);
    }
}
