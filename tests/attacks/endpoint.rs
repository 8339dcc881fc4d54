//! Connections whose roles are turned: who is told of what, in which form, and what becomes of
//! clients that do not keep to it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use keyward::clock::Clock;
use keyward::engine::founding;
use keyward::engine::settings::Settings;
use keyward::engine::tenant::{Classes, Tenant};
use keyward::engine::{Engine, batch};
use keyward::hsm::{Hsm, Source};
use keyward::protocol::enumeration::{
    BatchErrorContinuationOption, CredentialType, EndpointRole, Operation, PutFunction,
    ResultReason, ResultStatus,
};
use keyward::protocol::tag;
use keyward::store::Store;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use ttlv::{Node, Tag, Value};

use crate::database::on_both;
use crate::process::{Client, Server, Setup, aes, enumeration, integer, message, name, on};

/// A client in the server's role.
pub struct Turned {
    pub client: Client,
}

/// What the server asked.
pub struct Asked {
    pub operation: Operation,
    version: i32,
    pub payload: Node<'static>,
}

impl Asked {
    pub fn id(&self) -> String {
        text(&self.payload, tag::UNIQUE_IDENTIFIER).unwrap()
    }

    pub fn attribute(&self, tag: Tag) -> Option<Value<'static>> {
        let attributes = self.payload.child(tag::ATTRIBUTES)?;
        attributes.child(tag).map(|node| node.value.clone())
    }
}

fn text(node: &Node<'_>, tag: Tag) -> Option<String> {
    match &node.child(tag)?.value {
        Value::TextString(text) => Some(text.to_string()),
        _ => None,
    }
}

pub fn number(node: &Node<'_>, tag: Tag) -> u32 {
    match node.child(tag).unwrap().value {
        Value::Enumeration(number) => number,
        ref other => panic!("{other:?}"),
    }
}

pub fn role(role: EndpointRole) -> Vec<Node<'static>> {
    vec![enumeration(tag::ENDPOINT_ROLE, role.0)]
}

pub fn version((major, minor): (i32, i32)) -> Node<'static> {
    Node::structure(
        tag::PROTOCOL_VERSION,
        vec![
            integer(tag::PROTOCOL_VERSION_MAJOR, major),
            integer(tag::PROTOCOL_VERSION_MINOR, minor),
        ],
    )
}

/// A Response Message with one item.
pub fn response(
    operation: Operation,
    status: ResultStatus,
    reason: Option<ResultReason>,
    payload: Vec<Node<'static>>,
) -> Vec<u8> {
    let header = vec![
        version((2, 1)),
        Node::new(tag::TIME_STAMP, Value::DateTime(0)),
        integer(tag::BATCH_COUNT, 1),
    ];
    let mut item = vec![
        enumeration(tag::OPERATION, operation.0),
        enumeration(tag::RESULT_STATUS, status.0),
    ];
    item.extend(reason.map(|reason| enumeration(tag::RESULT_REASON, reason.0)));
    if !payload.is_empty() {
        item.push(Node::structure(tag::RESPONSE_PAYLOAD, payload));
    }
    ttlv::binary::to_vec(&Node::structure(
        tag::RESPONSE_MESSAGE,
        vec![
            Node::structure(tag::RESPONSE_HEADER, header),
            Node::structure(tag::BATCH_ITEM, item),
        ],
    ))
}

impl Turned {
    /// Turns a connection round; the client has KMIP 2.1 and takes everything.
    pub fn round(client: Client) -> Turned {
        Turned::as_client_of(client, (2, 1), &[Operation::PUT, Operation::NOTIFY])
    }

    pub fn as_client_of(client: Client, speaks: (i32, i32), takes: &[Operation]) -> Turned {
        let mut turned = Turned::silent(client);
        let discover = turned.next();
        assert_eq!(discover.operation, Operation::DISCOVER_VERSIONS);
        assert_eq!(discover.version, 1, "2.1, in which the roles were turned");
        turned.say(response(
            discover.operation,
            ResultStatus::SUCCESS,
            None,
            vec![version(speaks)],
        ));
        let query = turned.next();
        assert_eq!(query.operation, Operation::QUERY);
        assert_eq!(number(&query.payload, tag::QUERY_FUNCTION), 1);
        let takes = takes.iter();
        turned.say(response(
            query.operation,
            ResultStatus::SUCCESS,
            None,
            takes
                .map(|operation| enumeration(tag::OPERATION, operation.0))
                .collect(),
        ));
        turned
    }

