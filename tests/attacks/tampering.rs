//! A writer of the database cannot forge, and cannot go back unseen (DESIGN §1.2).

use keyward::protocol::enumeration::{Operation, ResultReason, ResultStatus};
use keyward::protocol::tag;
use ttlv::Node;

use crate::database::{Database, on_both};
use crate::process::{Server, enumeration, integer, name, on};

const OBJECT: &str = "owner, version, object_type, class, state, activation_date, deactivation_date, archived, \
                      mac_version, mac, blob_kind, blob_key_version, blob_length, attributes, blob";

fn row(database: &Database, id: &str) -> String {
    format!("unique_identifier = {}", database.text(id))
}

/// Keeps an object's row as it is now.
fn keep(database: &Database, id: &str) {
    database.run(&format!(
        "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT * FROM objects WHERE {}",
        row(database, id)
    ));
}

fn put_back(database: &Database, id: &str) {
    database.run(&format!(
        "UPDATE objects SET ({OBJECT}) = (SELECT {OBJECT} FROM kept) WHERE {}",
        row(database, id)
    ));
}

/// Every use is refused with the same clear error, which tells nothing of the object.
fn is_refused(server: &Server, id: &str, told: &str) {
    let mut client = server.client();
    let before = server.log().len();
    for operation in [Operation::GET, Operation::GET_ATTRIBUTES, Operation::ENCRYPT, Operation::ACTIVATE, Operation::DESTROY] {
        let mut payload = on(id);
        if operation == Operation::ENCRYPT {
            payload.push(Node::bytes(tag::DATA, vec![0; 16]));
        }
        let answer = client.ask(operation, payload);
        answer.fails(ResultReason::GENERAL_FAILURE);
        assert!(answer.message.contains("integrity check"), "{told}: {operation}: {}", answer.message);
    }
    let log = server.log();
    assert!(log[before..].contains(id), "{told}: the log does not name the object");
}

/// A column, and what is written there instead.
const EDITS: [(&str, &str); 11] = [
    ("owner", "owner || owner"),
    ("version", "version + 1"),
    ("object_type", "7"),
    ("class", "1"),
    ("state", "2"),
    ("activation_date", "1"),
    ("deactivation_date", "1"),
    ("blob_key_version", "2"),
    ("blob_length", "16"),
    ("mac_version", "2"),
    ("attributes", "substr(attributes, 1, 100)"),
];

#[test]
fn a_row_that_was_edited_is_refused() {
    on_both(|server, database| {
        let mut client = server.client();
        let (id, other) = (client.create("edited"), client.create("other"));
        keep(database, &id);
        let archived = match database {
            Database::Sqlite(_) => ("archived", "1"),
            Database::Postgres(..) => ("archived", "true"),
        };
        let flipped = database.bytes(&[7; 60]);
        let mac = database.bytes(&[0; 32]);
        let edits = EDITS.into_iter().chain([archived, ("blob", flipped.as_str()), ("mac", mac.as_str()), ("blob", "NULL")]);
        for (column, value) in edits {
            database.run(&format!("UPDATE objects SET {column} = {value} WHERE {}", row(database, &id)));
            let told = format!("{column} = {value}");
            let answer = client.on(Operation::GET, &id);
            assert_eq!(answer.status, ResultStatus::OPERATION_FAILED, "{told}");
            answer.fails(ResultReason::GENERAL_FAILURE);
            is_refused(server, &id, &told);
            client.on(Operation::GET, &other).ok();
            put_back(database, &id);
            client.on(Operation::GET, &id).ok();
        }
    });
}

