//! Login, Delegated Login, Logout and the tickets between them (2.1 §6.1.12, §6.1.30, §6.1.31);
//! Ping and Log.

use keyward::protocol::enumeration::{CredentialType, Operation, QueryFunction, ResultReason};
use keyward::protocol::tag;
use ttlv::{Node, Value};

use crate::credentials::{authentication, password};
use crate::message::*;
use crate::server::{self, Client};

const V2_0: (i32, i32) = (2, 0);

pub fn ticket_of(answer: Answer) -> Item {
    answer.ok().child(tag::TICKET).expect("a Ticket").clone()
}

fn login(client: &mut Client, payload: Vec<Item>) -> Item {
    ticket_of(client.ask(V2_1, Operation::LOGIN, payload))
}

pub fn delegated(client: &mut Client, rights: Vec<Vec<Item>>, more: Vec<Item>) -> Answer {
    let rights = rights
        .into_iter()
        .map(|right| structure(tag::RIGHT, right))
        .collect();
    let mut payload = more;
    payload.push(structure(tag::RIGHTS, rights));
    client.ask(V2_1, Operation::DELEGATED_LOGIN, payload)
}

pub fn operations(operations: &[Operation]) -> Item {
    let operations = operations
        .iter()
        .map(|operation| number(tag::OPERATION, operation.0));
    structure(tag::OPERATIONS, operations.collect())
}

fn limits(total: i64) -> Item {
    structure(
        tag::USAGE_LIMITS,
        vec![
            Node::new(tag::USAGE_LIMITS_TOTAL, Value::LongInteger(total)),
            Node::new(tag::USAGE_LIMITS_COUNT, Value::LongInteger(total)),
            number(tag::USAGE_LIMITS_UNIT, 2),
        ],
    )
}

/// A request that shows a ticket.
fn shown(ticket: &Item) -> Request {
    let credential = (CredentialType::TICKET, vec![ticket.clone()]);
    Request::new(V2_1).header(authentication(vec![credential]))
}

pub fn with(
    client: &mut Client,
    ticket: &Item,
    operation: Operation,
    payload: Vec<Item>,
) -> Answer {
    let request = shown(ticket).item(operation, None, payload);
    client.send(&request).answers.remove(0)
}

fn random(client: &mut Client, ticket: &Item) -> Answer {
    let length = vec![integer(tag::DATA_LENGTH, 8)];
    with(client, ticket, Operation::RNG_RETRIEVE, length)
}

fn logout(client: &mut Client, ticket: &Item) -> Answer {
    client.ask(V2_1, Operation::LOGOUT, vec![ticket.clone()])
}

#[test]
fn a_ticket_stands_for_its_client_until_logout() {
    let mut client = server::shared().connect();
    let ticket = login(&mut client, Vec::new());
    let value = byte_string(ticket.child(tag::TICKET_VALUE).unwrap());
    assert!(value.len() >= 32, "256 random bits");
    random(&mut client, &ticket).ok();
    // Over another connection too, and another ticket is another one.
    let other = login(&mut client, Vec::new());
    assert_ne!(ticket, other);
    random(&mut server::shared().connect(), &ticket).ok();
    logout(&mut client, &ticket).ok();
    let invalid = ResultReason::INVALID_TICKET;
    assert_eq!(random(&mut client, &ticket).fails(), invalid);
    assert_eq!(logout(&mut client, &ticket).fails(), invalid);
    random(&mut client, &other).ok();
    // With the ticket itself in the header.
    with(&mut client, &other, Operation::LOGOUT, vec![other.clone()]).ok();
    assert_eq!(random(&mut client, &other).fails(), invalid);
    // A ticket that never was; half of one.
    for length in [0, 1, 32, 34, 64] {
        let made_up = structure(
            tag::TICKET,
            vec![
                number(tag::TICKET_TYPE, 1),
                bytes(tag::TICKET_VALUE, &vec![0; length]),
            ],
        );
        assert_eq!(random(&mut client, &made_up).fails(), invalid);
    }
}