    /// Turns a connection round and answers nothing.
    pub fn silent(mut client: Client) -> Turned {
        let answer = client.ask(Operation::SET_ENDPOINT_ROLE, role(EndpointRole::CLIENT));
        let answer = answer.ok();
        assert_eq!(
            number(&answer.payload, tag::ENDPOINT_ROLE),
            EndpointRole::CLIENT.0
        );
        Turned { client }
    }

    pub fn say(&mut self, bytes: Vec<u8>) {
        self.client.send(&bytes).unwrap();
    }

    pub fn try_next(&mut self, patience: Duration) -> std::io::Result<Asked> {
        let socket = &self.client.stream.sock;
        socket.set_read_timeout(Some(patience)).unwrap();
        let message = self.client.receive_message()?;
        assert_eq!(message.tag, tag::REQUEST_MESSAGE);
        let header = message.child(tag::REQUEST_HEADER).unwrap();
        for forbidden in [
            tag::MAXIMUM_RESPONSE_SIZE,
            tag::ASYNCHRONOUS_INDICATOR,
            tag::BATCH_ERROR_CONTINUATION_OPTION,
            tag::BATCH_ORDER_OPTION,
        ] {
            assert!(header.child(forbidden).is_none());
        }
        let version = header.child(tag::PROTOCOL_VERSION).unwrap();
        let minor = version.child(tag::PROTOCOL_VERSION_MINOR).unwrap();
        let Value::Integer(version) = minor.value else {
            panic!("a version");
        };
        let item = message.child(tag::BATCH_ITEM).unwrap();
        Ok(Asked {
            operation: Operation(number(item, tag::OPERATION)),
            version,
            payload: item.child(tag::REQUEST_PAYLOAD).unwrap().clone(),
        })
    }

    pub fn next(&mut self) -> Asked {
        self.try_next(Duration::from_secs(30)).unwrap()
    }

    /// The next request; taken.
    pub fn takes(&mut self, operation: Operation) -> Asked {
        let asked = self.next();
        assert_eq!(asked.operation, operation, "{:?}", asked.payload);
        self.say(response(operation, ResultStatus::SUCCESS, None, Vec::new()));
        asked
    }

    /// Nothing is asked for a second.
    pub fn hears_nothing(&mut self) {
        let asked = self.try_next(Duration::from_secs(1));
        assert!(asked.is_err(), "{:?}", asked.unwrap().payload);
    }

    /// The connection ends within this time; what the server still says is passed over.
    pub fn ends_within(&mut self, patience: Duration) {
        let begun = Instant::now();
        let socket = &self.client.stream.sock;
        socket.set_read_timeout(Some(patience)).unwrap();
        while let Ok(message) = self.client.receive_message() {
            assert_eq!(message.tag, tag::REQUEST_MESSAGE);
        }
        assert!(begun.elapsed() < patience, "it did not end");
    }
}

pub fn subscribe(server: &Server, client: &str, more: &[&str]) {
    let mut words = vec!["client", "subscribe", client, "--notify"];
    words.extend(more);
    server.told(&words);
}