#[test]
fn rows_that_were_swapped_moved_or_copied_are_refused() {
    on_both(|server, database| {
        let mut client = server.client();
        let (one, two, three) = (client.create("one"), client.create("two"), client.create("three"));
        // The blobs alone, then all but the identifiers.
        for columns in ["blob", OBJECT] {
            keep(database, &one);
            let from = format!("SELECT {columns} FROM objects WHERE {}", row(database, &two));
            database.run(&format!("UPDATE objects SET ({columns}) = ({from}) WHERE {}", row(database, &one)));
            is_refused(server, &one, columns);
            put_back(database, &one);
            client.on(Operation::GET, &one).ok();
        }
        // One row takes the other's identifier.
        database.run(&format!(
            "UPDATE objects SET unique_identifier = {} WHERE {}",
            database.text("moved"),
            row(database, &two)
        ));
        is_refused(server, "moved", "moved");
        is_refused(server, &two, "gone");
        // Into another tenant: gone from its own.
        database.run(&format!("UPDATE objects SET tenant = 2 WHERE {}", row(database, &three)));
        is_refused(server, &three, "another tenant's");
        client.on(Operation::GET, &one).ok();
    });
}

#[test]
fn an_older_row_is_refused_by_the_server_that_saw_the_newer() {
    on_both(|server, database| {
        let mut client = server.client();
        let (id, deleted, other) = (client.create("rolled back"), client.create("deleted"), client.create("other"));
        keep(database, &id);
        client.on(Operation::ACTIVATE, &id).ok();
        client.ask(
            Operation::REVOKE,
            vec![
                Node::text(tag::UNIQUE_IDENTIFIER, id.clone()),
                Node::structure(tag::REVOCATION_REASON, vec![enumeration(tag::REVOCATION_REASON_CODE, 2)]),
                Node::new(tag::COMPROMISE_OCCURRENCE_DATE, ttlv::Value::DateTime(1)),
            ],
        ).ok();
        put_back(database, &id);
        is_refused(server, &id, "rolled back");
        // Deleted is not "not found", which would invite a client to make another.
        database.run(&format!("DELETE FROM objects WHERE {}", row(database, &deleted)));
        is_refused(server, &deleted, "deleted");
        client.on(Operation::GET, "never there").fails(ResultReason::OBJECT_NOT_FOUND);
        client.on(Operation::GET, &other).ok();
    });
}

/// Entities: kind numbers of `EntityKind`.
const TENANT: u8 = 2;
const TENANT_KEY: u8 = 3;
const IDENTITY: u8 = 4;
const MAPPING: u8 = 5;
const MANIFEST: u8 = 6;

fn keep_entities(database: &Database) {
    database.run("DROP TABLE IF EXISTS kept_entities; CREATE TABLE kept_entities AS SELECT * FROM entities");
}

fn put_entities_back(database: &Database) {
    database.run("DELETE FROM entities; INSERT INTO entities SELECT * FROM kept_entities");
}

/// What a server that starts on this database, or runs on it, does for the first client.
fn nobody_is_let_in(server: &mut Server, database: &Database, told: &str) {
    server.kill();
    // A server that starts may refuse to; one that runs refuses its clients.
    let started = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| server.run()));
    if started.is_ok() {
        let answered = server.client().try_ask(Operation::CREATE, crate::process::aes(Vec::new()));
        let answer = answered.unwrap();
        assert_eq!(answer.status, ResultStatus::OPERATION_FAILED, "{told}");
        assert!(!answer.message.is_empty());
        server.kill();
    } else {
        assert!(server.log().contains("MAC") || server.log().contains("integrity"), "{told}: {}", server.log());
    }
    put_entities_back(database);
    server.run();
    let mut client = server.client();
    client.ask(Operation::CREATE, crate::process::aes(Vec::new())).ok();
}

