//! Derivation masters (DESIGN §4.4, docs/derivation.md): one method, one input, scopes between clients.

use keyward::object::derivation_master::{Input, Label};
use keyward::protocol::enumeration::{
    CryptographicAlgorithm, DerivationMethod, HashingAlgorithm, LinkType, ObjectType, Operation,
    ResultReason,
};
use keyward::protocol::tag;
use ttlv::{Node, Value};

use crate::ground::*;
use crate::process::{Answer, Client, Server, enumeration, integer, on};

/// What `keyward key … --json` says of a version.
struct Master {
    id: String,
    version: u32,
    prefix: Vec<u8>,
}

fn told(server: &Server, words: &[&str]) -> Master {
    let said: serde_json::Value = serde_json::from_str(&server.told(words)).unwrap();
    Master {
        id: said["unique_identifier"].as_str().unwrap().to_owned(),
        version: u32::try_from(said["version"].as_u64().unwrap()).unwrap(),
        prefix: unhex(said["prefix"].as_str().unwrap()),
    }
}

fn create(server: &Server, name: &str, more: &[&str]) -> Master {
    let words = [
        "key",
        "create-master",
        name,
        "--owner",
        "first-client",
        "--json",
    ];
    told(server, &[&words, more].concat())
}

/// An input as docs/derivation.md has it, made of its bytes.
fn input(master: &Master, scope: &str, random: u8) -> Vec<u8> {
    let length = u16::try_from(scope.len()).unwrap().to_be_bytes();
    let ends = [[random; 32].as_slice(), &[0, 0, 1, 0]].concat();
    [&master.prefix, length.as_slice(), scope.as_bytes(), &ends].concat()
}

/// MAC without Cryptographic Parameters.
fn ask(client: &mut Client, master: &Master, data: &[u8]) -> Answer {
    let mut payload = on(&master.id);
    payload.push(bytes(tag::DATA, data));
    client.ask(Operation::MAC, payload)
}

fn file_key(client: &mut Client, master: &Master, data: &[u8]) -> Vec<u8> {
    let key = ask(client, master, data).ok().bytes(tag::MAC_DATA);
    assert_eq!(key.len(), 32);
    key
}

#[test]
fn a_master_does_one_thing() {
    one_thing(&[]);
}

#[test]
fn an_anchored_master_does_the_same() {
    one_thing(&["--anchored"]);
}

fn one_thing(more: &[&str]) {
    for server in servers() {
        let mut client = server.client();
        let scopes = ["--scope", "team-a", "--scope", "team-b/x"];
        let master = create(&server, "files", &[&scopes, more].concat());
        keys_of_files(&mut client, &master);
        only_its_input(&server, &mut client, &master);
        nothing_else(&mut client, &master);
        as_an_object(&mut client, &master);
        versions(&server, &mut client, &master);
    }
}

fn keys_of_files(client: &mut Client, master: &Master) {
    let one = file_key(client, master, &input(master, "team-a", 1));
    assert_eq!(file_key(client, master, &input(master, "team-a", 1)), one);
    let others = [
        ("team-a", 2),
        ("team-a/deep", 1),
        ("team-b/x", 1),
        ("team-b/x/y", 1),
    ];
    let mut seen = vec![one];
    for (scope, random) in others {
        let key = file_key(client, master, &input(master, scope, random));
        assert!(!seen.contains(&key));
        seen.push(key);
    }
    // The parameters may name the method.
    let answer = mac(client, &master.id, &input(master, "team-a", 1)).ok();
    assert_eq!(answer.bytes(tag::MAC_DATA), seen[0]);
}

