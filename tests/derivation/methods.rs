//! Every method's known answers through the whole server.

use keyward::protocol::enumeration::{
    BlockCipherMode, CryptographicAlgorithm, DerivationMethod, HashingAlgorithm, LinkType,
    ObjectType, Operation, PaddingMethod, ResultReason,
};
use keyward::protocol::tag;
use ttlv::Node;

use crate::ground::*;
use crate::process::{Client, enumeration, integer, on};

#[test]
fn known_answers_on_each_token() {
    for server in servers() {
        let mut client = server.client();
        sp800_108(&mut client);
        hkdf_and_hmac(&mut client);
        password_and_hash(&mut client);
        encryption(&mut client);
        aws(&mut client);
        agreement(&mut client);
        hashes_beyond_the_token(&mut client);
        what_is_asked_wrongly(&mut client);
        links_both_ways(&mut client);
    }
}

/// Records of tests/vectors/kdf108.rsp: fields by name, under their section's.
fn records() -> Vec<std::collections::HashMap<String, String>> {
    let mut fields = std::collections::HashMap::new();
    let mut found = Vec::new();
    for line in include_str!("../vectors/kdf108.rsp").lines() {
        if let Some((name, value)) = line.trim_matches(['[', ']']).split_once('=') {
            fields.insert(name.trim().to_owned(), value.trim().to_owned());
            match name.trim() {
                "KO" => found.push(fields.clone()),
                "KI" => drop(fields.remove("IV")),
                _ => {}
            }
        }
    }
    found
}

fn sp800_108(client: &mut Client) {
    let mut modes = std::collections::BTreeSet::new();
    for record in records() {
        let base = key(client, &unhex(&record["KI"]));
        let method = match record["MODE"].as_str() {
            "COUNTER" => DerivationMethod::NIST800_108_C,
            "FEEDBACK" => DerivationMethod::NIST800_108_F,
            _ => DerivationMethod::NIST800_108_DPI,
        };
        let mut asked = match record["PRF"].as_str() {
            "HMAC_SHA1" => vec![hashing(HashingAlgorithm::SHA_1)],
            "HMAC_SHA224" => vec![hashing(HashingAlgorithm::SHA_224)],
            "HMAC_SHA256" => vec![hashing(HashingAlgorithm::SHA_256)],
            "HMAC_SHA384" => vec![hashing(HashingAlgorithm::SHA_384)],
            "HMAC_SHA512" => vec![hashing(HashingAlgorithm::SHA_512)],
            // With the base's algorithm, AES.
            _ => vec![enumeration(tag::BLOCK_CIPHER_MODE, BlockCipherMode::CMAC.0)],
        };
        let width = record["RLEN"].trim_end_matches("_BITS").parse().unwrap();
        // 32 bits are what there is without being asked for.
        if width != 32 {
            asked.push(integer(tag::COUNTER_LENGTH, width));
        }
        let mut given = vec![parameters(asked)];
        if let Some(iv) = record.get("IV").filter(|iv| !iv.is_empty()) {
            given.push(bytes(tag::INITIALIZATION_VECTOR, &unhex(iv)));
        }
        given.push(bytes(
            tag::DERIVATION_DATA,
            &unhex(&record["FixedInputData"]),
        ));
        let derived = Derivation::new(method, &base, given)
            .length(record["KO"].len() / 2)
            .read(client);
        assert_eq!(derived, record["KO"]);
        modes.insert(method.0);
    }
    assert_eq!(modes.len(), 3);
}

