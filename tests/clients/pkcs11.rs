//! A client that uses the server as its Cryptoki (KMIP 2.1 §6.1.37): a whole session, function by
//! function, beside the KMIP operations that do the same.

use keyward::protocol::enumeration::{
    BlockCipherMode, CryptographicAlgorithm, HashingAlgorithm, ObjectType, Operation,
    PaddingMethod, Pkcs11Function as F, Pkcs11ReturnCode as Code, RecommendedCurve, ResultReason,
    ResultStatus, ValidityIndicator,
};
use keyward::protocol::tag;
use token::raw::*;
use ttlv::{Node, Value};

use crate::message::*;
use crate::server;
use crate::sessions::{delegated, operations, ticket_of, with};

/// Input Parameters as a client writes them.
#[derive(Clone, Default)]
struct Input(Vec<u8>);

impl Input {
    fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    fn long(mut self, long: u64) -> Self {
        self.0.extend(long.to_be_bytes());
        self
    }

    fn count(mut self, count: usize) -> Self {
        self.0.extend(u32::try_from(count).unwrap().to_be_bytes());
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn bytes(self, bytes: &[u8]) -> Self {
        self.count(bytes.len()).raw(bytes)
    }

    /// Room for a result; None asks for its length.
    fn room(self, length: Option<usize>) -> Self {
        self.byte(u8::from(length.is_some()))
            .count(length.unwrap_or(0))
    }

    fn mechanism(self, number: u64, parameter: Option<&[u8]>) -> Self {
        let out = self.long(number).byte(u8::from(parameter.is_some()));
        match parameter {
            Some(parameter) => out.bytes(parameter),
            None => out,
        }
    }

    /// An attribute with a value that has a count.
    fn text_attribute(self, kind: u64, value: &[u8]) -> Self {
        self.long(kind).byte(1).byte(1).bytes(value)
    }

    fn long_attribute(self, kind: u64, value: u64) -> Self {
        self.long(kind).byte(1).byte(1).long(value)
    }
}

fn session(handle: u64) -> Input {
    Input::default().long(handle)
}

fn number_of(out: &[u8]) -> u64 {
    u64::from_be_bytes(out.try_into().expect("eight bytes"))
}

/// The bytes of a filled buffer.
fn result(out: &[u8]) -> Vec<u8> {
    assert_eq!(out[0], 1, "a value");
    let length = u32::from_be_bytes(out[1..5].try_into().unwrap()) as usize;
    assert_eq!(out.len(), 5 + length);
    out[5..].to_vec()
}

/// A length that is announced.
fn length(out: &[u8]) -> usize {
    assert_eq!((out[0], out.len()), (0, 5), "no value");
    u32::from_be_bytes(out[1..5].try_into().unwrap()) as usize
}

/// The client's library.
struct Cryptoki {
    client: server::Client,
    value: Vec<u8>,
}

fn payload(function: Node<'static>, value: &[u8], input: &[u8]) -> Vec<Item> {
    let mut payload = vec![function];
    if !value.is_empty() {
        payload.push(bytes(tag::CORRELATION_VALUE, value));
    }
    if !input.is_empty() {
        payload.push(bytes(tag::PKCS_11_INPUT_PARAMETERS, input));
    }
    payload
}

impl Cryptoki {
    fn open() -> (Cryptoki, u64) {
        Cryptoki::open_with(server::shared().connect())
    }

    fn open_with(client: server::Client) -> (Cryptoki, u64) {
        let mut cryptoki = Cryptoki {
            client,
            value: Vec::new(),
        };
        let answer = cryptoki.ask(F::INITIALIZE, Input::default().byte(1)).ok();
        cryptoki.value = byte_string(path(&answer, &[tag::CORRELATION_VALUE]));
        assert_eq!(cryptoki.value.len(), 16);
        let flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
        let input = Input::default().long(1).long(flags);
        let opened = number_of(&cryptoki.does(F::OPEN_SESSION, input));
        (cryptoki, opened)
    }

    fn ask(&mut self, function: F, input: Input) -> Answer {
        let function = number(tag::PKCS_11_FUNCTION, function.0);
        let payload = payload(function, &self.value, &input.0);
        self.client.ask(V2_1, Operation::PKCS_11, payload)
    }

    fn call(&mut self, function: F, input: Input) -> (Code, Vec<u8>) {
        let answer = self.ask(function, input).ok();
        let echoed = enumeration(path(&answer, &[tag::PKCS_11_FUNCTION]));
        assert_eq!(echoed, function.0, "the function is echoed");
        let code = Code(enumeration(path(&answer, &[tag::PKCS_11_RETURN_CODE])));
        let out = answer.child(tag::PKCS_11_OUTPUT_PARAMETERS);
        (code, out.map(byte_string).unwrap_or_default())
    }

    fn does(&mut self, function: F, input: Input) -> Vec<u8> {
        let (code, out) = self.call(function, input);
        assert_eq!(code, Code::OK, "{function:?}");
        out
    }

    fn refuses(&mut self, function: F, input: Input, code: Code) {
        assert_eq!(self.call(function, input).0, code, "{function:?}");
    }

