//! Tickets in the wrong hands, and tickets that several ask with at the same time.

use keyward::protocol::enumeration::{CredentialType, Operation, ResultReason};
use keyward::protocol::tag;
use ttlv::Node;

use crate::database::on_both;
use crate::process::{Answer, Client, Server, enumeration, integer, message};

const INVALID: ResultReason = ResultReason::INVALID_TICKET;

fn connect(server: &Server, folder: &str, name: &str) -> Client {
    let clients = server.directory().join(folder);
    server
        .client_with(
            &clients.join(format!("{name}.pem")),
            &clients.join(format!("{name}.key")),
        )
        .unwrap()
}

fn login(client: &mut Client, payload: Vec<Node<'static>>) -> Node<'static> {
    let answer = client.ask(Operation::LOGIN, payload).ok();
    answer.payload.child(tag::TICKET).unwrap().clone()
}

/// Asks for random bytes with a ticket.
fn ask(client: &mut Client, ticket: &Node<'static>) -> Answer {
    let credential = vec![
        enumeration(tag::CREDENTIAL_TYPE, CredentialType::TICKET.0),
        Node::structure(tag::CREDENTIAL_VALUE, vec![ticket.clone()]),
    ];
    let authentication = Node::structure(
        tag::AUTHENTICATION,
        vec![Node::structure(tag::CREDENTIAL, credential)],
    );
    let item = (Operation::RNG_RETRIEVE, vec![integer(tag::DATA_LENGTH, 16)]);
    client
        .send(&message(vec![authentication], vec![item]))
        .unwrap();
    client.receive().unwrap().remove(0)
}

#[test]
fn a_stolen_ticket_is_worth_nothing_to_another_certificate_identity_or_tenant() {
    on_both(|server, _| {
        let elsewhere = server.directory().join("elsewhere");
        let elsewhere = elsewhere.to_str().unwrap();
        server.told(&["tenant", "add", "storage"]);
        server.told(&["client", "add", "ours"]);
        server.told(&["client", "add", "neighbour"]);
        // The same identity with a second certificate, and its namesake in another tenant.
        server.told(&["client", "add", "ours", "--out", elsewhere]);
        let theirs = server.directory().join("theirs");
        let theirs = theirs.to_str().unwrap();
        server.told(&[
            "client", "add", "ours", "--tenant", "storage", "--out", theirs,
        ]);
        let mut ours = connect(server, "clients", "ours");
        let ticket = login(&mut ours, Vec::new());
        ask(&mut ours, &ticket).ok();
        for (folder, name) in [
            ("clients", "neighbour"),
            ("elsewhere", "ours"),
            ("theirs", "ours"),
        ] {
            let mut thief = connect(server, folder, name);
            ask(&mut thief, &ticket).fails(INVALID);
            // Nor can the thief end it.
            let answer = thief.ask(Operation::LOGOUT, vec![ticket.clone()]);
            answer.fails(INVALID);
            // A ticket of its own under the same number is another one.
            login(&mut thief, Vec::new());
            ask(&mut thief, &ticket).fails(INVALID);
        }
        ask(&mut ours, &ticket).ok();
        server.kill();
        server.run();
        ask(&mut connect(server, "clients", "ours"), &ticket).ok();
    });
}

#[test]
fn a_revoked_identity_takes_its_tickets_with_it() {
    on_both(|server, _| {
        server.told(&["client", "add", "leaver"]);
        let mut leaver = connect(server, "clients", "leaver");
        let ticket = login(&mut leaver, Vec::new());
        ask(&mut leaver, &ticket).ok();
        server.told(&["client", "revoke", "leaver", "--yes"]);
        ask(&mut leaver, &ticket).fails(ResultReason::AUTHENTICATION_NOT_SUCCESSFUL);
    });
}

#[test]
fn racing_requests_never_use_a_ticket_more_often_than_it_says() {
    on_both(|server, _| {
        server.told(&["client", "add", "racer"]);
        let mut first = connect(server, "clients", "racer");
        let limits = Node::structure(
            tag::USAGE_LIMITS,
            vec![
                Node::new(tag::USAGE_LIMITS_TOTAL, ttlv::Value::LongInteger(17)),
                Node::new(tag::USAGE_LIMITS_COUNT, ttlv::Value::LongInteger(17)),
                enumeration(tag::USAGE_LIMITS_UNIT, 2),
            ],
        );
        for (payload, allowed) in [
            (vec![integer(tag::REQUEST_COUNT, 23)], 23),
            (vec![limits], 17),
        ] {
            let ticket = login(&mut first, payload);
            let served = std::sync::atomic::AtomicUsize::new(0);
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    let mut client = connect(server, "clients", "racer");
                    let (ticket, served) = (&ticket, &served);
                    scope.spawn(move || {
                        for _ in 0..5 {
                            let answer = ask(&mut client, ticket);
                            match answer.reason {
                                None => {
                                    served.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                                }
                                Some(reason) => {
                                    assert_eq!(reason, ResultReason::USAGE_LIMIT_EXCEEDED);
                                }
                            }
                        }
                    });
                }
            });
            assert_eq!(served.into_inner(), allowed);
            ask(&mut first, &ticket).fails(ResultReason::USAGE_LIMIT_EXCEEDED);
        }
    });
}

#[test]
fn logins_at_the_same_time_get_tickets_of_their_own_and_their_number_is_bounded() {
    on_both(|server, database| {
        server.told(&["client", "add", "many"]);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                let mut client = connect(server, "clients", "many");
                scope.spawn(move || {
                    for _ in 0..5 {
                        let ticket = login(&mut client, Vec::new());
                        ask(&mut client, &ticket).ok();
                        client.ask(Operation::LOGOUT, vec![ticket]).ok();
                    }
                });
            }
        });
        let mut client = connect(server, "clients", "many");
        let mut tickets = Vec::new();
        let refusal = (0..300)
            .map(|_| client.ask(Operation::LOGIN, Vec::new()))
            .find(|answer| {
                tickets.extend(answer.payload.child(tag::TICKET).cloned());
                answer.reason.is_some()
            });
        refusal
            .expect("an end of tickets")
            .fails(ResultReason::SERVER_LIMIT_EXCEEDED);
        assert_eq!(tickets.len(), 256);
        assert_eq!(
            database.number("SELECT count(*) FROM entities WHERE kind = 9"),
            256
        );
        let ended = client.ask(Operation::LOGOUT, vec![tickets.swap_remove(0)]);
        ended.ok();
        login(&mut client, Vec::new());
        ask(&mut client, tickets.last().unwrap()).ok();
    });
}

/// The database is written to by somebody who has no token: a ticket's count, its end, its owner.
#[test]
fn a_ticket_that_was_edited_or_put_back_is_refused() {
    on_both(|server, database| {
        server.told(&["client", "add", "ours"]);
        let mut ours = connect(server, "clients", "ours");
        let ticket = login(&mut ours, vec![integer(tag::REQUEST_COUNT, 5)]);
        database.run("CREATE TABLE kept AS SELECT * FROM entities WHERE kind = 9");
        ask(&mut ours, &ticket).ok();
        database.run(
            "UPDATE entities SET version = (SELECT version FROM kept), body = (SELECT body FROM kept), \
             mac = (SELECT mac FROM kept), mac_version = (SELECT mac_version FROM kept) WHERE kind = 9",
        );
        assert!(ask(&mut ours, &ticket).reason.is_some(), "an older row");
        database.run("DELETE FROM entities WHERE kind = 9");
        assert!(ask(&mut ours, &ticket).reason.is_some(), "no row");
        assert!(server.is_alive());
    });
}
