//! Credentials in the header of a request (2.1 §9.11), each with users made by `keyward user`.

use std::sync::Arc;

use keyward::protocol::enumeration::{CredentialType, Operation, QueryFunction, ResultReason};
use keyward::protocol::tag;
use sha2::{Digest, Sha256};
use tokio_rustls::rustls::ClientConfig;
use ttlv::{Node, Tag, Value};

use crate::message::*;
use crate::server::{self, Server};

const REFUSED: ResultReason = ResultReason::AUTHENTICATION_NOT_SUCCESSFUL;

pub fn authentication(credentials: Vec<(CredentialType, Vec<Item>)>) -> Item {
    let credentials = credentials.into_iter().map(|(kind, value)| {
        structure(
            tag::CREDENTIAL,
            vec![
                number(tag::CREDENTIAL_TYPE, kind.0),
                structure(tag::CREDENTIAL_VALUE, value),
            ],
        )
    });
    structure(tag::AUTHENTICATION, credentials.collect())
}

pub fn password(user: &str, password: &str) -> (CredentialType, Vec<Item>) {
    let value = vec![text(tag::USERNAME, user), text(tag::PASSWORD, password)];
    (CredentialType::USERNAME_AND_PASSWORD, value)
}

/// A request for random bytes, which needs an identity and nothing else.
fn random(version: (i32, i32), credentials: Vec<(CredentialType, Vec<Item>)>) -> Request {
    let payload = vec![integer(tag::DATA_LENGTH, 16)];
    Request::new(version)
        .header(authentication(credentials))
        .item(Operation::RNG_RETRIEVE, None, payload)
}

/// One client identity on the shared server: wrong credentials cost it waiting, nobody else.
struct Who {
    server: &'static Server,
    configuration: Arc<ClientConfig>,
}

impl Who {
    fn new(stem: &str, options: &[&str]) -> (Who, String) {
        let (server, name) = (server::shared(), unique(stem));
        let configuration = server.identity(&name, options);
        let who = Who {
            server,
            configuration,
        };
        (who, name)
    }

    fn user(&self, stem: &str, secret: &str, options: &[&str]) -> String {
        let name = unique(stem);
        let words = [&["user", "add", &name, "--password-stdin"], options].concat();
        self.server.keyward(&words, secret);
        name
    }

    fn send(&self, request: &Request) -> Response {
        self.server.connect_with(&self.configuration).send(request)
    }

    fn shows(&self, credentials: Vec<(CredentialType, Vec<Item>)>) -> Answer {
        let mut response = self.send(&random(V2_1, credentials));
        response.answers.remove(0)
    }
}

#[test]
fn a_password_must_match_and_nobody_learns_who_exists() {
    let (who, _) = Who::new("password", &[]);
    let user = who.user("alice", "correct horse", &[]);
    for version in [V1_2, V1_4, V2_1] {
        let right = random(version, vec![password(&user, "correct horse")]);
        who.send(&right).answers.remove(0).ok();
    }
    let wrong = random(V1_4, vec![password(&user, "correct horsf")]);
    let unknown = random(V1_4, vec![password("nobody", "correct horse")]);
    let [wrong, unknown] = [wrong, unknown].map(|request| who.send(&request));
    let said = |response: &Response| format!("{:?}", response.answers);
    assert_eq!(said(&wrong), said(&unknown), "the answers are the same");
    assert_eq!(wrong.answers[0].clone().fails(), REFUSED);
    assert_eq!(wrong.answers[0].operation, Some(Operation::RNG_RETRIEVE.0));
    // What anybody may ask is refused, too, and with Continue every item.
    let query = vec![number(
        tag::QUERY_FUNCTION,
        QueryFunction::QUERY_OPERATIONS.0,
    )];
    let all = Request::new(V1_0)
        .header(authentication(vec![password(&user, "wrong")]))
        .header(number(tag::BATCH_ERROR_CONTINUATION_OPTION, 1))
        .item(Operation::QUERY, Some(b"1"), query)
        .item(Operation::CREATE, Some(b"2"), aes(Vec::new()));
    let reasons = who.send(&all).answers.into_iter().map(Answer::fails);
    assert_eq!(reasons.collect::<Vec<_>>(), [REFUSED, REFUSED]);
    // A name alone proves nothing.
    let name_only = vec![text(tag::USERNAME, &user)];
    let alone = who.shows(vec![(CredentialType::USERNAME_AND_PASSWORD, name_only)]);
    assert_eq!(alone.fails(), REFUSED);
}

