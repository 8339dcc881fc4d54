//! Constraints and defaults of a tenant (2.1 §6.1.22, §6.1.52, §6.1.53): for all its new objects,
//! at once, and for nobody else's.

use keyward::protocol::enumeration::{
    BatchErrorContinuationOption, ObjectType, Operation, QueryFunction, ResultReason,
};
use keyward::protocol::tag;
use ttlv::{Node, Tag, Value};

use crate::database::on_both;
use crate::process::{Answer, Client, aes, enumeration, integer, on};

fn types(types: &[ObjectType]) -> Node<'static> {
    let types = types.iter().map(|one| enumeration(tag::OBJECT_TYPE, one.0));
    Node::structure(tag::OBJECT_TYPES, types.collect())
}

fn groups(groups: &[&str]) -> Node<'static> {
    let groups = groups
        .iter()
        .map(|group| Node::text(tag::OBJECT_GROUP, (*group).to_owned()));
    Node::structure(tag::OBJECT_GROUPS, groups.collect())
}

fn attributes(attributes: Vec<Node<'static>>) -> Node<'static> {
    Node::structure(tag::ATTRIBUTES, attributes)
}

fn constraints(all: Vec<Vec<Node<'static>>>) -> Vec<Node<'static>> {
    let all = all
        .into_iter()
        .map(|fields| Node::structure(tag::CONSTRAINT, fields));
    vec![Node::structure(tag::CONSTRAINTS, all.collect())]
}

fn defaults(all: Vec<Vec<Node<'static>>>) -> Vec<Node<'static>> {
    let all = all
        .into_iter()
        .map(|fields| Node::structure(tag::OBJECT_DEFAULTS, fields));
    vec![Node::structure(tag::DEFAULTS_INFORMATION, all.collect())]
}

fn bits(length: i32) -> Node<'static> {
    integer(tag::CRYPTOGRAPHIC_LENGTH, length)
}

fn symmetric(client: &mut Client, fields: Vec<Node<'static>>) -> Answer {
    let payload = vec![
        enumeration(tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY.0),
        attributes(fields),
    ];
    client.ask(Operation::CREATE, payload)
}

fn value(client: &mut Client, id: &str, tag: Tag) -> Option<Value<'static>> {
    let answer = client.on(Operation::GET_ATTRIBUTES, id).ok();
    let attributes = answer.payload.child(tag::ATTRIBUTES).unwrap();
    attributes.child(tag).map(|node| node.value.clone())
}

fn algorithm() -> Node<'static> {
    enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, 3)
}

fn mask(bits: i32) -> Node<'static> {
    integer(tag::CRYPTOGRAPHIC_USAGE_MASK, bits)
}

#[test]
fn constraints_refuse_what_does_not_fit() {
    on_both(|server, _| {
        let mut client = server.client();
        let none = client.ask(Operation::GET_CONSTRAINTS, Vec::new()).ok();
        assert_eq!(none.payload.items(), constraints(Vec::new()));
        let keys = types(&[ObjectType::SYMMETRIC_KEY]);
        let demanded = constraints(vec![
            // Keys have 256 bits and only encrypt and decrypt.
            vec![keys.clone(), attributes(vec![bits(256), mask(0xC)])],
            // Those of the group only encrypt.
            vec![keys, groups(&["one way"]), attributes(vec![mask(4)])],
        ]);
        client
            .ask(Operation::SET_CONSTRAINTS, demanded.clone())
            .ok();
        let told = client.ask(Operation::GET_CONSTRAINTS, Vec::new()).ok();
        assert_eq!(told.payload.items(), demanded);
        let group = || Node::text(tag::OBJECT_GROUP, "one way");
        let rows = [
            (vec![bits(256), mask(0xC)], true),
            (vec![bits(256), mask(4)], true),
            (vec![bits(128), mask(4)], false),
            (vec![bits(256), mask(0x10)], false),
            (vec![bits(256), mask(4), group()], true),
            (vec![bits(256), mask(0xC), group()], false),
        ];
        for (mut fields, fits) in rows {
            fields.push(algorithm());
            let answer = symmetric(&mut client, fields.clone());
            match fits {
                true => drop(answer.ok()),
                false => answer.fails(ResultReason::CONSTRAINT_VIOLATION),
            }
        }
        // Another way to an object, another type, another tenant.
        let registered = |length: usize| {
            let block = Node::structure(
                tag::KEY_BLOCK,
                vec![
                    enumeration(tag::KEY_FORMAT_TYPE, 1),
                    Node::structure(
                        tag::KEY_VALUE,
                        vec![Node::bytes(tag::KEY_MATERIAL, vec![1; length])],
                    ),
                    algorithm(),
                    bits(i32::try_from(length * 8).unwrap()),
                ],
            );
            vec![
                enumeration(tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY.0),
                attributes(vec![mask(4)]),
                Node::structure(tag::SYMMETRIC_KEY, vec![block]),
            ]
        };
        client
            .ask(Operation::REGISTER, registered(16))
            .fails(ResultReason::CONSTRAINT_VIOLATION);
        client.ask(Operation::REGISTER, registered(32)).ok();
        server.told(&["tenant", "add", "elsewhere"]);
        server.told(&["client", "add", "stranger", "--tenant", "elsewhere"]);
        let clients = server.directory().join("clients");
        let mut stranger = server
            .client_with(&clients.join("stranger.pem"), &clients.join("stranger.key"))
            .unwrap();
        symmetric(&mut stranger, vec![bits(128), mask(4), algorithm()]).ok();
        let none = stranger.ask(Operation::GET_CONSTRAINTS, Vec::new()).ok();
        assert_eq!(none.payload.items(), constraints(Vec::new()));
        // Whoever has no profile for it sets nothing.
        stranger
            .ask(Operation::SET_CONSTRAINTS, demanded)
            .fails(ResultReason::PERMISSION_DENIED);
        stranger
            .ask(Operation::SET_DEFAULTS, Vec::new())
            .fails(ResultReason::PERMISSION_DENIED);
        // After a restart, and gone when taken back.
        server.terminate();
        server.run();
        let mut client = server.client();
        symmetric(&mut client, vec![bits(128), mask(4), algorithm()])
            .fails(ResultReason::CONSTRAINT_VIOLATION);
        client
            .ask(Operation::SET_CONSTRAINTS, constraints(Vec::new()))
            .ok();
        symmetric(&mut client, vec![bits(128), mask(4), algorithm()]).ok();
    });
}

