//! Guessing passwords: it is slow, it stays slow over a restart, and it hurts nobody else.

use keyward::protocol::enumeration::{CredentialType, Operation, ResultReason};
use keyward::protocol::tag;
use ttlv::Node;

use crate::database::on_both;
use crate::process::{Answer, Client, Server, enumeration, integer, message};

fn connect(server: &Server, name: &str) -> Client {
    let clients = server.directory().join("clients");
    server
        .client_with(
            &clients.join(format!("{name}.pem")),
            &clients.join(format!("{name}.key")),
        )
        .unwrap()
}

fn add_user(server: &Server, name: &str, password: &str) {
    let file = server.home.path().join("password");
    std::fs::write(&file, password).unwrap();
    let file = file.to_str().unwrap();
    server.told(&["user", "add", name, "--password-file", file]);
}

/// Asks for random bytes as a user.
fn ask(client: &mut Client, user: &str, password: &str) -> Answer {
    let text = |tag, text: &str| Node::text(tag, text.to_owned());
    let value = vec![text(tag::USERNAME, user), text(tag::PASSWORD, password)];
    let credential = vec![
        enumeration(
            tag::CREDENTIAL_TYPE,
            CredentialType::USERNAME_AND_PASSWORD.0,
        ),
        Node::structure(tag::CREDENTIAL_VALUE, value),
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

const REFUSED: ResultReason = ResultReason::AUTHENTICATION_NOT_SUCCESSFUL;

fn has_to_wait(answer: &Answer) -> bool {
    answer.fails(REFUSED);
    answer.message.contains("too many wrong credentials")
}

#[test]
fn who_guesses_waits_even_when_the_guess_is_right_and_after_a_restart() {
    on_both(|server, _| {
        add_user(server, "alice", "correct horse");
        server.told(&["client", "add", "guesser"]);
        server.told(&["client", "add", "other"]);
        let mut guesser = connect(server, "guesser");
        let mut other = connect(server, "other");
        ask(&mut guesser, "alice", "correct horse").ok();
        // Users that are not there count like wrong passwords.
        let mut looked_at = 0;
        for guess in 0..9 {
            let user = if guess % 2 == 0 { "alice" } else { "nobody" };
            looked_at += usize::from(!has_to_wait(&ask(&mut guesser, user, "wrong")));
        }
        assert!(looked_at <= 7, "{looked_at} guesses were looked at");
        // One that is looked at: the wait begins anew, and is seconds by now.
        while has_to_wait(&ask(&mut guesser, "alice", "wrong")) {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        // Known and right, and still: nothing tells that a guess is right.
        assert!(has_to_wait(&ask(&mut guesser, "alice", "correct horse")));
        ask(&mut other, "alice", "correct horse").ok();
        server.kill();
        server.run();
        let mut guesser = connect(server, "guesser");
        // One more wrong one after the wait makes it longer than the start took.
        let mut waits = 0;
        for _ in 0..3 {
            std::thread::sleep(std::time::Duration::from_millis(600));
            waits += usize::from(has_to_wait(&ask(&mut guesser, "alice", "wrong")));
        }
        assert!(waits > 0, "a restart forgave what was guessed before");
        // The certificate without the credential is what it was.
        guesser.create("made while waiting");
    });
}

#[test]
fn guesses_at_the_same_time_are_looked_at_no_more_often() {
    on_both(|server, _| {
        add_user(server, "alice", "correct horse");
        server.told(&["client", "add", "guesser"]);
        let looked_at = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for guess in 0..24 {
                let mut client = connect(server, "guesser");
                let looked_at = &looked_at;
                scope.spawn(move || {
                    let answer = ask(&mut client, "alice", &format!("guess {guess}"));
                    if !has_to_wait(&answer) {
                        looked_at.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    }
                });
            }
        });
        let looked_at = looked_at.into_inner();
        // Five are free, and one more is under way while the fifth is.
        assert!((1..=8).contains(&looked_at), "{looked_at} were looked at");
    });
}

#[test]
fn what_a_user_is_proven_with_stands_nowhere_in_clear() {
    on_both(|server, _| {
        add_user(server, "alice", "a very secret password");
        server.told(&["client", "add", "guesser"]);
        let mut client = connect(server, "guesser");
        ask(&mut client, "alice", "a very secret password").ok();
        ask(&mut client, "alice", "a mistyped password").fails(REFUSED);
        assert!(!server.log().contains("password\""), "{}", server.log());
        for secret in ["a very secret", "a mistyped"] {
            assert!(!server.log().contains(secret));
            let audit = server.told(&["audit", "show", "--json"]);
            assert!(!audit.contains(secret));
            let found = std::fs::read_dir(server.directory())
                .unwrap()
                .filter_map(|entry| std::fs::read(entry.unwrap().path()).ok())
                .any(|bytes| {
                    bytes
                        .windows(secret.len())
                        .any(|window| window == secret.as_bytes())
                });
            assert!(!found, "in the files of the server");
        }
    });
}