fn only_its_input(server: &Server, client: &mut Client, master: &Master) {
    let good = input(master, "team-a", 1);
    let fields = Input::parse(&good).unwrap();
    assert_eq!(
        fields.write(),
        good,
        "the prefix is what the library writes"
    );
    let other = create(server, "others", &["--scope", "*"]);
    let user = create(server, "users", &["--scope", "*", "--label", "user"]);
    file_key(client, &other, &input(&other, "anything", 1));
    file_key(client, &user, &input(&user, "someone@example.org", 1));
    let refused =
        |client: &mut Client, data: &[u8], reason| ask(client, master, data).fails(reason);
    let malformed = [
        Vec::new(),
        b"any data".to_vec(),
        good[..good.len() - 1].to_vec(),
        [&good[..], b"\0"].concat(),
        // SP 800-108 with another counter, another length; the key itself as an HMAC key.
        [&[0, 0, 0, 2], &good[4..]].concat(),
        [&good[..good.len() - 4], &[0, 0, 2, 0]].concat(),
        Input {
            tenant: 2,
            ..fields
        }
        .write(),
        Input {
            tenant: -1,
            ..fields
        }
        .write(),
        Input {
            version: 2,
            ..fields
        }
        .write(),
        Input {
            label: Label::User,
            ..fields
        }
        .write(),
        input(&other, "team-a", 1),
        input(&user, "team-a", 1),
    ];
    for data in malformed {
        let reason = match data.is_empty() {
            // KMIP's own: MAC without data.
            true => None,
            false => Some(ResultReason::INVALID_FIELD),
        };
        let answer = ask(client, master, &data);
        match reason {
            Some(reason) => answer.fails(reason),
            None => assert!(answer.reason.is_some()),
        }
    }
    for outside in ["team-b", "team-c", "team-ab", "team", "team-b/xy"] {
        refused(
            client,
            &input(master, outside, 1),
            ResultReason::PERMISSION_DENIED,
        );
    }
}

/// Whatever else is asked of a master, and by its owner.
fn nothing_else(client: &mut Client, master: &Master) {
    let denied = ResultReason::PERMISSION_DENIED;
    let id = &master.id;
    for operation in [Operation::GET, Operation::EXPORT] {
        client.on(operation, id).fails(denied);
    }
    let data = input(master, "team-a", 1);
    let with = |more: Vec<Node<'static>>| [on(id), more].concat();
    let ecb = parameters(vec![
        enumeration(tag::BLOCK_CIPHER_MODE, 2),
        enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES.0),
    ]);
    let request = with(vec![ecb, bytes(tag::DATA, &[0; 16])]);
    client
        .ask(Operation::ENCRYPT, request.clone())
        .fails(denied);
    client.ask(Operation::DECRYPT, request).fails(denied);
    let verify = with(vec![
        bytes(tag::DATA, &data),
        bytes(tag::MAC_DATA, &[0; 32]),
    ]);
    client.ask(Operation::MAC_VERIFY, verify).fails(denied);
    let sign = with(vec![bytes(tag::DATA, &data)]);
    client.ask(Operation::SIGN, sign).fails(denied);
    client.on(Operation::RE_KEY, id).fails(denied);
    // In parts, of which none would be an input.
    let begin = Node::new(tag::INIT_INDICATOR, Value::Boolean(true));
    let part = with(vec![bytes(tag::DATA, &data[..20]), begin]);
    client
        .ask(Operation::MAC, part)
        .fails(ResultReason::INVALID_FIELD);
    let split = vec![
        enumeration(tag::OBJECT_TYPE, ObjectType::SPLIT_KEY.0),
        Node::text(tag::UNIQUE_IDENTIFIER, id.clone()),
        integer(tag::SPLIT_KEY_PARTS, 2),
        integer(tag::SPLIT_KEY_THRESHOLD, 2),
        enumeration(tag::SPLIT_KEY_METHOD, 1),
        Node::structure(tag::ATTRIBUTES, Vec::new()),
    ];
    client.ask(Operation::CREATE_SPLIT_KEY, split).fails(denied);
    // As a wrapping key.
    let plain = key(client, &[1; 32]);
    let specification = Node::structure(
        tag::KEY_WRAPPING_SPECIFICATION,
        vec![
            enumeration(tag::WRAPPING_METHOD, 1),
            Node::structure(tag::ENCRYPTION_KEY_INFORMATION, on(id)),
        ],
    );
    let get = [on(&plain), vec![specification]].concat();
    assert!(client.ask(Operation::GET, get).reason.is_some());
    // Another MAC.
    for hash in [HashingAlgorithm::SHA_512, HashingAlgorithm::SHA_1] {
        let request = with(vec![
            parameters(vec![hashing(hash)]),
            bytes(tag::DATA, &data),
        ]);
        client
            .ask(Operation::MAC, request)
            .fails(ResultReason::INVALID_FIELD);
    }
    // Its attributes: what it does is fixed, what describes it is not.
    let set = |attribute: Node<'static>| {
        [
            on(id),
            vec![Node::structure(tag::NEW_ATTRIBUTE, vec![attribute])],
        ]
        .concat()
    };
    let fixed = [
        integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 0x7fff),
        integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 0),
        Node::new(tag::EXTRACTABLE, Value::Boolean(true)),
        Node::new(tag::SENSITIVE, Value::Boolean(false)),
        crate::process::name("another"),
        Node::new(tag::PROTECT_STOP_DATE, Value::DateTime(1)),
    ];
    for attribute in fixed {
        for operation in [
            Operation::SET_ATTRIBUTE,
            Operation::ADD_ATTRIBUTE,
            Operation::MODIFY_ATTRIBUTE,
        ] {
            let answer = client.ask(operation, set(attribute.clone()));
            assert!(answer.reason.is_some(), "{operation} {attribute:?}");
        }
    }
    let mask = Node::new(tag::ATTRIBUTE_REFERENCE, Value::Enumeration(tag::NAME.0));
    let deleted = client.ask(Operation::DELETE_ATTRIBUTE, with(vec![mask]));
    assert!(deleted.reason.is_some());
    let comment = Node::text(tag::COMMENT, "for the archive");
    client.ask(Operation::SET_ATTRIBUTE, set(comment)).ok();
    file_key(client, master, &data);
}

