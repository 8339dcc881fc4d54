//! Re-certify: links, names, dates.

use keyward::protocol::enumeration::{LinkType, Operation, ResultReason};
use keyward::protocol::tag;
use ttlv::{Node, Value};

use crate::ground::*;
use crate::process::{Client, enumeration, name};

fn renew(client: &mut Client, id: &str, more: Vec<Item>) -> crate::process::Answer {
    let mut payload = vec![uid(id)];
    payload.extend(more);
    client.ask(Operation::RE_CERTIFY, payload)
}

fn offset(seconds: u32) -> Item {
    Node::new(tag::OFFSET, Value::Interval(seconds))
}

/// A certificate for a managed key, named, valid from now for `days`.
fn first(client: &mut Client, called: &str, days: i64) -> (String, String) {
    let (_, public) = client.pair(Vec::new());
    let wanted = attributes(vec![
        x_509(),
        name(called),
        text(tag::COMMENT, "carried over"),
        text(tag::CERTIFICATE_SUBJECT_CN, called),
        date(tag::ACTIVATION_DATE, now() - 60),
        date(tag::DEACTIVATION_DATE, now() + days * DAY),
    ]);
    (client.certified(vec![uid(&public), wanted]), public)
}

#[test]
fn the_successor_takes_name_key_and_dates() {
    let mut client = client();
    let (old, public) = first(&mut client, "renewed", 90);
    let before = client.attributes(&old);
    let new = renew(&mut client, &old, Vec::new()).ok().id();
    assert_ne!(new, old);
    let (old_shown, new_shown) = (client.attributes(&old), client.attributes(&new));
    assert!(old_shown.child(tag::NAME).is_none());
    assert_eq!(client.located("renewed"), [new.clone()]);
    for tag in [tag::ACTIVATION_DATE, tag::DEACTIVATION_DATE, tag::COMMENT] {
        assert_eq!(value(&new_shown, tag), value(&before, tag), "{tag:?}");
    }
    let (was, is) = (client.certificate(&old), client.certificate(&new));
    assert!(
        is.public_key()
            .unwrap()
            .public_eq(&was.public_key().unwrap())
    );
    assert_ne!(
        is.serial_number().to_bn().unwrap(),
        was.serial_number().to_bn().unwrap()
    );
    assert_eq!(
        is.subject_name().to_der().unwrap(),
        was.subject_name().to_der().unwrap()
    );
    assert_eq!(seconds(is.not_after()), seconds(was.not_after()));
    assert!(holds(&is, &client.issuer_of(&new)));

    let links = |client: &mut Client, id: &str, kind| client.links(id, kind);
    assert_eq!(
        links(&mut client, &old, LinkType::REPLACEMENT_OBJECT_LINK),
        [new.clone()]
    );
    assert_eq!(
        links(&mut client, &new, LinkType::REPLACED_OBJECT_LINK),
        [old.clone()]
    );
    assert_eq!(
        links(&mut client, &new, LinkType::PUBLIC_KEY_LINK),
        [public.clone()]
    );
    assert_eq!(
        links(&mut client, &public, LinkType::CERTIFICATE_LINK),
        [new.clone()],
        "the key's link is changed, not added to"
    );

    // 2.1 §11.28: one replacement at the most.
    renew(&mut client, &old, Vec::new()).fails(ResultReason::PERMISSION_DENIED);
}

/// 1.4 Table 186.
#[test]
fn an_offset_moves_both_dates() {
    let mut client = client();
    let (old, _) = first(&mut client, "offset", 90);
    let before = client.attributes(&old);
    let asked = now();
    let new = renew(&mut client, &old, vec![offset(3600)]).ok().id();
    let after = client.attributes(&new);
    let begins = date_of(&after, tag::ACTIVATION_DATE);
    assert!((asked + 3600..=now() + 3600).contains(&begins), "{begins}");
    let moved = begins - date_of(&before, tag::ACTIVATION_DATE);
    assert_eq!(
        date_of(&after, tag::DEACTIVATION_DATE),
        date_of(&before, tag::DEACTIVATION_DATE) + moved
    );
    assert_eq!(client.state(&new), 1);
    let certificate = client.certificate(&new);
    assert_eq!(seconds(certificate.not_before()), begins);
}

#[test]
fn attributes_of_the_request_stand_before_those_of_the_certificate() {
    let mut client = client();
    let (old, _) = first(&mut client, "changed", 90);
    let until = now() + 30 * DAY;
    let wanted = attributes(vec![
        text(tag::CERTIFICATE_SUBJECT_CN, "another"),
        text(tag::COMMENT, "new"),
        date(tag::DEACTIVATION_DATE, until),
    ]);
    let new = renew(&mut client, &old, vec![wanted]).ok().id();
    let shown = client.attributes(&new);
    assert_eq!(
        value(&shown, tag::CERTIFICATE_SUBJECT_CN),
        Value::TextString("another".into())
    );
    assert_eq!(value(&shown, tag::COMMENT), Value::TextString("new".into()));
    assert_eq!(date_of(&shown, tag::DEACTIVATION_DATE), until);
}

