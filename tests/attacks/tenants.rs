//! Tenants do not know of each other (DESIGN §6): a stranger's object looks absent, whatever is asked.

use keyward::protocol::enumeration::{Operation, ResultReason};

use crate::database::on_both;
use crate::process::{Client, Server};

fn connect(server: &Server, name: &str) -> Client {
    let clients = server.directory().join("clients");
    server
        .client_with(
            &clients.join(format!("{name}.pem")),
            &clients.join(format!("{name}.key")),
        )
        .unwrap()
}

/// What absent is called since 2.0.
const ABSENT: ResultReason = ResultReason::OBJECT_NOT_FOUND;

/// Operations that name an object and nothing else.
const OPERATIONS: [Operation; 5] = [
    Operation::GET,
    Operation::GET_ATTRIBUTES,
    Operation::GET_ATTRIBUTE_LIST,
    Operation::ACTIVATE,
    Operation::DESTROY,
];

#[test]
fn another_tenants_object_is_not_there() {
    on_both(|server, _| {
        server.told(&["tenant", "add", "storage"]);
        server.told(&["client", "add", "ours"]);
        server.told(&["client", "add", "theirs", "--tenant", "storage"]);
        let (mut ours, mut theirs) = (connect(server, "ours"), connect(server, "theirs"));
        let id = ours.create("the same name");
        for operation in OPERATIONS {
            theirs.on(operation, &id).fails(ABSENT);
        }
        assert!(theirs.located("the same name").is_empty());
        // Names are unique in their tenant only.
        let other = theirs.create("the same name");
        assert_eq!(theirs.located("the same name").len(), 1);
        ours.on(Operation::GET, &other).fails(ABSENT);
        assert_eq!(ours.located("the same name").len(), 1);
    });
}

#[test]
fn in_a_private_tenant_identities_do_not_know_of_each_others_objects() {
    on_both(|server, _| {
        server.told(&["tenant", "add", "private", "--private"]);
        server.told(&["client", "add", "one", "--tenant", "private"]);
        server.told(&["client", "add", "two", "--tenant", "private"]);
        let (mut one, mut two) = (connect(server, "one"), connect(server, "two"));
        let id = one.create("mine");
        for operation in OPERATIONS {
            two.on(operation, &id).fails(ABSENT);
        }
        assert!(two.located("mine").is_empty());
        assert_eq!(one.located("mine").len(), 1);
        assert!(
            !server.cli(&["tenant", "add", "private"]).status.success(),
            "a name is taken once"
        );
    });
}