/// Derive Key on a master: the same grammar, the same bytes, kept as an object.
fn as_an_object(client: &mut Client, master: &Master) {
    let data = input(master, "team-a", 9);
    let expected = file_key(client, master, &data);
    let method = DerivationMethod::NIST800_108_C;
    let given = |data: &[u8]| vec![bytes(tag::DERIVATION_DATA, data)];
    // Nothing of its protection can be asked away.
    let derivation = Derivation::new(method, &master.id, given(&data[4..]));
    let readable = derivation
        .with(Node::new(tag::SENSITIVE, Value::Boolean(false)))
        .with(Node::new(tag::EXTRACTABLE, Value::Boolean(true)));
    let id = readable.ask(client).ok().id();
    client
        .on(Operation::GET, &id)
        .fails(ResultReason::NOT_EXTRACTABLE);
    let told = mac(client, &id, b"tell").ok().bytes(tag::MAC_DATA);
    assert_eq!(told, hmac_sha256(&expected, b"tell"));
    let links = links(
        &attributes(client, &id),
        LinkType::DERIVATION_BASE_OBJECT_LINK.0,
    );
    assert_eq!(links, [master.id.clone()]);
    let invalid = ResultReason::INVALID_FIELD;
    let refused = |client: &mut Client, derivation: Derivation, reason| {
        derivation.ask(client).fails(reason);
    };
    let of = |method, data: &[u8]| Derivation::new(method, &master.id, given(data));
    // With the counter, of another length, with other data, another scope.
    refused(client, of(method, &data), invalid);
    refused(client, of(method, &data[4..]).length(16), invalid);
    refused(client, of(method, b"data"), invalid);
    let outside = input(master, "team-c", 1);
    refused(
        client,
        of(method, &outside[4..]),
        ResultReason::PERMISSION_DENIED,
    );
    let second = key(client, &[1; 32]);
    refused(client, of(method, &data[4..]).and(&second), invalid);
    // By every other method, also as the second base of another's derivation.
    for other in [
        DerivationMethod::HASH,
        DerivationMethod::HMAC,
        DerivationMethod::ENCRYPT,
        DerivationMethod::NIST800_108_F,
        DerivationMethod::NIST800_108_DPI,
        DerivationMethod::HKDF,
    ] {
        refused(client, of(other, &data[4..]), invalid);
    }
    let mut with_salt = of(method, &data[4..]);
    with_salt.given.push(bytes(tag::SALT, b"salt"));
    refused(client, with_salt, invalid);
    let counter = parameters(vec![integer(tag::COUNTER_LENGTH, 8)]);
    let mut counted = of(method, &data[4..]);
    counted.given.insert(0, counter);
    refused(client, counted, invalid);
    let as_data = Derivation::new(DerivationMethod::HMAC, &second, Vec::new()).and(&master.id);
    refused(client, as_data, invalid);
}