/// The name of the first client.
pub fn first(server: &Server) -> String {
    let listed = server.told(&["client", "list", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    listed[0]["name"].as_str().unwrap().to_owned()
}

fn custom(name: &'static str, value: &'static str) -> Node<'static> {
    Node::structure(
        tag::ATTRIBUTE,
        vec![
            Node::text(tag::VENDOR_IDENTIFICATION, "x"),
            Node::text(tag::ATTRIBUTE_NAME, name),
            Node::text(tag::ATTRIBUTE_VALUE, value),
        ],
    )
}

fn new_attribute(id: &str, attribute: Node<'static>) -> Vec<Node<'static>> {
    let mut payload = on(id);
    payload.push(Node::structure(tag::NEW_ATTRIBUTE, vec![attribute]));
    payload
}

#[test]
fn changes_are_notified_with_what_changed_and_what_is_gone() {
    on_both(|server, _| {
        let mut client = server.client();
        let id = client.create("watched");
        client
            .ask(Operation::SET_ENDPOINT_ROLE, role(EndpointRole::CLIENT))
            .fails(ResultReason::PERMISSION_DENIED);
        subscribe(server, &first(server), &["own"]);
        let mut turned = Turned::round(server.client());
        turned.hears_nothing();

        client.on(Operation::ACTIVATE, &id).ok();
        let told = turned.takes(Operation::NOTIFY);
        assert_eq!(told.id(), id);
        assert_eq!(told.attribute(tag::STATE), Some(Value::Enumeration(2)));
        assert!(told.attribute(tag::ACTIVATION_DATE).is_some());
        assert!(told.attribute(tag::LAST_CHANGE_DATE).is_some());
        assert_eq!(told.attribute(tag::CRYPTOGRAPHIC_LENGTH), None, "unchanged");

        let note = custom("note", "a");
        client
            .ask(Operation::ADD_ATTRIBUTE, new_attribute(&id, note))
            .ok();
        let told = turned.takes(Operation::NOTIFY);
        assert!(told.attribute(tag::ATTRIBUTE).is_some());
        assert_eq!(told.attribute(tag::STATE), None);
        let reference = Node::structure(
            tag::ATTRIBUTE_REFERENCE,
            vec![
                Node::text(tag::VENDOR_IDENTIFICATION, "x"),
                Node::text(tag::ATTRIBUTE_NAME, "note"),
            ],
        );
        let mut payload = on(&id);
        payload.push(reference.clone());
        client.ask(Operation::DELETE_ATTRIBUTE, payload).ok();
        let told = turned.takes(Operation::NOTIFY);
        assert_eq!(told.attribute(tag::ATTRIBUTE), None);
        assert_eq!(
            told.payload.child(tag::ATTRIBUTE_REFERENCE),
            Some(&reference)
        );
        // What is read changes nothing, and what another client does concerns it as well.
        client.on(Operation::GET_ATTRIBUTES, &id).ok();
        turned.hears_nothing();
    });
}

#[test]
fn an_undone_batch_sends_nothing_and_one_that_is_done_does_so_after_its_commit() {
    let server = Server::start(Setup::default());
    let mut client = server.client();
    let id = client.create("before");
    subscribe(&server, &first(&server), &["own", "--put"]);
    let mut turned = Turned::round(server.client());
    let undo = BatchErrorContinuationOption::UNDO;
    let failing = vec![
        (Operation::ACTIVATE, on(&id)),
        (Operation::CREATE, aes(vec![name("never")])),
        (Operation::ACTIVATE, on("no-such-object")),
    ];
    let answers = client.batch(undo, failing);
    assert_eq!(answers[0].status, ResultStatus::OPERATION_UNDONE);
    turned.hears_nothing();
    let whole = vec![
        (Operation::ACTIVATE, on(&id)),
        (Operation::CREATE, aes(vec![name("made")])),
    ];
    client.batch(undo, whole).into_iter().for_each(|answer| {
        answer.ok();
    });
    let mut told = [turned.next(), {
        turned.say(response(
            Operation::NOTIFY,
            ResultStatus::SUCCESS,
            None,
            vec![],
        ));
        turned.next()
    }];
    told.sort_by_key(|asked| asked.operation.0);
    assert_eq!(told[0].operation, Operation::NOTIFY);
    assert_eq!(told[0].id(), id);
    assert_eq!(told[1].operation, Operation::PUT);
}

fn key_of(object: &Node<'_>) -> Vec<u8> {
    let block = object.child(tag::KEY_BLOCK).unwrap();
    match &block.child(tag::KEY_VALUE).unwrap().value {
        Value::ByteString(wrapped) => wrapped.to_vec(),
        Value::Structure(_) => {
            let value = block.child(tag::KEY_VALUE).unwrap();
            match &value.child(tag::KEY_MATERIAL).unwrap().value {
                Value::ByteString(bytes) => bytes.to_vec(),
                other => panic!("{other:?}"),
            }
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_replacement_is_put_in_the_place_of_what_it_replaces() {
    on_both(|server, _| {
        subscribe(server, &first(server), &["own", "--put"]);
        let mut client = server.client();
        let mut turned = Turned::round(server.client());
        let old = client.create("rotated");
        let put = turned.takes(Operation::PUT);
        assert_eq!(put.id(), old);
        assert_eq!(number(&put.payload, tag::PUT_FUNCTION), PutFunction::NEW.0);
        assert!(put.payload.child(tag::REPLACED_UNIQUE_IDENTIFIER).is_none());
        assert!(put.attribute(tag::CRYPTOGRAPHIC_LENGTH).is_some());
        let given = key_of(put.payload.child(tag::SYMMETRIC_KEY).unwrap());
        let got = client.on(Operation::GET, &old).ok();
        assert_eq!(
            given,
            key_of(got.payload.child(tag::SYMMETRIC_KEY).unwrap())
        );
        // Fresh ended with that Get.
        assert_eq!(turned.takes(Operation::NOTIFY).id(), old);

        let new = client.on(Operation::RE_KEY, &old).ok().id();
        let mut asked = Vec::new();
        for _ in 0..2 {
            let next = turned.next();
            turned.say(response(
                next.operation,
                ResultStatus::SUCCESS,
                None,
                Vec::new(),
            ));
            asked.push(next);
        }
        asked.sort_by_key(|asked| asked.operation.0);
        let [told, put] = asked.try_into().ok().unwrap();
        assert_eq!(
            (told.operation, told.id()),
            (Operation::NOTIFY, old.clone())
        );
        assert!(told.attribute(tag::LINK).is_some());
        assert_eq!((put.operation, put.id()), (Operation::PUT, new));
        assert_eq!(
            number(&put.payload, tag::PUT_FUNCTION),
            PutFunction::REPLACE.0
        );
        assert_eq!(
            text(&put.payload, tag::REPLACED_UNIQUE_IDENTIFIER),
            Some(old)
        );
    });
}

#[test]
fn what_the_server_rotates_by_itself_is_put() {
    let server = Server::start(Setup {
        environment: vec![("KEYWARD_ROTATION", "1s".to_owned())],
        ..Setup::default()
    });
    subscribe(&server, &first(&server), &["own", "--put"]);
    let mut client = server.client();
    let mut turned = Turned::round(server.client());
    let automatic = vec![
        name("by itself"),
        Node::new(tag::ROTATE_AUTOMATIC, Value::Boolean(true)),
        Node::new(tag::ROTATE_INTERVAL, Value::Interval(3)),
        Node::new(tag::ACTIVATION_DATE, Value::DateTime(1)),
    ];
    let old = client.ask(Operation::CREATE, aes(automatic)).ok().id();
    loop {
        let next = turned.next();
        turned.say(response(
            next.operation,
            ResultStatus::SUCCESS,
            None,
            Vec::new(),
        ));
        let replaced = text(&next.payload, tag::REPLACED_UNIQUE_IDENTIFIER);
        if replaced.is_some() {
            assert_eq!(next.operation, Operation::PUT);
            assert_eq!(replaced, Some(old));
            break;
        }
    }
}

#[test]
fn sensitive_keys_are_never_put_in_clear() {
    let server = Server::start(Setup::default());
    let me = first(&server);
    let mut client = server.client();
    let wrapping = vec![
        enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, 3),
        integer(tag::CRYPTOGRAPHIC_LENGTH, 256),
        integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 0x10),
        Node::new(tag::EXTRACTABLE, Value::Boolean(false)),
        Node::new(tag::ACTIVATION_DATE, Value::DateTime(1)),
    ];
    let wrapping = vec![
        enumeration(tag::OBJECT_TYPE, 2),
        Node::structure(tag::ATTRIBUTES, wrapping),
    ];
    let kek = client.ask(Operation::CREATE, wrapping).ok().id();
    subscribe(&server, &me, &["own", "--put"]);
    let mut turned = Turned::round(server.client());
    let sensitive = || {
        let secret = Node::new(tag::SENSITIVE, Value::Boolean(true));
        aes(vec![secret])
    };
    let token = aes(vec![custom("keyward-class", "token")]);
    for payload in [sensitive(), token] {
        let id = client.ask(Operation::CREATE, payload).ok().id();
        let told = turned.takes(Operation::NOTIFY);
        assert_eq!(told.id(), id);
        assert!(told.payload.child(tag::SYMMETRIC_KEY).is_none());
        assert!(told.attribute(tag::CRYPTOGRAPHIC_LENGTH).is_some(), "new");
    }
    server.told(&["key", "approve", &kek, "--yes"]);
    turned.takes(Operation::NOTIFY);
    subscribe(&server, &me, &["own", "--put", "--wrap-with", &kek]);
    let id = client.ask(Operation::CREATE, sensitive()).ok().id();
    let put = turned.takes(Operation::PUT);
    assert_eq!(put.id(), id);
    let key = put.payload.child(tag::SYMMETRIC_KEY).unwrap();
    let block = key.child(tag::KEY_BLOCK).unwrap();
    assert!(block.child(tag::KEY_WRAPPING_DATA).is_some());
    assert_eq!(key_of(key).len() % 8, 0);
}

#[test]
fn only_the_own_objects_and_the_groups_named_are_told() {
    let server = Server::start(Setup::default());
    server.told(&["client", "add", "other"]);
    server.told(&["tenant", "add", "apart"]);
    server.told(&["client", "add", "stranger", "--tenant", "apart"]);
    let group = |called: &'static str| Node::text(tag::OBJECT_GROUP, called);
    subscribe(&server, "other", &["own", "--notify", "group:shared"]);
    server.told(&[
        "client",
        "subscribe",
        "stranger",
        "--tenant",
        "apart",
        "--notify",
        "group:shared",
    ]);
    let mut stranger = Turned::round(server.client_named("stranger"));
    let mut other = Turned::round(server.client_named("other"));
    let mut client = server.client();
    client.create("not in the group");
    let mut made = |called| {
        let attributes = vec![name(called), group(called)];
        client.ask(Operation::CREATE, aes(attributes)).ok().id()
    };
    made("another group");
    let id = made("shared");
    assert_eq!(other.takes(Operation::NOTIFY).id(), id);
    other.hears_nothing();
    stranger.hears_nothing();
    let own = server.client_named("other").create("own");
    assert_eq!(other.takes(Operation::NOTIFY).id(), own);
    let listed = server.told(&["client", "subscriptions", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!(listed[0]["name"], "other");
    assert_eq!(listed[0]["groups"][0], "shared");
}

#[test]
fn the_client_turns_the_roles_back_and_asks_nothing_else_meanwhile() {
    let server = Server::start(Setup::default());
    subscribe(&server, &first(&server), &["own"]);
    let mut other = server.client();
    let id = other.create("asked for");
    let mut turned = Turned::round(server.client());
    turned
        .client
        .on(Operation::GET, &id)
        .fails(ResultReason::OPERATION_NOT_SUPPORTED);
    // While the server waits for an answer, a request of the client waits for that answer, too.
    other.on(Operation::ACTIVATE, &id).ok();
    assert_eq!(turned.next().operation, Operation::NOTIFY);
    turned.say(message(
        Vec::new(),
        vec![(Operation::SET_ENDPOINT_ROLE, role(EndpointRole::SERVER))],
    ));
    turned.say(response(
        Operation::NOTIFY,
        ResultStatus::SUCCESS,
        None,
        Vec::new(),
    ));
    let answer = turned.client.receive().unwrap().remove(0).ok();
    assert_eq!(
        number(&answer.payload, tag::ENDPOINT_ROLE),
        EndpointRole::SERVER.0
    );
    let mut client = turned.client;
    client.on(Operation::GET, &id).ok();
    client
        .ask(Operation::SET_ENDPOINT_ROLE, role(EndpointRole::SERVER))
        .ok();
    client
        .ask(Operation::SET_ENDPOINT_ROLE, role(EndpointRole(7)))
        .fails(ResultReason::INVALID_FIELD);
    client.on(Operation::GET, &id).ok();
    // Once more, until there is nothing left to tell: then the server gives the connection back.
    let mut turned = Turned::round(client);
    // The Gets from before have ended Fresh.
    while turned.try_next(Duration::from_secs(1)).is_ok() {
        turned.say(response(
            Operation::NOTIFY,
            ResultStatus::SUCCESS,
            None,
            Vec::new(),
        ));
    }
    server.told(&["client", "unsubscribe", &first(&server)]);
    let back = turned.takes(Operation::SET_ENDPOINT_ROLE);
    assert_eq!(
        number(&back.payload, tag::ENDPOINT_ROLE),
        EndpointRole::CLIENT.0
    );
    turned.client.on(Operation::GET, &id).ok();
}

#[test]
fn a_client_may_prefer_an_older_version_and_not_know_put() {
    let server = Server::start(Setup::default());
    subscribe(&server, &first(&server), &["own", "--put"]);
    let mut client = server.client();
    let mut turned = Turned::as_client_of(server.client(), (1, 4), &[Operation::NOTIFY]);
    let id = client.create("old style");
    let told = turned.takes(Operation::NOTIFY);
    assert_eq!((told.version, told.id()), (4, id.clone()));
    let note = custom("note", "a");
    client
        .ask(Operation::ADD_ATTRIBUTE, new_attribute(&id, note))
        .ok();
    let named = |asked: &Asked, wanted: &str| {
        let mut attributes = asked
            .payload
            .items()
            .iter()
            .filter(|item| item.tag == tag::ATTRIBUTE);
        let found =
            attributes.find(|item| text(item, tag::ATTRIBUTE_NAME).as_deref() == Some(wanted));
        found.cloned()
    };
    let told = turned.takes(Operation::NOTIFY);
    assert!(named(&told, "Last Change Date").is_some());
    assert_eq!(named(&told, "State"), None);
    let added = named(&told, "x-note").unwrap();
    assert!(added.child(tag::ATTRIBUTE_VALUE).is_some());
    let mut payload = on(&id);
    payload.push(Node::structure(
        tag::ATTRIBUTE_REFERENCE,
        vec![
            Node::text(tag::VENDOR_IDENTIFICATION, "x"),
            Node::text(tag::ATTRIBUTE_NAME, "note"),
        ],
    ));
    client.ask(Operation::DELETE_ATTRIBUTE, payload).ok();
    let told = turned.takes(Operation::NOTIFY);
    let deleted = named(&told, "x-note").unwrap();
    assert!(deleted.child(tag::ATTRIBUTE_VALUE).is_none());
}

#[test]
fn what_is_refused_is_told_again_and_what_is_said_in_a_wrong_form_ends_the_connection() {
    let server = Server::start(Setup::default());
    subscribe(&server, &first(&server), &["own"]);
    let mut client = server.client();
    let mut turned = Turned::round(server.client());
    let id = client.create("refused once");
    assert_eq!(turned.next().id(), id);
    let failed = ResultStatus::OPERATION_FAILED;
    turned.say(response(
        Operation::NOTIFY,
        failed,
        Some(ResultReason::GENERAL_FAILURE),
        Vec::new(),
    ));
    assert_eq!(turned.takes(Operation::NOTIFY).id(), id);
    // An answer to something else, one that nobody asked for, none at all of KMIP.
    let wrong = [
        response(Operation::PUT, ResultStatus::SUCCESS, None, Vec::new()),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0x42, 0x00, 0x7B, 0x01, 0x7F, 0xFF, 0xFF, 0xFF],
    ];
    for bytes in wrong {
        let id = client.create(&format!("{}", bytes.len()));
        assert_eq!(turned.next().id(), id);
        turned.say(bytes);
        // A length that is only claimed is waited for as long as an answer.
        turned.ends_within(Duration::from_secs(15));
        turned = Turned::round(server.client());
        // It is not taken as told.
        assert_eq!(turned.takes(Operation::NOTIFY).id(), id);
    }
    turned.hears_nothing();
    turned.say(response(
        Operation::NOTIFY,
        ResultStatus::SUCCESS,
        None,
        Vec::new(),
    ));
    turned.ends_within(Duration::from_secs(8));
    let log = server.told(&["audit", "show", "--json"]);
    assert!(log.contains("NotTaken"), "{log}");
}

#[test]
fn a_client_that_never_answers_is_dropped_and_others_go_on() {
    let server = Server::start(Setup::default());
    subscribe(&server, &first(&server), &["own", "--put"]);
    let mut client = server.client();
    let mut others = Turned::round(server.client());
    let other = |name: &str| {
        server.told(&["client", "add", name]);
        subscribe(&server, name, &["own", "--put"]);
        server.client_named(name)
    };
    let mut silent = Turned::silent(other("silent"));
    let mut deaf = Turned::round(other("deaf"));
    server.client_named("deaf").create("it is not told of this");
    let begun = Instant::now();
    for count in 0..30 {
        let id = client.create(&format!("told {count}"));
        assert_eq!(others.takes(Operation::PUT).id(), id);
    }
    silent.ends_within(Duration::from_secs(20));
    deaf.ends_within(Duration::from_secs(20));
    assert!(
        begun.elapsed() > Duration::from_secs(5),
        "it was given time"
    );
    let id = client.create("afterwards");
    assert_eq!(others.takes(Operation::PUT).id(), id);
}

#[test]
fn turned_connections_are_limited_and_end_with_their_identity() {
    let server = Server::start(Setup::default());
    server.told(&["client", "add", "many"]);
    subscribe(&server, "many", &["own"]);
    let mut turned: Vec<_> = (0..4)
        .map(|_| Turned::round(server.client_named("many")))
        .collect();
    let mut fifth = server.client_named("many");
    fifth
        .ask(Operation::SET_ENDPOINT_ROLE, role(EndpointRole::CLIENT))
        .fails(ResultReason::SERVER_LIMIT_EXCEEDED);
    drop(turned.pop());
    let begun = Instant::now();
    loop {
        let answer = fifth.ask(Operation::SET_ENDPOINT_ROLE, role(EndpointRole::CLIENT));
        if answer.status == ResultStatus::SUCCESS {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "still counted");
        std::thread::sleep(Duration::from_millis(100));
    }
    server.told(&["client", "revoke", "many", "--yes"]);
    for connection in &mut turned {
        connection.ends_within(Duration::from_secs(8));
    }
}

#[test]
fn over_https_roles_cannot_be_turned() {
    let server = Server::start(Setup::default());
    subscribe(&server, &first(&server), &["own"]);
    let asked = message(
        Vec::new(),
        vec![(Operation::SET_ENDPOINT_ROLE, role(EndpointRole::CLIENT))],
    );
    server
        .posted(&asked)
        .fails(ResultReason::FEATURE_NOT_SUPPORTED);
}

#[test]
fn a_subscription_that_no_administrator_wrote_is_not_used() {
    on_both(|server, database| {
        subscribe(server, &first(server), &["own"]);
        database.run("UPDATE entities SET version = version + 1 WHERE kind = 30");
        let mut client = server.client();
        client
            .ask(Operation::SET_ENDPOINT_ROLE, role(EndpointRole::CLIENT))
            .fails(ResultReason::GENERAL_FAILURE);
        let listed = server.cli(&["client", "subscriptions"]);
        assert!(!listed.status.success(), "{listed:?}");
    });
}

/// What the server asks carries no credential: nobody gets past the rights of one by turning roles.
#[test]
fn roles_are_not_turned_with_a_ticket() {
    let server = Server::start(Setup::default());
    subscribe(&server, &first(&server), &["own", "--put"]);
    let mut client = server.client();
    let login = client.ask(Operation::LOGIN, Vec::new()).ok();
    let ticket = login.payload.child(tag::TICKET).unwrap().clone();
    let credential = vec![
        enumeration(tag::CREDENTIAL_TYPE, CredentialType::TICKET.0),
        Node::structure(tag::CREDENTIAL_VALUE, vec![ticket]),
    ];
    let authentication = Node::structure(
        tag::AUTHENTICATION,
        vec![Node::structure(tag::CREDENTIAL, credential)],
    );
    let item = (Operation::SET_ENDPOINT_ROLE, role(EndpointRole::CLIENT));
    client
        .send(&message(vec![authentication], vec![item]))
        .unwrap();
    let answer = client.receive().unwrap().remove(0);
    answer.fails(ResultReason::NOT_AUTHORISED);
    Turned::round(client);
}

fn copied(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copied(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// Another node of a server's cluster, without its network: the same database and token.
pub struct Node2 {
    pub engine: Arc<Engine>,
    pub certificate: CertificateDer<'static>,
    pub runtime: tokio::runtime::Runtime,
}

impl Node2 {
    pub fn of(server: &Server, url: &str) -> Node2 {
        // It stays: the token opens every directory that it was ever given again.
        let token = tempfile::Builder::new()
            .prefix("keyward-test-token-")
            .tempdir()
            .unwrap()
            .keep();
        copied(&server.directory().join("token"), &token);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let engine = runtime.block_on(async {
            let store = Arc::new(Store::open(url).await.unwrap());
            let tenant = Tenant {
                name: "default".to_owned(),
                share: true,
                duplicate_names: false,
                withheld: Vec::new(),
                classes: Classes::default(),
            };
            let open = |opening: founding::Opening<'_>| {
                Hsm::open(keyward::hsm::Config {
                    source: Source::Embedded { dir: token.clone() },
                    deployment: opening.deployment.to_owned(),
                    node: "main".to_owned(),
                    workers: 2,
                    loaded_keys: 16,
                    hardware: false,
                    replicas: keyward::hsm::Replicas::default(),
                    isolation: None,
                })
            };
            let clock = Clock::System;
            let (hsm, deployment) = founding::token(&store, &clock, &tenant, open)
                .await
                .unwrap();
            let settings = Settings {
                node: "other".to_owned(),
                ..Settings::default()
            };
            Engine::open(store, hsm, clock, settings, deployment)
                .await
                .unwrap()
        });
        let certificate = server.directory().join("pki/client.pem");
        Node2 {
            engine,
            certificate: CertificateDer::from_pem_file(certificate).unwrap(),
            runtime,
        }
    }

    /// An operation of the server's first client that this node serves; the object.
    pub fn ask(&self, operation: Operation, payload: Vec<Node<'static>>) -> String {
        let request = message(Vec::new(), vec![(operation, payload)]);
        self.runtime.block_on(async {
            let fingerprint = Sha256::digest(&self.certificate).into();
            let sender =
                self.engine
                    .sender(&self.certificate, &fingerprint, "192.0.2.1".to_owned());
            let sender = sender.await;
            let mut answer = Vec::new();
            batch::answer(&self.engine, &sender, &request, &mut answer).await;
            let answer = ttlv::binary::decode(&answer, &ttlv::Limits::default()).unwrap();
            let item = answer.child(tag::BATCH_ITEM).unwrap();
            let payload = item.child(tag::RESPONSE_PAYLOAD);
            text(payload.unwrap(), tag::UNIQUE_IDENTIFIER).unwrap()
        })
    }
}

#[test]
fn a_change_on_one_node_is_told_by_another() {
    let Some(cluster) = crate::postgres::shared() else {
        return;
    };
    let url = cluster.database();
    let server = Server::start(Setup {
        database: Some(url.clone()),
        ..Setup::default()
    });
    let other = Node2::of(&server, &url);
    subscribe(&server, &first(&server), &["own", "--put"]);
    let mut turned = Turned::round(server.client());
    let id = other.ask(Operation::CREATE, aes(vec![name("elsewhere")]));
    assert_eq!(turned.takes(Operation::PUT).id(), id);
    other.ask(Operation::ACTIVATE, on(&id));
    let told = turned.takes(Operation::NOTIFY);
    assert_eq!(told.attribute(tag::STATE), Some(Value::Enumeration(2)));
    assert_eq!(told.attribute(tag::CRYPTOGRAPHIC_LENGTH), None);
    // Somebody's open transaction holds the settled journal back; nothing is told twice after it.
    let stranger = cluster.database();
    let stranger = stranger.rsplit('/').next().unwrap().to_owned();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            cluster.sql(
                &stranger,
                "BEGIN; SELECT pg_current_xact_id(); SELECT pg_sleep(4); COMMIT",
            );
        });
        std::thread::sleep(Duration::from_millis(500));
        let begun = Instant::now();
        let id = other.ask(Operation::CREATE, aes(vec![name("while it is open")]));
        assert_eq!(turned.takes(Operation::PUT).id(), id);
        assert!(begun.elapsed() < Duration::from_secs(3));
    });
    turned.hears_nothing();
}