fn hkdf_and_hmac(client: &mut Client) {
    // RFC 5869 A.1.
    let base = key(client, &[0x0b; 22]);
    let given = || {
        vec![
            parameters(vec![hashing(HashingAlgorithm::SHA_256)]),
            bytes(tag::DERIVATION_DATA, &unhex("f0f1f2f3f4f5f6f7f8f9")),
            bytes(tag::SALT, &unhex("000102030405060708090a0b0c")),
        ]
    };
    let expected =
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
    // With a Salt, HMAC is HKDF to PyKMIP.
    for method in [DerivationMethod::HKDF, DerivationMethod::HMAC] {
        let derived = Derivation::new(method, &base, given())
            .length(42)
            .read(client);
        assert_eq!(derived, expected);
    }
    // A.3: neither salt nor info; SHA-256 unless something else is said.
    let derived = Derivation::new(DerivationMethod::HKDF, &base, Vec::new())
        .length(42)
        .read(client);
    let expected =
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8";
    assert_eq!(derived, expected);
    // RFC 4231 case 2, the data in a second base.
    let base = key(client, b"Jefe");
    let data = known(
        client,
        ObjectType::SECRET_DATA,
        b"what do ya want for nothing?",
        Vec::new(),
    );
    let given = vec![parameters(vec![hashing(HashingAlgorithm::SHA_256)])];
    let derived = Derivation::new(DerivationMethod::HMAC, &base, given)
        .and(&data)
        .read(client);
    assert_eq!(
        derived,
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
}

fn password_and_hash(client: &mut Client) {
    // RFC 6070.
    let password = known(client, ObjectType::SECRET_DATA, b"password", Vec::new());
    let given = |rounds| {
        vec![
            bytes(tag::SALT, b"salt"),
            integer(tag::ITERATION_COUNT, rounds),
        ]
    };
    let method = DerivationMethod::PBKDF2;
    let derived = Derivation::new(method, &password, given(4096))
        .length(20)
        .read(client);
    assert_eq!(derived, "4b007901b765489abead49d926f721d065a429c1");
    for rounds in [0, -1, 10_000_001] {
        let refused = Derivation::new(method, &password, given(rounds)).ask(client);
        refused.fails(ResultReason::INVALID_FIELD);
    }
    // FIPS 180-4: of the base, and of the data instead.
    let abc = key(client, b"abc");
    let given = |data: Option<&[u8]>| {
        let mut given = vec![parameters(vec![hashing(HashingAlgorithm::SHA_256)])];
        given.extend(data.map(|data| bytes(tag::DERIVATION_DATA, data)));
        given
    };
    for (base, data) in [(&abc, None), (&password, Some(b"abc".as_slice()))] {
        let derived = Derivation::new(DerivationMethod::HASH, base, given(data)).read(client);
        assert_eq!(
            derived,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}

/// SP 800-38A F.2.1 and F.1.1, AES-128; the ciphertext is the key.
fn encryption(client: &mut Client) {
    let base = key(client, &unhex("2b7e151628aed2a6abf7158809cf4f3c"));
    let data = unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
    let given = |mode: BlockCipherMode, iv: Option<&str>| {
        let mut given = vec![parameters(vec![
            enumeration(tag::BLOCK_CIPHER_MODE, mode.0),
            enumeration(tag::PADDING_METHOD, PaddingMethod::NONE.0),
        ])];
        given.extend(iv.map(|iv| bytes(tag::INITIALIZATION_VECTOR, &unhex(iv))));
        given.push(bytes(tag::DERIVATION_DATA, &data));
        given
    };
    let iv = Some("000102030405060708090a0b0c0d0e0f");
    let encrypt = |given| Derivation::new(DerivationMethod::ENCRYPT, &base, given);
    let derived = encrypt(given(BlockCipherMode::CBC, iv)).read(client);
    let whole = "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2";
    assert_eq!(derived, whole);
    let derived = encrypt(given(BlockCipherMode::CBC, iv))
        .length(24)
        .read(client);
    assert_eq!(derived, whole[..48]);
    let derived = encrypt(given(BlockCipherMode::ECB, None)).read(client);
    assert_eq!(
        derived,
        "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf"
    );
    let longer = encrypt(given(BlockCipherMode::CBC, iv))
        .length(33)
        .ask(client);
    longer.fails(ResultReason::CRYPTOGRAPHIC_FAILURE);
    let short = encrypt(given(BlockCipherMode::CBC, Some("00"))).ask(client);
    short.fails(ResultReason::CRYPTOGRAPHIC_FAILURE);
    // SP 800-67 §B.1: triple DES, which the embedded token does not have and the library does.
    let triple = key_of(
        client,
        CryptographicAlgorithm::DES3,
        &unhex("0123456789abcdef23456789abcdef01456789abcdef0123"),
    );
    let given_triple = vec![
        parameters(vec![
            enumeration(tag::BLOCK_CIPHER_MODE, BlockCipherMode::ECB.0),
            enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::DES3.0),
        ]),
        bytes(tag::DERIVATION_DATA, b"The qufck brown fox jump"),
    ];
    let derived = Derivation::new(DerivationMethod::ENCRYPT, &triple, given_triple)
        .length(24)
        .read(client);
    assert_eq!(derived, "a826fd8ce53b855fcce21c8112256fe668d5c05dd9b6b900");
    // Neither the request nor the key says how.
    let given = vec![bytes(tag::DERIVATION_DATA, &data)];
    encrypt(given)
        .ask(client)
        .fails(ResultReason::INVALID_FIELD);
}

/// The example of AWS's documentation.
fn aws(client: &mut Client) {
    let secret = b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    let base = known(client, ObjectType::SECRET_DATA, secret, Vec::new());
    let parts = ["20150830", "us-east-1", "iam"];
    let given = |count: usize| {
        let parts = parts[..count].iter();
        parts
            .map(|part| bytes(tag::DERIVATION_DATA, part.as_bytes()))
            .collect()
    };
    let method = DerivationMethod::AWS_SIGNATURE_VERSION_4;
    let derived = Derivation::new(method, &base, given(3)).read(client);
    assert_eq!(
        derived,
        "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
    );
    for count in [0, 1, 2] {
        let refused = Derivation::new(method, &base, given(count)).ask(client);
        refused.fails(ResultReason::INVALID_FIELD);
    }
    let base = key(client, secret);
    let several = Derivation::new(DerivationMethod::HMAC, &base, given(2)).ask(client);
    several.fails(ResultReason::INVALID_FIELD);
}

/// RFC 7748 §5.2 as PKCS#8 and SubjectPublicKeyInfo, and a point of small order.
fn agreement(client: &mut Client) {
    let scalar = "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4";
    let point = "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c";
    let secret = "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552";
    let pkcs8 = unhex(&["302e020100300506032b656e04220420", scalar].concat());
    let spki = |point: &str| unhex(&["302a300506032b656e032100", point].concat());
    let private = half(client, true, &pkcs8);
    let public = half(client, false, &spki(point));
    let method = DerivationMethod::ASYMMETRIC_KEY;
    let given = || {
        let ecdh = CryptographicAlgorithm::ECDH.0;
        vec![parameters(vec![enumeration(
            tag::CRYPTOGRAPHIC_ALGORITHM,
            ecdh,
        )])]
    };
    let of = |one: &str, other: &str| Derivation::new(method, one, given()).and(other);
    assert_eq!(of(&private, &public).read(client), secret);
    assert_eq!(of(&public, &private).read(client), secret);
    // What is shorter has lost its first bytes.
    assert_eq!(of(&private, &public).length(16).read(client), secret[32..]);
    let longer = of(&private, &public).length(33).ask(client);
    longer.fails(ResultReason::CRYPTOGRAPHIC_FAILURE);
    let low = half(client, false, &spki(&"00".repeat(32)));
    let refused = of(&private, &low).ask(client);
    refused.fails(ResultReason::CRYPTOGRAPHIC_FAILURE);
    // Two halves, one of each.
    for (one, other) in [(&private, &private), (&public, &public)] {
        of(one, other)
            .ask(client)
            .fails(ResultReason::INVALID_FIELD);
    }
    let alone = Derivation::new(method, &private, given()).ask(client);
    alone.fails(ResultReason::INVALID_FIELD);
    let secret = key(client, &[1; 32]);
    let other = of(&secret, &public).ask(client);
    other.fails(ResultReason::INVALID_OBJECT_TYPE);
    let method = DerivationMethod::HMAC;
    let given = vec![bytes(tag::DERIVATION_DATA, b"x")];
    let other = Derivation::new(method, &private, given).ask(client);
    other.fails(ResultReason::INVALID_OBJECT_TYPE);
}

/// SHA-3: the library's, for a key that it may see (NIST's example of HMAC-SHA3-256).
fn hashes_beyond_the_token(client: &mut Client) {
    let base = key(client, b"Jefe");
    let given = || {
        vec![
            parameters(vec![hashing(HashingAlgorithm::SHA3_256)]),
            bytes(tag::DERIVATION_DATA, b"what do ya want for nothing?"),
        ]
    };
    let derived = Derivation::new(DerivationMethod::HMAC, &base, given()).read(client);
    assert_eq!(
        derived,
        "c7d4072e788877ae3596bbb0da73b887c9171f93095b294ae857fbe2645e1ba5"
    );
    Derivation::new(DerivationMethod::NIST800_108_F, &base, given())
        .length(100)
        .ask(client)
        .ok();
}

fn what_is_asked_wrongly(client: &mut Client) {
    let base = key(client, &[1; 32]);
    let second = known(client, ObjectType::SECRET_DATA, b"data", Vec::new());
    let data = || bytes(tag::DERIVATION_DATA, b"data");
    let sha256 = || parameters(vec![hashing(HashingAlgorithm::SHA_256)]);
    let hmac = |given| Derivation::new(DerivationMethod::HMAC, &base, given);
    // 1.4 §11.7: ambiguous derivation data.
    let both = hmac(vec![sha256(), data()]).and(&second).ask(client);
    both.fails(ResultReason::INVALID_MESSAGE);
    hmac(vec![sha256()])
        .ask(client)
        .fails(ResultReason::INVALID_FIELD);
    let three = hmac(vec![sha256()]).and(&second).and(&second).ask(client);
    three.fails(ResultReason::INVALID_FIELD);
    let longer = hmac(vec![sha256(), data()]).length(33).ask(client);
    longer.fails(ResultReason::CRYPTOGRAPHIC_FAILURE);
    let huge = hmac(vec![sha256(), data()]).length(65_537).ask(client);
    huge.fails(ResultReason::CRYPTOGRAPHIC_FAILURE);
    // Work for a minute is not done for one request.
    let much = vec![sha256(), bytes(tag::DERIVATION_DATA, &[0; 1 << 18])];
    let much = Derivation::new(DerivationMethod::NIST800_108_C, &base, much);
    let refused = much.length(65_536).ask(client);
    refused.fails(ResultReason::INVALID_FIELD);
    let method = DerivationMethod(0x8000_0001);
    let unknown = Derivation::new(method, &base, vec![sha256(), data()]).ask(client);
    unknown.fails(ResultReason::INVALID_FIELD);
    let md5 = parameters(vec![hashing(HashingAlgorithm::MD5)]);
    let refused = hmac(vec![md5, data()]).ask(client);
    refused.fails(ResultReason::UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS);
    // A counter of a byte counts 255 blocks, and has to be one of whole bytes.
    let counted = |width, length| {
        let width = integer(tag::COUNTER_LENGTH, width);
        let asked = parameters(vec![hashing(HashingAlgorithm::SHA_256), width]);
        let method = DerivationMethod::NIST800_108_C;
        Derivation::new(method, &base, vec![asked, data()]).length(length)
    };
    counted(8, 255 * 32).ask(client).ok();
    for (width, length) in [(8, 255 * 32 + 1), (0, 32), (12, 32), (40, 32), (-8, 32)] {
        let refused = counted(width, length).ask(client);
        refused.fails(ResultReason::BAD_CRYPTOGRAPHIC_PARAMETERS);
    }
    // Without Derive Key in its mask, or without a life.
    let other = client.create("not derivable");
    client.on(Operation::ACTIVATE, &other).ok();
    let refused = Derivation::new(DerivationMethod::HMAC, &other, vec![sha256(), data()]);
    let refused = refused.ask(client);
    refused.fails(ResultReason::INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK);
    let mut revoke = on(&base);
    let code = enumeration(tag::REVOCATION_REASON_CODE, 1);
    revoke.push(Node::structure(tag::REVOCATION_REASON, vec![code]));
    client.ask(Operation::REVOKE, revoke).ok();
    let refused = hmac(vec![sha256(), data()]).ask(client);
    refused.fails(ResultReason::WRONG_KEY_LIFECYCLE_STATE);
}

/// 2.1 §6.1.14: Derivation Base Object Links and Derived Key Links. The base is not written for it.
fn links_both_ways(client: &mut Client) {
    let base = key(client, &[2; 32]);
    let before = attributes(client, &base);
    assert!(links(&before, LinkType::DERIVED_KEY_LINK.0).is_empty());
    let derive = |client: &mut Client, data: &[u8]| {
        let given = vec![bytes(tag::DERIVATION_DATA, data)];
        let derivation = Derivation::new(DerivationMethod::HMAC, &base, given);
        derivation.ask(client).ok().id()
    };
    let derived = [derive(client, b"1"), derive(client, b"2")];
    let after = attributes(client, &base);
    assert_eq!(links(&after, LinkType::DERIVED_KEY_LINK.0), derived);
    let changed = |node: &Node<'_>| {
        node.child(tag::LAST_CHANGE_DATE)
            .unwrap()
            .value
            .clone()
            .into_owned()
    };
    assert_eq!(changed(&before), changed(&after));
    for id in &derived {
        let own = attributes(client, id);
        assert_eq!(
            links(&own, LinkType::DERIVATION_BASE_OBJECT_LINK.0),
            [base.clone()]
        );
    }
    // The list of attributes tells of them, too.
    let list = client.on(Operation::GET_ATTRIBUTE_LIST, &base).ok();
    let named = list.payload.items().iter();
    let mut named = named.filter(|node| node.tag == tag::ATTRIBUTE_REFERENCE);
    assert!(named.any(|node| node.value == ttlv::Value::Enumeration(tag::LINK.0)));
}