/// The old version goes on, the new one has the Name; what is destroyed derives nothing.
fn versions(server: &Server, client: &mut Client, first: &Master) {
    let data = input(first, "team-a", 3);
    let kept = file_key(client, first, &data);
    let second = told(server, &["key", "rotate-master", "files", "--json"]);
    assert_eq!((first.version, second.version), (1, 2));
    assert_eq!(client.located("files"), [second.id.clone()]);
    assert_eq!(client.located("files/v1"), [first.id.clone()]);
    assert_eq!(file_key(client, first, &data), kept);
    let new = file_key(client, &second, &input(&second, "team-a", 3));
    assert_ne!(new, kept);
    // An input belongs to the version that it names.
    ask(client, &second, &data).fails(ResultReason::INVALID_FIELD);
    let own = attributes(client, &first.id);
    assert_eq!(
        links(&own, LinkType::REPLACEMENT_OBJECT_LINK.0),
        [second.id.clone()]
    );
    let shown = server.told(&["key", "masters", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let of_files = shown.as_array().unwrap().iter();
    let of_files: Vec<_> = of_files.filter(|one| one["name"] == "files").collect();
    assert_eq!(of_files.len(), 2);
    assert_eq!(
        of_files[1]["scopes"],
        serde_json::json!(["team-a", "team-b/x"])
    );
    // Revoked: nothing more; destroyed: for good.
    let code = enumeration(tag::REVOCATION_REASON_CODE, 6);
    let reason = Node::structure(tag::REVOCATION_REASON, vec![code]);
    let revoke = [on(&first.id), vec![reason]].concat();
    client.ask(Operation::REVOKE, revoke).ok();
    ask(client, first, &data).fails(ResultReason::WRONG_KEY_LIFECYCLE_STATE);
    client.on(Operation::DESTROY, &first.id).ok();
    ask(client, first, &data).fails(ResultReason::OBJECT_DESTROYED);
    file_key(client, &second, &input(&second, "team-a", 3));
    let third = told(server, &["key", "rotate-master", "files", "--json"]);
    assert_eq!(third.version, 3);
    let again = server.cli(&[
        "key",
        "create-master",
        "files",
        "--owner",
        "first-client",
        "--scope",
        "x",
    ]);
    assert!(!again.status.success(), "a name is one master's");
    for words in [
        [
            "key",
            "create-master",
            "a/b",
            "--owner",
            "first-client",
            "--scope",
            "x",
        ],
        [
            "key",
            "create-master",
            "ab",
            "--owner",
            "first-client",
            "--scope",
            "a/../b",
        ],
        [
            "key",
            "create-master",
            "ab",
            "--owner",
            "nobody",
            "--scope",
            "x",
        ],
    ] {
        assert!(!server.cli(&words).status.success(), "{words:?}");
    }
    assert!(
        !server
            .cli(&["key", "rotate-master", "none"])
            .status
            .success()
    );
}

#[test]
fn the_scope_is_the_boundary_between_clients() {
    let server = Server::start(crate::process::Setup::default());
    let master = create(&server, "files", &["--scope", "*"]);
    let (inside, outside) = (input(&master, "team-a/x", 1), input(&master, "team-b", 1));
    let own = file_key(&mut server.client(), &master, &inside);
    server.told(&["client", "add", "second"]);
    let mut second = connect(&server, "second");
    // In a tenant that shares, it may know of the master.
    second.on(Operation::GET_ATTRIBUTES, &master.id).ok();
    let denied = ResultReason::PERMISSION_DENIED;
    ask(&mut second, &master, &inside).fails(denied);
    let granted = ["client", "grant", "second", "--derive", "team-a"];
    server.told(&granted);
    assert_eq!(
        file_key(&mut second, &master, &inside),
        own,
        "the same file, the same key"
    );
    ask(&mut second, &master, &outside).fails(denied);
    let derive = |data: &[u8]| {
        let given = vec![bytes(tag::DERIVATION_DATA, &data[4..])];
        Derivation::new(DerivationMethod::NIST800_108_C, &master.id, given)
    };
    derive(&inside).ask(&mut second).ok();
    derive(&outside).ask(&mut second).fails(denied);
    // Shredding is the owner's.
    let code = enumeration(tag::REVOCATION_REASON_CODE, 6);
    let reason = Node::structure(tag::REVOCATION_REASON, vec![code]);
    let revoke = [on(&master.id), vec![reason]].concat();
    second.ask(Operation::REVOKE, revoke).fails(denied);
    second.on(Operation::DESTROY, &master.id).fails(denied);
    let comment = Node::structure(tag::NEW_ATTRIBUTE, vec![Node::text(tag::COMMENT, "mine")]);
    let comment = [on(&master.id), vec![comment]].concat();
    second.ask(Operation::SET_ATTRIBUTE, comment).fails(denied);
    assert!(
        server
            .told(&["client", "list"])
            .contains("derives for team-a")
    );
    server.told(&["client", "withdraw", "second", "--derive", "team-a"]);
    ask(&mut second, &master, &inside).fails(denied);
    assert!(
        !server
            .cli(&["client", "withdraw", "second", "--derive", "team-a"])
            .status
            .success()
    );
    assert!(
        !server
            .cli(&["client", "grant", "second", "--derive", "a//b"])
            .status
            .success()
    );
    assert!(
        !server
            .cli(&["client", "grant", "nobody", "--derive", "a"])
            .status
            .success()
    );
}

#[test]
fn a_private_tenant_shows_its_master_to_whom_it_was_granted() {
    let server = Server::start(crate::process::Setup::default());
    server.told(&["tenant", "add", "vault", "--private"]);
    for name in ["owner", "worker", "stranger"] {
        server.told(&["client", "add", name, "--tenant", "vault"]);
    }
    let words = [
        "key",
        "create-master",
        "files",
        "--tenant",
        "vault",
        "--json",
    ];
    let more = ["--owner", "owner", "--scope", "*"];
    let master = told(&server, &[&words[..], &more].concat());
    server.told(&[
        "client", "grant", "worker", "--tenant", "vault", "--derive", "a",
    ]);
    let data = input(&master, "a", 1);
    let own = file_key(&mut connect(&server, "owner"), &master, &data);
    let mut worker = connect(&server, "worker");
    assert_eq!(file_key(&mut worker, &master, &data), own);
    let hidden = ResultReason::OBJECT_NOT_FOUND;
    ask(&mut connect(&server, "stranger"), &master, &data).fails(hidden);
    // Another tenant's client, whose own tenant shares.
    ask(&mut server.client(), &master, &data).fails(hidden);
}

/// Nobody makes a master, or an approved wrapping key, by saying so.
#[test]
fn a_master_cannot_be_brought() {
    let server = Server::start(crate::process::Setup::default());
    let mut client = server.client();
    let master = create(&server, "files", &["--scope", "*"]);
    let claim = |name: &'static str, value: Node<'static>| {
        Node::structure(
            tag::ATTRIBUTE,
            vec![
                Node::text(tag::VENDOR_IDENTIFICATION, "y"),
                Node::text(tag::ATTRIBUTE_NAME, name),
                value,
            ],
        )
    };
    let claims = || {
        let method = Node::text(tag::ATTRIBUTE_VALUE, "NIST800-108-C HMAC-SHA256");
        let approved = Node::new(tag::ATTRIBUTE_VALUE, Value::Boolean(true));
        vec![
            claim("keyward-master-method", method),
            claim("keyward-approved-wrapping-key", approved),
        ]
    };
    let mut attributes = vec![integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 0xff)];
    attributes.extend(claims());
    let block = vec![
        enumeration(tag::KEY_FORMAT_TYPE, 1),
        Node::structure(tag::KEY_VALUE, vec![bytes(tag::KEY_MATERIAL, &[1; 32])]),
        enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, 3),
        integer(tag::CRYPTOGRAPHIC_LENGTH, 256),
    ];
    let object = Node::structure(
        tag::SYMMETRIC_KEY,
        vec![Node::structure(tag::KEY_BLOCK, block)],
    );
    let payload = |id: &str, replace: bool| {
        let mut payload = on(id);
        payload.push(enumeration(tag::OBJECT_TYPE, 2));
        payload.push(Node::new(tag::REPLACE_EXISTING, Value::Boolean(replace)));
        payload.push(Node::structure(tag::ATTRIBUTES, attributes.clone()));
        payload.push(object.clone());
        payload
    };
    client
        .ask(Operation::IMPORT, payload("brought", false))
        .ok();
    let own = attributes_text(&mut client, "brought");
    assert!(
        !own.contains("keyward-master") && !own.contains("approved"),
        "{own}"
    );
    client.on(Operation::GET, "brought").ok();
    // Nor does one take the place of a master.
    let replaced = client.ask(Operation::IMPORT, payload(&master.id, true));
    replaced.fails(ResultReason::PERMISSION_DENIED);
    for claim in claims() {
        let set = Node::structure(tag::NEW_ATTRIBUTE, vec![claim]);
        let set = [on("brought"), vec![set]].concat();
        assert!(client.ask(Operation::SET_ATTRIBUTE, set).reason.is_some());
    }
    file_key(&mut client, &master, &input(&master, "a", 1));
}

fn attributes_text(client: &mut Client, id: &str) -> String {
    format!("{:?}", attributes(client, id))
}