#[test]
fn a_ticket_has_its_time_and_its_number_of_requests() {
    let mut client = server::shared().connect();
    let ticket = login(
        &mut client,
        vec![
            Node::new(tag::LEASE_TIME, Value::Interval(0)),
            integer(tag::REQUEST_COUNT, 2),
        ],
    );
    // A request is a message, however many items it has.
    let mut request = shown(&ticket);
    for id in [b"1", b"2", b"3"] {
        request = request.item(
            Operation::RNG_RETRIEVE,
            Some(id),
            vec![integer(tag::DATA_LENGTH, 8)],
        );
    }
    for answer in client.send(&request).answers {
        answer.ok();
    }
    random(&mut client, &ticket).ok();
    assert_eq!(
        random(&mut client, &ticket).fails(),
        ResultReason::USAGE_LIMIT_EXCEEDED
    );
    let short = login(
        &mut client,
        vec![Node::new(tag::LEASE_TIME, Value::Interval(2))],
    );
    random(&mut client, &short).ok();
    std::thread::sleep(std::time::Duration::from_millis(2500));
    assert_eq!(
        random(&mut client, &short).fails(),
        ResultReason::INVALID_TICKET
    );
    for wrong in [
        Node::new(tag::LEASE_TIME, Value::Interval(u32::MAX)),
        Node::new(tag::LEASE_TIME, Value::DateTime(1)),
        integer(tag::REQUEST_COUNT, -1),
    ] {
        let answer = client.ask(V2_1, Operation::LOGIN, vec![wrong]);
        assert_eq!(answer.fails(), ResultReason::INVALID_FIELD);
    }
}

#[test]
fn a_delegated_ticket_does_what_its_rights_say_on_the_objects_they_name() {
    let mut client = server::shared().connect();
    let create = |client: &mut Client, group: &str| {
        let attributes = vec![
            number(tag::CRYPTOGRAPHIC_ALGORITHM, 3),
            integer(tag::CRYPTOGRAPHIC_LENGTH, 256),
            integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 12),
            text(tag::OBJECT_GROUP, group),
        ];
        let payload = vec![
            number(tag::OBJECT_TYPE, 2),
            structure(tag::ATTRIBUTES, attributes),
        ];
        client.made(V2_1, Operation::CREATE, payload)
    };
    let (group, other) = (unique("group"), unique("group"));
    let (named, grouped) = (create(&mut client, &other), create(&mut client, &group));
    let neither = create(&mut client, &other);
    let rights = vec![
        vec![
            operations(&[Operation::GET]),
            structure(tag::OBJECTS, vec![uid(&named)]),
            structure(tag::OBJECT_GROUPS, vec![text(tag::OBJECT_GROUP, &group)]),
        ],
        vec![operations(&[Operation::GET_ATTRIBUTES, Operation::QUERY])],
        // Whatever can be done with one object.
        vec![structure(tag::OBJECTS, vec![uid(&grouped)])],
    ];
    let ticket = ticket_of(delegated(&mut client, rights, Vec::new()));
    let denied = ResultReason::NOT_AUTHORISED;
    let mut on = |operation, id: &str| with(&mut client, &ticket, operation, vec![uid(id)]);
    on(Operation::GET, &named).ok();
    on(Operation::GET, &grouped).ok();
    assert_eq!(on(Operation::GET, &neither).fails(), denied);
    on(Operation::GET_ATTRIBUTES, &neither).ok();
    assert_eq!(on(Operation::DESTROY, &named).fails(), denied);
    assert_eq!(on(Operation::ACTIVATE, &neither).fails(), denied);
    on(Operation::ACTIVATE, &grouped).ok();
    // A right for an object is none to make others, nor to find them.
    let length = vec![integer(tag::DATA_LENGTH, 8)];
    for (operation, payload) in [
        (Operation::RNG_RETRIEVE, length),
        (
            Operation::LOCATE,
            vec![structure(tag::ATTRIBUTES, Vec::new())],
        ),
        (Operation::DISCOVER_VERSIONS, Vec::new()),
        (Operation::PING, Vec::new()),
        (Operation::LOGIN, Vec::new()),
    ] {
        let answer = with(&mut client, &ticket, operation, payload);
        assert_eq!(answer.fails(), denied, "{operation}");
    }
    // In the middle of a batch: what was allowed stays done, what follows is not.
    let request = shown(&ticket)
        .item(Operation::GET, Some(b"1"), vec![uid(&named)])
        .item(Operation::GET, Some(b"2"), vec![uid(&neither)])
        .item(Operation::GET, Some(b"3"), vec![uid(&named)]);
    let mut answers = client.send(&request).answers;
    assert_eq!(answers.len(), 2);
    assert_eq!(answers.remove(1).fails(), denied);
    answers.remove(0).ok();
}