#[test]
fn defaults_fill_what_a_request_leaves_out() {
    on_both(|server, _| {
        let mut client = server.client();
        let lacking = symmetric(&mut client, vec![mask(4)]);
        lacking.fails(ResultReason::INVALID_MESSAGE);
        let symmetric_key = enumeration(tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY.0);
        let set = defaults(vec![
            vec![
                symmetric_key.clone(),
                attributes(vec![algorithm(), bits(256), mask(0xC)]),
            ],
            vec![
                symmetric_key,
                attributes(vec![bits(128)]),
                groups(&["short"]),
            ],
            vec![
                types(&[ObjectType::PRIVATE_KEY, ObjectType::PUBLIC_KEY]),
                attributes(vec![
                    enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, 4),
                    bits(2048),
                    Node::text(tag::COMMENT, "by default"),
                ]),
            ],
        ]);
        client.ask(Operation::SET_DEFAULTS, set.clone()).ok();
        let id = symmetric(&mut client, Vec::new()).ok().id();
        let length = |client: &mut Client, id: &str| value(client, id, tag::CRYPTOGRAPHIC_LENGTH);
        assert_eq!(length(&mut client, &id), Some(Value::Integer(256)));
        let group = Node::text(tag::OBJECT_GROUP, "short");
        let id = symmetric(&mut client, vec![group]).ok().id();
        assert_eq!(length(&mut client, &id), Some(Value::Integer(128)));
        // What the request says stays said.
        let id = symmetric(&mut client, vec![bits(192), mask(4)]).ok().id();
        assert_eq!(length(&mut client, &id), Some(Value::Integer(192)));
        assert_eq!(
            value(&mut client, &id, tag::CRYPTOGRAPHIC_USAGE_MASK),
            Some(Value::Integer(4))
        );
        let pair = client.ask(Operation::CREATE_KEY_PAIR, Vec::new()).ok();
        for half in [
            tag::PRIVATE_KEY_UNIQUE_IDENTIFIER,
            tag::PUBLIC_KEY_UNIQUE_IDENTIFIER,
        ] {
            let Some(Value::TextString(id)) = pair.payload.child(half).map(|node| &node.value)
            else {
                panic!("{half:?}");
            };
            let comment = value(&mut client, id, tag::COMMENT);
            assert_eq!(comment, Some(Value::TextString("by default".into())));
        }
        let query = |client: &mut Client, more: Vec<Node<'static>>| {
            let function = QueryFunction::QUERY_DEFAULTS_INFORMATION.0;
            let mut payload = vec![enumeration(tag::QUERY_FUNCTION, function)];
            payload.extend(more);
            client.ask(Operation::QUERY, payload).ok().payload
        };
        assert_eq!(query(&mut client, Vec::new()).items(), set);
        let others = query(&mut client, vec![groups(&["other"])]);
        assert_eq!(others.items()[0].items().len(), 2);
        // None at all.
        client.ask(Operation::SET_DEFAULTS, Vec::new()).ok();
        symmetric(&mut client, vec![mask(4)]).fails(ResultReason::INVALID_MESSAGE);
    });
}

#[test]
fn rules_are_undone_with_their_batch_and_hold_inside_it() {
    on_both(|server, _| {
        let mut client = server.client();
        let demanded = constraints(vec![vec![
            types(&[ObjectType::SYMMETRIC_KEY]),
            attributes(vec![bits(128)]),
        ]]);
        let items = vec![
            (Operation::SET_CONSTRAINTS, demanded),
            (Operation::CREATE, aes(Vec::new())),
        ];
        let answers = client.batch(BatchErrorContinuationOption::UNDO, items);
        answers[1].fails(ResultReason::CONSTRAINT_VIOLATION);
        drop(client.create("after"));
        // Rules about what this server does not know are not taken.
        let unknown = constraints(vec![vec![types(&[ObjectType(0x99)])]]);
        client
            .ask(Operation::SET_CONSTRAINTS, unknown)
            .fails(ResultReason::INVALID_OBJECT_TYPE);
        let wrong = constraints(vec![vec![attributes(vec![Node::text(
            tag::CRYPTOGRAPHIC_LENGTH,
            "long",
        )])]]);
        client
            .ask(Operation::SET_CONSTRAINTS, wrong)
            .fails(ResultReason::INVALID_FIELD);
        client
            .ask(
                Operation::SET_DEFAULTS,
                defaults(vec![vec![attributes(Vec::new())]]),
            )
            .fails(ResultReason::INVALID_FIELD);
        drop(client.ask(Operation::GET, on("none")));
    });
}