    /// Handles of the objects that match a template.
    fn find(&mut self, handle: u64, count: usize, template: Input) -> Vec<u64> {
        let input = session(handle).count(count).raw(&template.0);
        self.does(F::FIND_OBJECTS_INIT, input);
        let out = self.does(F::FIND_OBJECTS, session(handle).count(100));
        self.does(F::FIND_OBJECTS_FINAL, session(handle));
        let count = u32::from_be_bytes(out[..4].try_into().unwrap()) as usize;
        let found: Vec<u64> = out[4..].chunks(8).map(number_of).collect();
        assert_eq!(found.len(), count);
        found
    }

    fn find_one(&mut self, handle: u64, label: &str, class: u64) -> u64 {
        let template = Input::default()
            .text_attribute(CKA_LABEL, label.as_bytes())
            .long_attribute(CKA_CLASS, class);
        let found = self.find(handle, 2, template);
        assert_eq!(found.len(), 1, "{label}");
        found[0]
    }
}

/// An active symmetric key of this name.
fn symmetric(
    client: &mut server::Client,
    label: &str,
    algorithm: CryptographicAlgorithm,
    mask: i32,
) -> String {
    let attributes = vec![
        Node::new(tag::NAME, name_value(label)),
        number(tag::CRYPTOGRAPHIC_ALGORITHM, algorithm.0),
        integer(tag::CRYPTOGRAPHIC_LENGTH, 256),
        integer(tag::CRYPTOGRAPHIC_USAGE_MASK, mask),
        date(tag::ACTIVATION_DATE, 1),
    ];
    let payload = vec![
        number(tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY.0),
        structure(tag::ATTRIBUTES, attributes),
    ];
    let made = client.ask(V2_1, Operation::CREATE, payload).ok();
    text_string(path(&made, &[tag::UNIQUE_IDENTIFIER]))
}

/// An active pair: private and public key of names that end in `-private` and `-public`.
fn pair(
    client: &mut server::Client,
    label: &str,
    algorithm: CryptographicAlgorithm,
    (bits, curve): (Option<i32>, Option<RecommendedCurve>),
    (private, public): (i32, i32),
) -> (String, String) {
    let mut common = vec![
        number(tag::CRYPTOGRAPHIC_ALGORITHM, algorithm.0),
        date(tag::ACTIVATION_DATE, 1),
    ];
    common.extend(bits.map(|bits| integer(tag::CRYPTOGRAPHIC_LENGTH, bits)));
    common.extend(curve.map(|curve| {
        let curve = number(tag::RECOMMENDED_CURVE, curve.0);
        structure(tag::CRYPTOGRAPHIC_DOMAIN_PARAMETERS, vec![curve])
    }));
    let half = |tag, end: &str, mask| {
        let name = Node::new(tag::NAME, name_value(&format!("{label}-{end}")));
        structure(
            tag,
            vec![name, integer(tag::CRYPTOGRAPHIC_USAGE_MASK, mask)],
        )
    };
    let payload = vec![
        structure(tag::COMMON_ATTRIBUTES, common),
        half(tag::PRIVATE_KEY_ATTRIBUTES, "private", private),
        half(tag::PUBLIC_KEY_ATTRIBUTES, "public", public),
    ];
    let made = client.ask(V2_1, Operation::CREATE_KEY_PAIR, payload).ok();
    let id = |tag| text_string(path(&made, &[tag]));
    (
        id(tag::PRIVATE_KEY_UNIQUE_IDENTIFIER),
        id(tag::PUBLIC_KEY_UNIQUE_IDENTIFIER),
    )
}

const ENCRYPTS: i32 = 4 | 8;
const MACS: i32 = 0x80 | 0x100;

/// The vector is a mechanism's parameter, so a profile that joins it to the data changes nothing.
#[test]
fn what_a_client_profile_does_to_encrypt_is_not_done_to_cryptoki() {
    let server = server::shared();
    let edb = server.identity(&unique("edb"), &["--profile", "edb"]);
    let (mut cryptoki, handle) = Cryptoki::open_with(server.connect_with(&edb));
    let label = unique("pkcs11-edb");
    let algorithm = CryptographicAlgorithm::AES;
    symmetric(&mut cryptoki.client, &label, algorithm, ENCRYPTS);
    let key = cryptoki.find_one(handle, &label, CKO_SECRET_KEY);
    let init = session(handle)
        .mechanism(CKM_AES_CBC_PAD, Some(&[3; 16]))
        .long(key);
    cryptoki.does(F::ENCRYPT_INIT, init.clone());
    let input = session(handle).bytes(b"twenty-two bytes here!");
    let sealed = result(&cryptoki.does(F::ENCRYPT, input.room(Some(64))));
    assert_eq!(sealed.len(), 32);
    cryptoki.does(F::DECRYPT_INIT, init.clone());
    let input = session(handle).bytes(&sealed).room(Some(64));
    let opened = result(&cryptoki.does(F::DECRYPT, input));
    assert_eq!(opened, b"twenty-two bytes here!");
    cryptoki.does(F::DECRYPT_INIT, init);
    let mut opened = Vec::new();
    for part in sealed.chunks(16) {
        let input = session(handle).bytes(part).room(Some(64));
        opened.extend(result(&cryptoki.does(F::DECRYPT_UPDATE, input)));
    }
    let last = session(handle).room(Some(64));
    opened.extend(result(&cryptoki.does(F::DECRYPT_FINAL, last)));
    assert_eq!(opened, b"twenty-two bytes here!");
}

#[test]
fn a_key_found_by_its_label_encrypts_as_kmip_does() {
    let (mut cryptoki, handle) = Cryptoki::open();
    let label = unique("pkcs11-aes");
    let id = symmetric(
        &mut cryptoki.client,
        &label,
        CryptographicAlgorithm::AES,
        ENCRYPTS,
    );
    let key = cryptoki.find_one(handle, &label, CKO_SECRET_KEY);
    let (iv, data) = ([3; 16], b"twenty-two bytes here!");
    let init = session(handle)
        .mechanism(CKM_AES_CBC_PAD, Some(&iv))
        .long(key);
    cryptoki.does(F::ENCRYPT_INIT, init.clone());
    cryptoki.refuses(F::ENCRYPT_INIT, init.clone(), Code::OPERATION_ACTIVE);
    let input = |room| session(handle).bytes(data).room(room);
    assert_eq!(length(&cryptoki.does(F::ENCRYPT, input(None))), 32);
    let (code, out) = cryptoki.call(F::ENCRYPT, input(Some(31)));
    assert_eq!((code, length(&out)), (Code::BUFFER_TOO_SMALL, 32));
    let sealed = result(&cryptoki.does(F::ENCRYPT, input(Some(32))));
    cryptoki.refuses(F::ENCRYPT, input(Some(32)), Code::OPERATION_NOT_INITIALIZED);

    let parameters = structure(
        tag::CRYPTOGRAPHIC_PARAMETERS,
        vec![
            number(tag::BLOCK_CIPHER_MODE, BlockCipherMode::CBC.0),
            number(tag::PADDING_METHOD, PaddingMethod::PKCS5.0),
        ],
    );
    let same = vec![
        uid(&id),
        parameters,
        bytes(tag::DATA, data),
        bytes(tag::IV_COUNTER_NONCE, &iv),
    ];
    let answer = cryptoki.client.ask(V2_1, Operation::ENCRYPT, same).ok();
    assert_eq!(byte_string(path(&answer, &[tag::DATA])), sealed);

    // In parts, and back.
    cryptoki.does(F::ENCRYPT_INIT, init.clone());
    let mut parts = Vec::new();
    for part in data.chunks(9) {
        let input = session(handle).bytes(part).room(Some(64));
        parts.extend(result(&cryptoki.does(F::ENCRYPT_UPDATE, input)));
    }
    cryptoki.refuses(F::ENCRYPT, input(Some(64)), Code::OPERATION_ACTIVE);
    let input = session(handle).room(Some(64));
    parts.extend(result(&cryptoki.does(F::ENCRYPT_FINAL, input)));
    assert_eq!(parts, sealed);
    cryptoki.does(F::DECRYPT_INIT, init.clone());
    let input = |room| session(handle).bytes(&sealed).room(room);
    let (code, out) = cryptoki.call(F::DECRYPT, input(Some(21)));
    assert_eq!((code, length(&out)), (Code::BUFFER_TOO_SMALL, 22));
    assert_eq!(result(&cryptoki.does(F::DECRYPT, input(Some(22)))), data);
    cryptoki.does(F::DECRYPT_INIT, init.clone());
    let mut clear = Vec::new();
    for part in sealed.chunks(7) {
        let input = session(handle).bytes(part).room(Some(64));
        clear.extend(result(&cryptoki.does(F::DECRYPT_UPDATE, input)));
    }
    let input = session(handle).room(Some(64));
    clear.extend(result(&cryptoki.does(F::DECRYPT_FINAL, input)));
    assert_eq!(clear, data);
    // What does not decrypt ends the operation.
    cryptoki.does(F::DECRYPT_INIT, init);
    let input = session(handle).bytes(&sealed[..31]).room(Some(64));
    cryptoki.refuses(F::DECRYPT, input.clone(), Code::ENCRYPTED_DATA_INVALID);
    cryptoki.refuses(F::DECRYPT, input, Code::OPERATION_NOT_INITIALIZED);
}

#[test]
fn gcm_ends_with_its_tag() {
    let (mut cryptoki, handle) = Cryptoki::open();
    let label = unique("pkcs11-gcm");
    symmetric(
        &mut cryptoki.client,
        &label,
        CryptographicAlgorithm::AES,
        ENCRYPTS,
    );
    let key = cryptoki.find_one(handle, &label, CKO_SECRET_KEY);
    let parameters = Input::default()
        .bytes(&[9; 12])
        .long(96)
        .bytes(b"header")
        .long(128);
    let init = session(handle)
        .mechanism(CKM_AES_GCM, Some(&parameters.0))
        .long(key);
    cryptoki.does(F::ENCRYPT_INIT, init.clone());
    let input = session(handle).bytes(b"data").room(Some(20));
    let sealed = result(&cryptoki.does(F::ENCRYPT, input));
    assert_eq!(sealed.len(), 20);
    cryptoki.does(F::DECRYPT_INIT, init.clone());
    let input = session(handle).bytes(&sealed).room(Some(4));
    assert_eq!(result(&cryptoki.does(F::DECRYPT, input)), b"data");
    let mut wrong = sealed;
    wrong[19] ^= 1;
    cryptoki.does(F::DECRYPT_INIT, init);
    let input = session(handle).bytes(&wrong).room(Some(4));
    cryptoki.refuses(F::DECRYPT, input, Code::ENCRYPTED_DATA_INVALID);
}

#[test]
fn what_is_signed_is_verified_here_and_by_kmip() {
    let (mut cryptoki, handle) = Cryptoki::open();
    let message = b"what is to be signed";
    let cases = [
        (
            CryptographicAlgorithm::EC,
            Some(256),
            Some(RecommendedCurve::P_256),
            CKM_ECDSA_SHA256,
            64,
        ),
        (
            CryptographicAlgorithm::RSA,
            Some(2048),
            None,
            CKM_SHA256_RSA_PKCS,
            256,
        ),
    ];
    for (algorithm, bits, curve, mechanism, size) in cases {
        let label = unique("pkcs11-pair");
        let (_, public) = pair(
            &mut cryptoki.client,
            &label,
            algorithm,
            (bits, curve),
            (1, 2),
        );
        let private_key = cryptoki.find_one(handle, &format!("{label}-private"), CKO_PRIVATE_KEY);
        let public_key = cryptoki.find_one(handle, &format!("{label}-public"), CKO_PUBLIC_KEY);
        let init = |key| session(handle).mechanism(mechanism, None).long(key);
        cryptoki.refuses(
            F::SIGN_INIT,
            init(public_key),
            Code::KEY_FUNCTION_NOT_PERMITTED,
        );
        cryptoki.does(F::SIGN_INIT, init(private_key));
        let input = session(handle).bytes(message);
        assert_eq!(
            length(&cryptoki.does(F::SIGN, input.clone().room(None))),
            size
        );
        let signature = result(&cryptoki.does(F::SIGN, input.room(Some(size))));
        assert_eq!(signature.len(), size);
        cryptoki.does(F::VERIFY_INIT, init(public_key));
        let input = session(handle).bytes(message).bytes(&signature);
        cryptoki.does(F::VERIFY, input);
        // In parts.
        cryptoki.does(F::SIGN_INIT, init(private_key));
        for part in message.chunks(7) {
            cryptoki.does(F::SIGN_UPDATE, session(handle).bytes(part));
        }
        let input = session(handle).room(Some(size));
        let made = result(&cryptoki.does(F::SIGN_FINAL, input));
        cryptoki.does(F::VERIFY_INIT, init(public_key));
        cryptoki.does(F::VERIFY_UPDATE, session(handle).bytes(message));
        cryptoki.does(F::VERIFY_FINAL, session(handle).bytes(&made));
        let mut wrong = made.clone();
        wrong[size / 2] ^= 1;
        for (bad, code) in [
            (&wrong[..], Code::SIGNATURE_INVALID),
            (&made[1..], Code::SIGNATURE_LEN_RANGE),
        ] {
            cryptoki.does(F::VERIFY_INIT, init(public_key));
            let input = session(handle).bytes(message).bytes(bad);
            cryptoki.refuses(F::VERIFY, input, code);
        }
        if algorithm == CryptographicAlgorithm::RSA {
            let payload = vec![
                uid(&public),
                structure(
                    tag::CRYPTOGRAPHIC_PARAMETERS,
                    vec![
                        number(tag::PADDING_METHOD, PaddingMethod::PKCS1_V1_5.0),
                        number(tag::HASHING_ALGORITHM, HashingAlgorithm::SHA_256.0),
                    ],
                ),
                bytes(tag::DATA, message),
                bytes(tag::SIGNATURE_DATA, &signature),
            ];
            let answer = cryptoki
                .client
                .ask(V2_1, Operation::SIGNATURE_VERIFY, payload)
                .ok();
            let valid = enumeration(path(&answer, &[tag::VALIDITY_INDICATOR]));
            assert_eq!(ValidityIndicator(valid), ValidityIndicator::VALID);
        }
    }
}

#[test]
fn a_digest_that_the_client_made_is_signed() {
    let (mut cryptoki, handle) = Cryptoki::open();
    let digest_init = session(handle).mechanism(CKM_SHA256, None);
    cryptoki.does(F::DIGEST_INIT, digest_init.clone());
    let input = session(handle).bytes(b"abc").room(Some(32));
    let digest = result(&cryptoki.does(F::DIGEST, input));
    assert_eq!(digest[..4], [0xba, 0x78, 0x16, 0xbf], "FIPS 180-4");
    cryptoki.does(F::DIGEST_INIT, digest_init);
    cryptoki.does(F::DIGEST_UPDATE, session(handle).bytes(b"a"));
    cryptoki.does(F::DIGEST_UPDATE, session(handle).bytes(b"bc"));
    let input = session(handle).room(Some(32));
    assert_eq!(result(&cryptoki.does(F::DIGEST_FINAL, input)), digest);

    let label = unique("pkcs11-digests");
    let rsa = (Some(2048), None);
    pair(
        &mut cryptoki.client,
        &label,
        CryptographicAlgorithm::RSA,
        rsa,
        (1, 2),
    );
    let private = cryptoki.find_one(handle, &format!("{label}-private"), CKO_PRIVATE_KEY);
    let public = cryptoki.find_one(handle, &format!("{label}-public"), CKO_PUBLIC_KEY);
    // DigestInfo for SHA-256 (RFC 8017 §9.2, note 1).
    let mut info = vec![
        0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
        0x05, 0x00, 0x04, 0x20,
    ];
    info.extend(&digest);
    let raw = |key| session(handle).mechanism(CKM_RSA_PKCS, None).long(key);
    cryptoki.does(F::SIGN_INIT, raw(private));
    let input = session(handle).bytes(&info).room(Some(256));
    let signature = result(&cryptoki.does(F::SIGN, input));
    let hashed = session(handle)
        .mechanism(CKM_SHA256_RSA_PKCS, None)
        .long(public);
    cryptoki.does(F::VERIFY_INIT, hashed);
    let input = session(handle).bytes(b"abc").bytes(&signature);
    cryptoki.does(F::VERIFY, input);
    cryptoki.does(F::SIGN_INIT, raw(private));
    let input = session(handle).bytes(&digest).room(Some(256));
    cryptoki.refuses(F::SIGN, input, Code::DATA_INVALID);

    let pss = Input::default()
        .long(CKM_SHA256)
        .long(CKG_MGF1_SHA256)
        .long(32);
    let init = |number, key| session(handle).mechanism(number, Some(&pss.0)).long(key);
    cryptoki.does(F::SIGN_INIT, init(CKM_RSA_PKCS_PSS, private));
    cryptoki.does(F::SIGN_UPDATE, session(handle).bytes(&digest));
    let input = session(handle).room(Some(256));
    let signature = result(&cryptoki.does(F::SIGN_FINAL, input));
    cryptoki.does(F::VERIFY_INIT, init(CKM_SHA256_RSA_PKCS_PSS, public));
    let input = session(handle).bytes(b"abc").bytes(&signature);
    cryptoki.does(F::VERIFY, input);
}

#[test]
fn macs_and_rsa_encryption() {
    let (mut cryptoki, handle) = Cryptoki::open();
    let label = unique("pkcs11-mac");
    let algorithm = CryptographicAlgorithm::HMAC_SHA256;
    symmetric(&mut cryptoki.client, &label, algorithm, MACS);
    let key = cryptoki.find_one(handle, &label, CKO_SECRET_KEY);
    let init = session(handle).mechanism(CKM_SHA256_HMAC, None).long(key);
    cryptoki.does(F::SIGN_INIT, init.clone());
    let input = session(handle).bytes(b"data").room(Some(32));
    let mac = result(&cryptoki.does(F::SIGN, input));
    cryptoki.does(F::VERIFY_INIT, init.clone());
    cryptoki.does(F::VERIFY, session(handle).bytes(b"data").bytes(&mac));
    cryptoki.does(F::VERIFY_INIT, init);
    let input = session(handle).bytes(b"date").bytes(&mac);
    cryptoki.refuses(F::VERIFY, input, Code::SIGNATURE_INVALID);
    let cbc = session(handle)
        .mechanism(CKM_AES_CBC, Some(&[0; 16]))
        .long(key);
    cryptoki.refuses(F::ENCRYPT_INIT, cbc, Code::KEY_FUNCTION_NOT_PERMITTED);

    let label = unique("pkcs11-oaep");
    let rsa = (Some(2048), None);
    pair(
        &mut cryptoki.client,
        &label,
        CryptographicAlgorithm::RSA,
        rsa,
        (8, 4),
    );
    let private = cryptoki.find_one(handle, &format!("{label}-private"), CKO_PRIVATE_KEY);
    let public = cryptoki.find_one(handle, &format!("{label}-public"), CKO_PUBLIC_KEY);
    let oaep = Input::default()
        .long(CKM_SHA256)
        .long(CKG_MGF1_SHA256)
        .long(CKZ_DATA_SPECIFIED)
        .bytes(b"");
    let init = |key| {
        session(handle)
            .mechanism(CKM_RSA_PKCS_OAEP, Some(&oaep.0))
            .long(key)
    };
    cryptoki.does(F::ENCRYPT_INIT, init(public));
    let input = session(handle).bytes(b"a secret").room(Some(256));
    let sealed = result(&cryptoki.does(F::ENCRYPT, input));
    cryptoki.does(F::DECRYPT_INIT, init(private));
    let input = session(handle).bytes(&sealed).room(Some(8));
    assert_eq!(result(&cryptoki.does(F::DECRYPT, input)), b"a secret");
}

#[test]
fn attributes_are_told_and_values_are_not() {
    let (mut cryptoki, handle) = Cryptoki::open();
    let label = unique("pkcs11-attributes");
    let id = symmetric(
        &mut cryptoki.client,
        &label,
        CryptographicAlgorithm::AES,
        ENCRYPTS,
    );
    let key = cryptoki.find_one(handle, &label, CKO_SECRET_KEY);
    let ask = |kinds: &[(u64, &[u8])]| {
        let begin = session(handle).long(key).count(kinds.len());
        kinds.iter().fold(begin, |input, (kind, room)| {
            input.long(*kind).byte(0).raw(room)
        })
    };
    let told = cryptoki.does(
        F::GET_ATTRIBUTE_VALUE,
        ask(&[
            (CKA_KEY_TYPE, &[1]),
            (CKA_ENCRYPT, &[1]),
            (CKA_LABEL, &[1, 0, 0, 0, 99]),
            (CKA_ID, &[0]),
        ]),
    );
    let expected = Input::default()
        .count(4)
        .long_attribute(CKA_KEY_TYPE, CKK_AES)
        .long(CKA_ENCRYPT)
        .raw(&[1, 1, 1])
        .text_attribute(CKA_LABEL, label.as_bytes())
        .long(CKA_ID)
        .raw(&[0, 1])
        .count(id.len());
    assert_eq!(told, expected.0);
    for (kind, room, code) in [
        (CKA_VALUE, &[1, 0, 0, 0, 99][..], Code::ATTRIBUTE_SENSITIVE),
        (CKA_MODULUS, &[1, 0, 0, 0, 99], Code::ATTRIBUTE_TYPE_INVALID),
        (CKA_LABEL, &[1, 0, 0, 0, 1], Code::BUFFER_TOO_SMALL),
    ] {
        let (refused, out) = cryptoki.call(F::GET_ATTRIBUTE_VALUE, ask(&[(kind, room)]));
        assert_eq!(refused, code);
        let nothing = Input::default().count(1).long(kind).raw(&[0, 0]);
        assert_eq!(out, nothing.0, "{kind:#x}");
    }
    // Found by other attributes; not found by wrong ones.
    let by = |input: Input| input.text_attribute(CKA_ID, id.as_bytes());
    assert_eq!(cryptoki.find(handle, 1, by(Input::default())), [key]);
    let right = by(Input::default()).long_attribute(CKA_VALUE_LEN, 32);
    assert_eq!(cryptoki.find(handle, 2, right), [key]);
    let wrong = by(Input::default()).long_attribute(CKA_VALUE_LEN, 16);
    assert_eq!(cryptoki.find(handle, 2, wrong), [0; 0]);
    let (private, _) = pair(
        &mut cryptoki.client,
        &label,
        CryptographicAlgorithm::RSA,
        (Some(2048), None),
        (1, 2),
    );
    let halves = Input::default().text_attribute(CKA_ID, private.as_bytes());
    assert_eq!(
        cryptoki.find(handle, 1, halves).len(),
        2,
        "a pair shares its CKA_ID"
    );
    // Without a template all, but what PKCS#11 has no class for; at least what was made here.
    assert!(cryptoki.find(handle, 0, Input::default()).len() >= 3);
}

#[test]
fn slots_tokens_mechanisms_and_sessions() {
    let (mut cryptoki, handle) = Cryptoki::open();
    assert_eq!(cryptoki.does(F::GET_INFO, Input::default()).len(), 76);
    let slots = |room| Input::default().byte(1).room(room);
    assert_eq!(length(&cryptoki.does(F::GET_SLOT_LIST, slots(None))), 1);
    let listed = cryptoki.does(F::GET_SLOT_LIST, slots(Some(4)));
    assert_eq!(listed, Input::default().byte(1).count(1).long(1).0);
    let slot = || Input::default().long(1);
    assert_eq!(cryptoki.does(F::GET_SLOT_INFO, slot()).len(), 108);
    assert_eq!(cryptoki.does(F::GET_TOKEN_INFO, slot()).len(), 204);
    let other = Input::default().long(2);
    cryptoki.refuses(F::GET_TOKEN_INFO, other, Code::SLOT_ID_INVALID);
    let count = length(&cryptoki.does(F::GET_MECHANISM_LIST, slot().room(None)));
    let listed = cryptoki.does(F::GET_MECHANISM_LIST, slot().room(Some(count)));
    let mechanisms: Vec<u64> = listed[5..].chunks(8).map(number_of).collect();
    assert_eq!(mechanisms.len(), count);
    assert!(mechanisms.contains(&CKM_AES_GCM) && mechanisms.contains(&CKM_ECDSA_SHA256));
    let info = cryptoki.does(F::GET_MECHANISM_INFO, slot().long(CKM_AES_CBC));
    let expected = Input::default().long(16).long(32);
    assert_eq!(info, expected.long(CKF_ENCRYPT | CKF_DECRYPT).0);
    let none = slot().long(CKM_MD2);
    cryptoki.refuses(F::GET_MECHANISM_INFO, none, Code::MECHANISM_INVALID);
    let state = cryptoki.does(F::GET_SESSION_INFO, session(handle));
    let expected = Input::default().long(1).long(CKS_RW_USER_FUNCTIONS);
    assert_eq!(state, expected.long(6).long(0).0);
    let parallel = slot().long(0);
    cryptoki.refuses(
        F::OPEN_SESSION,
        parallel,
        Code::SESSION_PARALLEL_NOT_SUPPORTED,
    );
    let random = |length| session(handle).count(length);
    assert_eq!(cryptoki.does(F::GENERATE_RANDOM, random(20)).len(), 20);
    cryptoki.refuses(F::GENERATE_RANDOM, random(1 << 20), Code::ARGUMENTS_BAD);
    cryptoki.does(F::CLOSE_SESSION, session(handle));
    cryptoki.refuses(
        F::GET_SESSION_INFO,
        session(handle),
        Code::SESSION_HANDLE_INVALID,
    );
    let again = Input::default().byte(1);
    cryptoki.refuses(F::INITIALIZE, again, Code::CRYPTOKI_ALREADY_INITIALIZED);
    cryptoki.does(F::FINALIZE, Input::default());
    for function in [F::GET_INFO, F::FINALIZE] {
        cryptoki.refuses(function, Input::default(), Code::CRYPTOKI_NOT_INITIALIZED);
    }
    cryptoki.value.clear();
    cryptoki.refuses(
        F::GET_INFO,
        Input::default(),
        Code::CRYPTOKI_NOT_INITIALIZED,
    );
}

#[test]
fn what_the_server_never_does() {
    let (mut cryptoki, handle) = Cryptoki::open();
    for (function, code) in [
        (F::LOGIN, Code::USER_ALREADY_LOGGED_IN),
        (F::SET_PIN, Code::FUNCTION_NOT_SUPPORTED),
        (F::INIT_PIN, Code::FUNCTION_NOT_SUPPORTED),
        (F::INIT_TOKEN, Code::TOKEN_WRITE_PROTECTED),
        (F::WRAP_KEY, Code::FUNCTION_NOT_SUPPORTED),
        (F::UNWRAP_KEY, Code::FUNCTION_NOT_SUPPORTED),
        (F::DERIVE_KEY, Code::FUNCTION_NOT_SUPPORTED),
        (F::COPY_OBJECT, Code::FUNCTION_NOT_SUPPORTED),
        (F::CREATE_OBJECT, Code::FUNCTION_NOT_SUPPORTED),
        (F::SET_ATTRIBUTE_VALUE, Code::FUNCTION_NOT_SUPPORTED),
        (F::GET_OPERATION_STATE, Code::STATE_UNSAVEABLE),
        (F::SET_OPERATION_STATE, Code::FUNCTION_NOT_SUPPORTED),
        (F::SEED_RANDOM, Code::RANDOM_SEED_NOT_SUPPORTED),
        (F::GENERATE_KEY, Code::FUNCTION_NOT_SUPPORTED),
    ] {
        cryptoki.refuses(function, session(handle).bytes(b"anything"), code);
    }
    let mut ask = |function, interface: Option<&str>| {
        let mut payload = payload(function, &cryptoki.value, &[]);
        if let Some(interface) = interface {
            payload.insert(0, text(tag::PKCS_11_INTERFACE, interface));
        }
        cryptoki.client.ask(V2_1, Operation::PKCS_11, payload)
    };
    let info = || number(tag::PKCS_11_FUNCTION, F::GET_INFO.0);
    ask(info(), Some("PKCS 11")).ok();
    for (function, interface, reason) in [
        (
            info(),
            Some("Vendor"),
            ResultReason::PKCS_11_INVALID_INTERFACE,
        ),
        (
            number(tag::PKCS_11_FUNCTION, 0x1000),
            None,
            ResultReason::PKCS_11_INVALID_FUNCTION,
        ),
        (
            Node::new(tag::PKCS_11_FUNCTION, Value::Integer(7)),
            None,
            ResultReason::PKCS_11_INVALID_FUNCTION,
        ),
    ] {
        assert_eq!(ask(function, interface).fails(), reason);
    }
}

/// Every function, with input that is cut short, too long or of the wrong kind.
#[test]
fn malformed_input_is_refused_and_harms_nothing() {
    let (mut cryptoki, handle) = Cryptoki::open();
    let inputs = [
        Input::default().byte(7),
        session(handle).byte(2).raw(&[0xff; 40]),
        session(handle).raw(&[0xff; 4]),
        Input(vec![0xff; 300]),
        Input(vec![0; 300]),
    ];
    for number in 1..=0x5c {
        let function = F(number);
        if function == F::CLOSE_ALL_SESSIONS {
            continue;
        }
        for input in &inputs {
            let answer = cryptoki.ask(function, input.clone());
            if let Some(reason) = answer.reason {
                let reason = ResultReason(reason);
                assert_eq!(reason, ResultReason::PKCS_11_CODEC_ERROR, "{function:?}");
            } else {
                let code = enumeration(path(&answer.ok(), &[tag::PKCS_11_RETURN_CODE]));
                assert_ne!(Code(code), Code::OK, "{function:?}");
            }
        }
    }
    cryptoki.does(F::GET_SESSION_INFO, session(handle));
}

#[test]
fn sessions_are_bounded() {
    let (mut cryptoki, _) = Cryptoki::open();
    let open = || Input::default().long(1).long(CKF_SERIAL_SESSION);
    for _ in 1..64 {
        cryptoki.does(F::OPEN_SESSION, open());
    }
    cryptoki.refuses(F::OPEN_SESSION, open(), Code::SESSION_COUNT);
    cryptoki.does(F::CLOSE_ALL_SESSIONS, Input::default().long(1));
    cryptoki.does(F::OPEN_SESSION, open());
}

/// Uses count as those of Encrypt do.
#[test]
fn usage_limits_hold() {
    let (mut cryptoki, handle) = Cryptoki::open();
    let label = unique("pkcs11-limit");
    let id = symmetric(
        &mut cryptoki.client,
        &label,
        CryptographicAlgorithm::AES,
        ENCRYPTS,
    );
    let limits = structure(
        tag::USAGE_LIMITS,
        vec![
            Node::new(tag::USAGE_LIMITS_TOTAL, Value::LongInteger(2)),
            number(tag::USAGE_LIMITS_UNIT, 2),
        ],
    );
    let payload = vec![uid(&id), structure(tag::NEW_ATTRIBUTE, vec![limits])];
    cryptoki
        .client
        .ask(V2_1, Operation::ADD_ATTRIBUTE, payload)
        .ok();
    let key = cryptoki.find_one(handle, &label, CKO_SECRET_KEY);
    let init = session(handle)
        .mechanism(CKM_AES_CBC, Some(&[0; 16]))
        .long(key);
    let whole = session(handle).bytes(&[1; 16]).room(Some(16));
    for _ in 0..2 {
        cryptoki.does(F::ENCRYPT_INIT, init.clone());
        cryptoki.does(F::ENCRYPT, whole.clone());
    }
    cryptoki.does(F::ENCRYPT_INIT, init);
    cryptoki.refuses(F::ENCRYPT, whole, Code::KEY_FUNCTION_NOT_PERMITTED);
}

/// What a batch with Undo takes out of a session is there again when the batch fails.
#[test]
fn an_undone_batch_leaves_the_session_as_it_was() {
    let (mut cryptoki, handle) = Cryptoki::open();
    let label = unique("pkcs11-undo");
    let algorithm = CryptographicAlgorithm::AES;
    symmetric(&mut cryptoki.client, &label, algorithm, ENCRYPTS);
    let key = cryptoki.find_one(handle, &label, CKO_SECRET_KEY);
    let init = session(handle)
        .mechanism(CKM_AES_CBC, Some(&[0; 16]))
        .long(key);
    cryptoki.does(F::ENCRYPT_INIT, init);
    let input = session(handle).bytes(&[1; 16]).room(Some(16));
    let function = number(tag::PKCS_11_FUNCTION, F::ENCRYPT.0);
    let encrypt = payload(function, &cryptoki.value, &input.0);
    let batch = Request::new(V2_1)
        .header(number(tag::BATCH_ERROR_CONTINUATION_OPTION, 3))
        .item(Operation::PKCS_11, Some(&[1]), encrypt)
        .item(Operation::GET, Some(&[2]), vec![uid("nothing")]);
    cryptoki.client.write(&batch.encode());
    let answer = cryptoki.client.read();
    let items = answer.items().iter();
    let statuses = items.filter_map(|item| item.child(tag::RESULT_STATUS).map(enumeration));
    let undone = ResultStatus::OPERATION_UNDONE.0;
    let failed = ResultStatus::OPERATION_FAILED.0;
    assert_eq!(statuses.collect::<Vec<_>>(), [undone, failed]);
    cryptoki.does(F::ENCRYPT, input.clone());
    cryptoki.refuses(F::ENCRYPT, input, Code::OPERATION_NOT_INITIALIZED);
}

/// A right for PKCS#11 alone opens the doors of no other operation.
#[test]
fn a_narrowed_ticket_needs_rights_for_the_kmip_operation_too() {
    let (mut cryptoki, handle) = Cryptoki::open();
    let mut random = |rights: &[Operation]| {
        let rights = vec![vec![operations(rights)]];
        let client = &mut cryptoki.client;
        let ticket = ticket_of(delegated(client, rights, Vec::new()));
        let function = number(tag::PKCS_11_FUNCTION, F::GENERATE_RANDOM.0);
        let input = session(handle).count(8);
        let payload = payload(function, &cryptoki.value, &input.0);
        with(client, &ticket, Operation::PKCS_11, payload)
    };
    let refused = random(&[Operation::PKCS_11]).fails();
    assert_eq!(refused, ResultReason::NOT_AUTHORISED);
    let answer = random(&[Operation::PKCS_11, Operation::RNG_RETRIEVE]).ok();
    let code = enumeration(path(&answer, &[tag::PKCS_11_RETURN_CODE]));
    assert_eq!(Code(code), Code::OK);
}