#[test]
fn query_tells_what_a_ticket_allows_and_a_ticket_begets_no_ticket() {
    let mut client = server::shared().connect();
    let allowed = [Operation::LOG, Operation::QUERY, Operation::LOGIN];
    let ticket = ticket_of(delegated(
        &mut client,
        vec![vec![operations(&allowed)]],
        Vec::new(),
    ));
    let function = vec![number(
        tag::QUERY_FUNCTION,
        QueryFunction::QUERY_OPERATIONS.0,
    )];
    let told = with(&mut client, &ticket, Operation::QUERY, function).ok();
    let mut told: Vec<u32> = told.items().iter().map(enumeration).collect();
    told.sort_unstable();
    let mut expected = allowed.map(|operation| operation.0);
    expected.sort_unstable();
    assert_eq!(told, expected);
    assert_eq!(
        with(&mut client, &ticket, Operation::LOGIN, Vec::new()).fails(),
        ResultReason::NOT_AUTHORISED
    );
    let plain = login(&mut client, Vec::new());
    assert_eq!(
        with(&mut client, &plain, Operation::LOGIN, Vec::new()).fails(),
        ResultReason::NOT_AUTHORISED
    );
    // No rights allow nothing.
    let nothing = ticket_of(delegated(&mut client, Vec::new(), Vec::new()));
    assert_eq!(
        random(&mut client, &nothing).fails(),
        ResultReason::NOT_AUTHORISED
    );
}

#[test]
fn uses_are_counted_by_operation_and_stay_used_when_a_batch_is_undone() {
    let mut client = server::shared().connect();
    let exceeded = ResultReason::USAGE_LIMIT_EXCEEDED;
    let whole = login(&mut client, vec![limits(3)]);
    // The last item fails, all is undone; two operations are used all the same.
    let length = || vec![integer(tag::DATA_LENGTH, 8)];
    let batch = shown(&whole)
        .header(number(tag::BATCH_ERROR_CONTINUATION_OPTION, 3))
        .item(Operation::RNG_RETRIEVE, Some(b"1"), length())
        .item(Operation::RNG_RETRIEVE, Some(b"2"), length())
        .item(Operation::GET, Some(b"3"), vec![uid("there is none")]);
    client.write(&batch.encode());
    client.read();
    random(&mut client, &whole).ok();
    assert_eq!(random(&mut client, &whole).fails(), exceeded);
    // Logout uses the last one up and ends the row that counts it.
    let last = login(&mut client, vec![limits(1)]);
    with(&mut client, &last, Operation::LOGOUT, vec![last.clone()]).ok();
    assert_eq!(
        random(&mut client, &last).fails(),
        ResultReason::INVALID_TICKET
    );
    // By right: of two that fit the unlimited one, else the limited ones in turn.
    let rights = vec![
        vec![limits(1), operations(&[Operation::RNG_RETRIEVE])],
        vec![
            limits(1),
            operations(&[Operation::RNG_RETRIEVE, Operation::HASH]),
        ],
        vec![operations(&[Operation::LOG])],
    ];
    let ticket = ticket_of(delegated(&mut client, rights, Vec::new()));
    random(&mut client, &ticket).ok();
    random(&mut client, &ticket).ok();
    assert_eq!(random(&mut client, &ticket).fails(), exceeded);
    let words = vec![text(tag::LOG_MESSAGE, "still here")];
    with(&mut client, &ticket, Operation::LOG, words).ok();
    // Bytes are no operations.
    let by_bytes = structure(
        tag::USAGE_LIMITS,
        vec![
            Node::new(tag::USAGE_LIMITS_TOTAL, Value::LongInteger(5)),
            Node::new(tag::USAGE_LIMITS_COUNT, Value::LongInteger(5)),
            number(tag::USAGE_LIMITS_UNIT, 1),
        ],
    );
    let answer = client.ask(V2_1, Operation::LOGIN, vec![by_bytes]);
    assert_eq!(answer.fails(), ResultReason::FEATURE_NOT_SUPPORTED);
}

#[test]
fn a_ticket_carries_the_user_that_was_proven_and_ends_with_it() {
    let server = server::shared();
    let name = unique("session-user");
    server.keyward(
        &[
            "user",
            "add",
            &name,
            "--password-stdin",
            "--operation",
            "Login",
            "--operation",
            "RNGRetrieve",
        ],
        "correct horse",
    );
    let mut client = server.connect();
    let mut logged_in = |secret: &str| {
        let request = Request::new(V2_1)
            .header(authentication(vec![password(&name, secret)]))
            .item(Operation::LOGIN, None, Vec::new());
        ticket_of(client.send(&request).answers.remove(0))
    };
    let ticket = logged_in("correct horse");
    let mut other = server.connect();
    random(&mut other, &ticket).ok();
    let hash = with(
        &mut other,
        &ticket,
        Operation::LOCATE,
        vec![structure(tag::ATTRIBUTES, Vec::new())],
    );
    assert_eq!(
        hash.fails(),
        ResultReason::NOT_AUTHORISED,
        "narrowed as its user is"
    );
    server.keyward(
        &["user", "password", &name, "--password-stdin"],
        "battery staple",
    );
    assert_eq!(
        random(&mut other, &ticket).fails(),
        ResultReason::INVALID_TICKET
    );
    let ticket = logged_in("battery staple");
    random(&mut other, &ticket).ok();
    server.keyward(&["user", "remove", &name, "--yes"], "");
    assert_eq!(
        random(&mut other, &ticket).fails(),
        ResultReason::INVALID_TICKET
    );
}