#[test]
fn all_credentials_must_be_satisfied_and_unknown_kinds_never_are() {
    let (who, _) = Who::new("several", &[]);
    let (one, two) = (
        who.user("one", "first secret", &[]),
        who.user("two", "second secret", &[]),
    );
    who.shows(vec![
        password(&one, "first secret"),
        password(&two, "second secret"),
    ])
    .ok();
    let half = vec![
        password(&one, "first secret"),
        password(&two, "first secret"),
    ];
    assert_eq!(who.shows(half).fails(), REFUSED);
    let vendor = (CredentialType(0x8000_0001), vec![text(tag::USERNAME, &one)]);
    assert_eq!(
        who.shows(vec![password(&one, "first secret"), vendor])
            .fails(),
        REFUSED
    );
    assert_eq!(
        who.shows(Vec::new()).fails(),
        ResultReason::INVALID_MESSAGE,
        "Authentication holds one or more"
    );
    let nameless = (
        CredentialType::USERNAME_AND_PASSWORD,
        vec![text(tag::PASSWORD, "first secret")],
    );
    assert_eq!(
        who.shows(vec![nameless]).fails(),
        ResultReason::INVALID_MESSAGE
    );
}

#[test]
fn attestation_is_refused_clearly() {
    let (who, _) = Who::new("attestation", &[]);
    let value = vec![
        structure(
            tag::NONCE,
            vec![bytes(tag::NONCE_ID, b"1"), bytes(tag::NONCE_VALUE, b"2")],
        ),
        number(tag::ATTESTATION_TYPE, 1),
        bytes(tag::ATTESTATION_MEASUREMENT, b"3"),
    ];
    let credential = || vec![(CredentialType::ATTESTATION, value.clone())];
    let reason = |version| {
        let request = Request::new(version)
            .header(authentication(credential()))
            .item(Operation::CREATE, None, aes(Vec::new()));
        who.send(&request).answers.remove(0).fails()
    };
    assert_eq!(reason(V1_1), ResultReason::PERMISSION_DENIED);
    assert_eq!(reason(V1_2), ResultReason::ATTESTATION_FAILED);
    assert_eq!(reason(V2_1), ResultReason::ATTESTATION_FAILED);
}

#[test]
fn a_device_shows_all_that_was_registered_and_nothing_else() {
    let (who, _) = Who::new("device", &[]);
    let (serial, plain) = (unique("serial"), unique("plain"));
    who.user(
        "tape",
        "tape secret",
        &[
            "--device-serial-number",
            &serial,
            "--machine-identifier",
            "M7",
        ],
    );
    who.server.keyward(
        &[
            "user",
            "add",
            &plain,
            "--no-password",
            "--media-identifier",
            &plain,
        ],
        "",
    );
    let shows = |fields: &[(Tag, &str)]| {
        let fields = fields
            .iter()
            .map(|(tag, value)| text(*tag, value))
            .collect();
        who.shows(vec![(CredentialType::DEVICE, fields)])
    };
    let (number, machine) = (tag::DEVICE_SERIAL_NUMBER, tag::MACHINE_IDENTIFIER);
    shows(&[
        (number, &serial),
        (machine, "M7"),
        (tag::PASSWORD, "tape secret"),
    ])
    .ok();
    shows(&[(tag::MEDIA_IDENTIFIER, &plain)]).ok();
    for wrong in [
        vec![(number, serial.as_str()), (machine, "M7")],
        vec![(number, &serial), (tag::PASSWORD, "tape secret")],
        vec![(tag::MEDIA_IDENTIFIER, &plain), (tag::PASSWORD, "any")],
    ] {
        assert_eq!(shows(&wrong).fails(), REFUSED);
    }
    assert_eq!(
        shows(&[(tag::PASSWORD, "tape secret")]).fails(),
        ResultReason::INVALID_MESSAGE
    );
}