#[test]
fn a_request_for_the_same_key_renews_and_one_for_another_does_not() {
    let mut client = client();
    let key = ec_key();
    let old = client.certified(pkcs10(&csr(&key, &subject("one"), Vec::new())));
    let again = pkcs10(&csr(&key, &subject("two"), vec![host("two.example.com")]));
    let new = renew(&mut client, &old, again).ok().id();
    let certificate = client.certificate(&new);
    assert_eq!(
        certificate.subject_name().to_der().unwrap(),
        subject("two").to_der().unwrap()
    );
    let other = pkcs10(&csr(&ec_key(), &subject("two"), Vec::new()));
    renew(&mut client, &new, other).fails(ResultReason::INVALID_CSR);
}

/// A certificate of another authority is renewed by ours, and its key registered for the links.
#[test]
fn a_registered_certificate_is_renewed_too() {
    let mut client = client();
    let root = make("foreign root", None, true, (-1, 300));
    let made = make("foreign", Some(&root), false, (-1, 300));
    let old = client.registered(&made.der());
    let new = renew(&mut client, &old, Vec::new()).ok().id();
    let certificate = client.certificate(&new);
    assert!(certificate.public_key().unwrap().public_eq(&made.key));
    assert!(holds(&certificate, &client.issuer_of(&new)));
    let keys = client.links(&new, LinkType::PUBLIC_KEY_LINK);
    assert_eq!(client.links(&keys[0], LinkType::CERTIFICATE_LINK), [new]);

    let authority = client.registered(&root.der());
    renew(&mut client, &authority, Vec::new()).fails(ResultReason::PERMISSION_DENIED);
}

#[test]
fn what_is_not_renewed_says_why() {
    let mut client = client();
    let (certificate, public) = first(&mut client, "stays", 90);
    let both = vec![
        offset(0),
        attributes(vec![date(tag::ACTIVATION_DATE, now())]),
    ];
    renew(&mut client, &certificate, both).fails(ResultReason::INVALID_MESSAGE);
    renew(&mut client, &public, Vec::new()).fails(ResultReason::INVALID_OBJECT_TYPE);
    renew(&mut client, "not-there", Vec::new()).fails(ResultReason::OBJECT_NOT_FOUND);
    let pgp = attributes(vec![enumeration(tag::CERTIFICATE_TYPE, 2)]);
    renew(&mut client, &certificate, vec![pgp]).fails(ResultReason::FEATURE_NOT_SUPPORTED);
    // Nobody changes the authority's own certificate.
    let authority = client.links(&certificate, LinkType::CERTIFICATE_LINK);
    renew(&mut client, &authority[0], Vec::new()).fails(ResultReason::PERMISSION_DENIED);
    assert_eq!(client.located("stays"), [certificate.clone()]);

    client.revoke(&certificate, 5);
    renew(&mut client, &certificate, vec![offset(0)])
        .fails(ResultReason::WRONG_KEY_LIFECYCLE_STATE);
    // A key that is compromised is certified by no way.
    let (certificate, public) = first(&mut client, "leaked", 90);
    client.revoke(&public, 2);
    renew(&mut client, &certificate, Vec::new()).fails(ResultReason::WRONG_KEY_LIFECYCLE_STATE);
}

/// 2.1 §4.48 to §4.54: "the equivalent of the … ReCertify operation performed by the server".
#[test]
fn the_server_renews_what_is_to_be_rotated() {
    let server = crate::process::Server::start(crate::process::Setup {
        environment: vec![("KEYWARD_ROTATION", "1s".to_owned())],
        ..crate::process::Setup::default()
    });
    let mut client = server.client();
    let interval = |tag, seconds| Node::new(tag, Value::Interval(seconds));
    let (_, public) = client.pair(Vec::new());
    let wanted = attributes(vec![
        x_509(),
        name("rotated"),
        text(tag::CERTIFICATE_SUBJECT_CN, "rotated"),
        date(tag::DEACTIVATION_DATE, now() + 90 * DAY),
        Node::new(tag::ROTATE_AUTOMATIC, Value::Boolean(true)),
        interval(tag::ROTATE_INTERVAL, 2),
        interval(tag::ROTATE_OFFSET, 0),
    ]);
    let first = client.certified(vec![uid(&public), wanted]);
    let begun = std::time::Instant::now();
    let next = loop {
        let found = client.located("rotated");
        if found != [first.clone()] {
            break found[0].clone();
        }
        assert!(begun.elapsed().as_secs() < 20, "{}", server.log());
        std::thread::sleep(std::time::Duration::from_millis(200));
    };
    let shown = client.attributes(&next);
    assert_eq!(value(&shown, tag::ROTATE_LATEST), Value::Boolean(true));
    assert_eq!(
        client.links(&next, LinkType::REPLACED_OBJECT_LINK),
        [first.clone()]
    );
    let certificate = client.certificate(&next);
    assert!(holds(&certificate, &client.issuer_of(&next)));
    let (was, is) = (client.certificate(&first), certificate);
    assert!(
        is.public_key()
            .unwrap()
            .public_eq(&was.public_key().unwrap())
    );
}