#[test]
fn identities_tenants_and_their_keys_cannot_be_edited() {
    on_both(|server, database| {
        server.told(&["client", "add", "second", "--json"]);
        keep_entities(database);
        for kind in [TENANT, TENANT_KEY, IDENTITY, MAPPING, MANIFEST] {
            for edit in ["version = version + 1", "mac_version = 2"] {
                database.run(&format!("UPDATE entities SET {edit} WHERE kind = {kind}"));
                nobody_is_let_in(server, database, &format!("kind {kind}, {edit}"));
            }
        }
        let second = database.text("second");
        let first = database.text("first-client");
        // The bodies of two identities swapped, one identity's row under the other's name.
        let body = |key: &str| format!("(SELECT body, mac FROM kept_entities WHERE kind = {IDENTITY} AND key = {key})");
        database.run(&format!(
            "UPDATE entities SET (body, mac) = {} WHERE kind = {IDENTITY} AND key = {first}; \
             UPDATE entities SET (body, mac) = {} WHERE kind = {IDENTITY} AND key = {second}",
            body(&second),
            body(&first)
        ));
        nobody_is_let_in(server, database, "identities swapped");
        // wrap and seal keys exchanged.
        let (wrap, seal) = (database.text("wrap-v1"), database.text("seal-v1"));
        let body = |key: &str| format!("(SELECT body, mac FROM kept_entities WHERE kind = {TENANT_KEY} AND key = {key})");
        database.run(&format!(
            "UPDATE entities SET (body, mac) = {} WHERE kind = {TENANT_KEY} AND key = {wrap}; \
             UPDATE entities SET (body, mac) = {} WHERE kind = {TENANT_KEY} AND key = {seal}",
            body(&seal),
            body(&wrap)
        ));
        nobody_is_let_in(server, database, "tenant keys swapped");
        for kind in [TENANT, MANIFEST] {
            database.run(&format!("DELETE FROM entities WHERE kind = {kind}"));
            if kind == MANIFEST {
                nobody_is_let_in(server, database, "without manifest");
            } else {
                put_entities_back(database);
            }
        }
    });
}

#[test]
fn a_revocation_cannot_be_taken_back_in_the_database() {
    on_both(|server, database| {
        server.told(&["client", "add", "leaver"]);
        let clients = server.directory().join("clients");
        let connect = || server.client_with(&clients.join("leaver.pem"), &clients.join("leaver.key"));
        let mut leaver = connect().unwrap();
        leaver.create("of the leaver");
        keep_entities(database);
        server.told(&["client", "revoke", "leaver", "--yes"]);
        let refused = |told: &str, leaver: &mut crate::process::Client| {
            let answer = leaver.ask(Operation::CREATE, crate::process::aes(Vec::new()));
            assert_eq!(answer.status, ResultStatus::OPERATION_FAILED, "{told}");
            assert!(
                matches!(answer.reason, Some(ResultReason::AUTHENTICATION_NOT_SUCCESSFUL | ResultReason::GENERAL_FAILURE)),
                "{told}: {answer:?}"
            );
        };
        refused("revoked", &mut leaver);
        put_entities_back(database);
        refused("manifest rolled back", &mut leaver);
        database.run(&format!("DELETE FROM entities WHERE kind = {MANIFEST}"));
        refused("manifest deleted", &mut leaver);
        assert!(!server.log().contains("panicked"));
    });
}

#[test]
fn the_index_is_only_a_hint() {
    on_both(|server, database| {
        let mut client = server.client();
        let (wanted, forged) = (client.create("wanted"), client.create("forged"));
        let sequence = |id: &str| database.number(&format!("SELECT sequence FROM objects WHERE {}", row(database, id)));
        // Everything by which "wanted" is found leads to "forged" now.
        database.run(&format!(
            "DELETE FROM entries WHERE object = {forged}; UPDATE entries SET object = {forged} WHERE object = {wanted}",
            forged = sequence(&forged),
            wanted = sequence(&wanted)
        ));
        assert_eq!(client.located("wanted"), Vec::<String>::new(), "a wrong hit is shown");
        let counted = client.ask(
            Operation::LOCATE,
            vec![integer(tag::MAXIMUM_ITEMS, 10), Node::structure(tag::ATTRIBUTES, vec![name("wanted")])],
        ).ok();
        assert_eq!(counted.payload.child(tag::LOCATED_ITEMS).map(|node| node.value.clone()), Some(ttlv::Value::Integer(0)));
        // The objects themselves are what they were.
        client.on(Operation::GET, &wanted).ok();
        client.on(Operation::GET, &forged).ok();
        // A hit whose row was edited is an error: it might be the one that is searched for.
        let edited = client.create("edited");
        database.run(&format!("UPDATE objects SET owner = owner || owner WHERE {}", row(database, &edited)));
        let other = client.create("sound");
        client.locate(vec![name("edited")]).fails(ResultReason::GENERAL_FAILURE);
        assert_eq!(client.located("sound"), [other]);
    });
}