#[test]
fn ping_is_answered_since_2_1() {
    let mut client = server::shared().connect();
    let payload = client.ask(V2_1, Operation::PING, Vec::new()).ok();
    assert!(payload.items().is_empty());
    assert_eq!(
        client.ask(V2_0, Operation::PING, Vec::new()).fails(),
        ResultReason::OPERATION_NOT_SUPPORTED
    );
}

#[test]
fn a_clients_words_stand_in_the_audit_log_and_forge_no_line_of_it() {
    let server = server::shared();
    let mut client = server.connect();
    let stem = unique("words");
    let words = format!("{stem}\n{{\"phase\":\"outcome\"}}\u{1b}[2J\u{202e} done");
    let log = |words: &str| vec![text(tag::LOG_MESSAGE, words)];
    client.ask(V2_1, Operation::LOG, log(&words)).ok();
    let answer = client.ask(V2_1, Operation::LOG, log(&"x".repeat(4097)));
    assert_eq!(answer.fails(), ResultReason::INVALID_FIELD);
    let found = (0..50).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        let shown = server.keyward(&["audit", "show", "--last", "500", "--json"], "");
        let mut lines = shown.lines();
        lines
            .find(|line| line.contains(&stem))
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
    });
    let record = found.expect("the words in the audit log");
    assert_eq!(record["operation"], "Log");
    assert_eq!(record["result"], "success");
    assert_eq!(
        record["words"],
        format!("{stem}\\n{{\"phase\":\"outcome\"}}\\u{{1b}}[2J\\u{{202e}} done")
    );
}

#[test]
fn what_is_answered_later_is_narrowed_as_it_was_asked() {
    let mut client = server::shared().connect();
    let attributes = vec![
        number(tag::CRYPTOGRAPHIC_ALGORITHM, 3),
        integer(tag::CRYPTOGRAPHIC_LENGTH, 256),
        integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 12),
    ];
    let payload = vec![
        number(tag::OBJECT_TYPE, 2),
        structure(tag::ATTRIBUTES, attributes),
    ];
    let (own, other) = (
        client.made(V2_1, Operation::CREATE, payload.clone()),
        client.made(V2_1, Operation::CREATE, payload),
    );
    let rights = vec![
        vec![
            operations(&[Operation::GET]),
            structure(tag::OBJECTS, vec![uid(&own)]),
            limits(1),
        ],
        vec![operations(&[Operation::POLL])],
    ];
    let ticket = ticket_of(delegated(&mut client, rights, Vec::new()));
    let mut later = |id: &str| {
        let request = shown(&ticket)
            .header(number(tag::ASYNCHRONOUS_INDICATOR, 1))
            .item(Operation::GET, None, vec![uid(id)]);
        client.write(&request.encode());
        let message = client.read();
        let item = message.child(tag::BATCH_ITEM).unwrap();
        let value = item.child(tag::ASYNCHRONOUS_CORRELATION_VALUE);
        let value = value.expect("a pending operation").clone();
        (0..100)
            .find_map(|_| {
                std::thread::sleep(std::time::Duration::from_millis(50));
                let poll = shown(&ticket).item(Operation::POLL, None, vec![value.clone()]);
                client.write(&poll.encode());
                let message = client.read();
                let item = message.child(tag::BATCH_ITEM).unwrap();
                let status = enumeration(item.child(tag::RESULT_STATUS).unwrap());
                // Pending.
                (status != 2).then(|| item.child(tag::RESULT_REASON).map(enumeration))
            })
            .expect("an answer")
            .map(ResultReason)
    };
    assert_eq!(later(&other), Some(ResultReason::NOT_AUTHORISED));
    assert_eq!(later(&own), None);
    assert_eq!(later(&own), Some(ResultReason::USAGE_LIMIT_EXCEEDED));
}