#[test]
fn a_one_time_password_counts_once_and_with_the_password() {
    let (who, _) = Who::new("once", &[]);
    let user = who.user("bob", "correct horse", &[]);
    let told = who
        .server
        .keyward(&["user", "one-time", &user, "--count", "2", "--json"], "");
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let code = |place: usize| {
        told["one_time_passwords"][place]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let shows = |password: Option<&str>, code: &str| {
        let mut value = vec![text(tag::USERNAME, &user)];
        value.extend(password.map(|password| text(tag::PASSWORD, password)));
        value.push(text(tag::ONE_TIME_PASSWORD, code));
        who.shows(vec![(CredentialType::ONE_TIME_PASSWORD, value)])
    };
    shows(Some("correct horse"), &code(0)).ok();
    assert_eq!(shows(Some("correct horse"), &code(0)).fails(), REFUSED);
    // A wrong password does not use the code up.
    assert_eq!(shows(Some("wrong"), &code(1)).fails(), REFUSED);
    assert_eq!(shows(None, &code(1)).fails(), REFUSED);
    shows(Some("correct horse"), &code(1)).ok();
}

fn digest(parts: &[&[u8]]) -> Vec<u8> {
    Sha256::digest(parts.concat()).to_vec()
}

#[test]
fn a_hashed_password_is_proven_both_ways_and_never_twice() {
    let (who, _) = Who::new("hashed", &[]);
    let user = who.user("carol", "correct horse", &["--hashed"]);
    let (name, secret) = (user.as_bytes(), b"correct horse".as_slice());
    let (first, second) = (digest(&[name, secret]), digest(&[secret, name]));
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let now = i64::try_from(now.as_micros()).unwrap();
    let send = |first: &[u8], time: i64| {
        let mut hashed = digest(&[first, &time.to_be_bytes()]);
        hashed.extend_from_slice(&second);
        let value = vec![
            text(tag::USERNAME, &user),
            Node::new(tag::TIME_STAMP, Value::DateTimeExtended(time)),
            bytes(tag::HASHED_PASSWORD, &hashed),
        ];
        who.send(&random(
            V2_1,
            vec![(CredentialType::HASHED_PASSWORD, value)],
        ))
    };
    let mut response = send(&first, now);
    response.answers.remove(0).ok();
    let expected = digest(&[&now.to_be_bytes(), &first, &digest(&[&second])]);
    let shown = response.header.child(tag::SERVER_HASHED_PASSWORD).unwrap();
    assert_eq!(byte_string(shown), expected);
    for (first, time) in [
        (&first, now),
        (&first, now - 1),
        (&second, now + 1),
        // Far in the future: it would shut the user out.
        (&first, now + 3_600_000_000),
    ] {
        let mut response = send(first, time);
        assert!(response.header.child(tag::SERVER_HASHED_PASSWORD).is_none());
        assert_eq!(response.answers.remove(0).fails(), REFUSED);
    }
    send(&first, now + 1).answers.remove(0).ok();
    // Only for users who have it, for it is worth the password.
    let plain = who.user("dave", "correct horse", &[]);
    let value = vec![
        text(tag::USERNAME, &plain),
        Node::new(tag::TIME_STAMP, Value::DateTimeExtended(now)),
        bytes(tag::HASHED_PASSWORD, &[0; 64]),
    ];
    let answer = who.shows(vec![(CredentialType::HASHED_PASSWORD, value)]);
    assert_eq!(answer.fails(), REFUSED);
}

#[test]
fn only_a_client_profile_makes_a_credential_be_ignored() {
    let unknown = || vec![password("admin", "never agreed on")];
    let (plain, name) = Who::new("plain", &[]);
    assert_eq!(plain.shows(unknown()).fails(), REFUSED);
    let (fortigate, _) = Who::new("firewall", &["--profile", "fortigate"]);
    fortigate.shows(unknown()).ok();
    plain
        .server
        .keyward(&["client", "profile", &name, "--add", "ceph"], "");
    plain.shows(unknown()).ok();
    plain
        .server
        .keyward(&["client", "profile", &name, "--remove", "ceph"], "");
    assert_eq!(plain.shows(unknown()).fails(), REFUSED);
    // What is not a username and password is never ignored.
    let ticket = structure(
        tag::TICKET,
        vec![
            number(tag::TICKET_TYPE, 1),
            bytes(tag::TICKET_VALUE, &[0; 34]),
        ],
    );
    let answer = fortigate.shows(vec![(CredentialType::TICKET, vec![ticket])]);
    assert_eq!(answer.fails(), ResultReason::INVALID_TICKET);
}

#[test]
fn a_user_narrows_what_its_identity_may_do() {
    let (who, name) = Who::new("narrow", &[]);
    let reader = who.user(
        "reader",
        "correct horse",
        &[
            "--operation",
            "Locate",
            "--operation",
            "Query",
            "--identity",
            &name,
        ],
    );
    let ask = |who: &Who, operation, payload| {
        let request = Request::new(V2_1)
            .header(authentication(vec![password(&reader, "correct horse")]))
            .item(operation, None, payload);
        who.send(&request).answers.remove(0)
    };
    let attributes = || vec![structure(tag::ATTRIBUTES, Vec::new())];
    ask(&who, Operation::LOCATE, attributes()).ok();
    assert_eq!(
        ask(
            &who,
            Operation::RNG_RETRIEVE,
            vec![integer(tag::DATA_LENGTH, 16)]
        )
        .fails(),
        ResultReason::NOT_AUTHORISED
    );
    let functions = vec![number(
        tag::QUERY_FUNCTION,
        QueryFunction::QUERY_OPERATIONS.0,
    )];
    let told = ask(&who, Operation::QUERY, functions).ok();
    let told: Vec<u32> = told.items().iter().map(enumeration).collect();
    assert_eq!(told, [Operation::LOCATE.0, Operation::QUERY.0]);
    // Without the credential the certificate is what it was.
    let mut client = who.server.connect_with(&who.configuration);
    let payload = vec![integer(tag::DATA_LENGTH, 16)];
    client.ask(V2_1, Operation::RNG_RETRIEVE, payload).ok();
    // And nobody else of the tenant is that user.
    let (other, _) = Who::new("other", &[]);
    assert_eq!(
        ask(&other, Operation::LOCATE, attributes()).fails(),
        REFUSED
    );
}

#[test]
fn an_identity_can_be_made_to_show_a_credential() {
    let (who, _) = Who::new("two-factor", &["--require-credential"]);
    let user = who.user("erin", "correct horse", &[]);
    let mut client = who.server.connect_with(&who.configuration);
    let length = || vec![integer(tag::DATA_LENGTH, 16)];
    let bare = client.ask(V2_1, Operation::RNG_RETRIEVE, length());
    assert_eq!(bare.fails(), REFUSED);
    // 2.1 §9.4: Query SHOULD NOT require authentication.
    let function = number(tag::QUERY_FUNCTION, QueryFunction::QUERY_OPERATIONS.0);
    client.ask(V2_1, Operation::QUERY, vec![function]).ok();
    who.shows(vec![password(&user, "correct horse")]).ok();
}

#[test]
fn a_password_that_was_changed_is_wrong_at_once_also_where_it_was_known() {
    let (who, _) = Who::new("change", &[]);
    let user = who.user("frank", "correct horse", &[]);
    who.shows(vec![password(&user, "correct horse")]).ok();
    who.server.keyward(
        &["user", "password", &user, "--password-stdin"],
        "battery staple\n",
    );
    assert_eq!(
        who.shows(vec![password(&user, "correct horse")]).fails(),
        REFUSED
    );
    who.shows(vec![password(&user, "battery staple")]).ok();
    who.server.keyward(&["user", "remove", &user, "--yes"], "");
    assert_eq!(
        who.shows(vec![password(&user, "battery staple")]).fails(),
        REFUSED
    );
    let listed = who.server.keyward(&["user", "list", "--json"], "");
    assert!(!listed.contains("battery") && !listed.contains("horse"));
    // A name comes back with another password, and as another user.
    who.server.keyward(
        &["user", "add", &user, "--password-stdin"],
        "third password",
    );
    who.shows(vec![password(&user, "third password")]).ok();
}

/// What Create answers, and the key's State.
fn made(client: &mut crate::server::Client) -> (String, u32) {
    let key = client.made(V1_4, Operation::CREATE, aes(Vec::new()));
    let state = state(client, &key);
    (key, state)
}

fn state(client: &mut crate::server::Client, key: &str) -> u32 {
    match client.attributes(V1_4, key, &["State"])[0].2 {
        Value::Enumeration(state) => state,
        _ => panic!("a State"),
    }
}

#[test]
fn deviations_are_one_identitys_and_nobody_elses() {
    let (plain, _) = Who::new("plain", &[]);
    let (ceph, _) = Who::new("rgw", &["--profile", "ceph"]);
    let (vcenter, _) = Who::new("vcenter", &["--profile", "vmware"]);
    let [mut plain, mut ceph, mut vcenter] =
        [plain, ceph, vcenter].map(|who| who.server.connect_with(&who.configuration));
    let (pre_active, active) = (1, 2);
    assert_eq!(made(&mut plain).1, pre_active);
    assert_eq!(made(&mut ceph).1, active);
    let (key, _) = made(&mut vcenter);
    let revoke = |code| {
        let reason = structure(
            tag::REVOCATION_REASON,
            vec![number(tag::REVOCATION_REASON_CODE, code)],
        );
        vec![uid(&key), reason]
    };
    vcenter.ask(V1_4, Operation::ACTIVATE, vec![uid(&key)]).ok();
    let again = plain.ask(V1_4, Operation::ACTIVATE, vec![uid(&key)]);
    assert_eq!(again.fails(), ResultReason::PERMISSION_DENIED);
    vcenter.ask(V1_4, Operation::ACTIVATE, vec![uid(&key)]).ok();
    for code in [5, 2] {
        vcenter.ask(V1_4, Operation::REVOKE, revoke(code)).ok();
        let before = client_dates(&mut vcenter, &key);
        vcenter.ask(V1_4, Operation::REVOKE, revoke(code)).ok();
        assert_eq!(client_dates(&mut vcenter, &key), before, "nothing changed");
        let again = plain.ask(V1_4, Operation::REVOKE, revoke(code));
        assert_eq!(again.fails(), ResultReason::PERMISSION_DENIED);
    }
    // What is compromised does not become merely deactivated by asking.
    let answer = vcenter.ask(V1_4, Operation::REVOKE, revoke(5));
    assert_eq!(answer.fails(), ResultReason::PERMISSION_DENIED);
}

fn client_dates(client: &mut crate::server::Client, key: &str) -> String {
    let names = [
        "State",
        "Deactivation Date",
        "Compromise Date",
        "Last Change Date",
    ];
    format!("{:?}", client.attributes(V1_4, key, &names))
}
