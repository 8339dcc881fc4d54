//! Stop, Continue and Undo (1.4 §6.13): what is in the database after a failure.

use keyward::protocol::enumeration::{
    BatchErrorContinuationOption, Operation, ResultReason, ResultStatus,
};
use keyward::protocol::tag;
use ttlv::Node;

use crate::database::on_both;
use crate::process::{Item, aes, integer, message, name, on};

fn create(called: &str) -> Item {
    (Operation::CREATE, aes(vec![name(called)]))
}

fn locate(called: &str) -> Item {
    (
        Operation::LOCATE,
        vec![Node::structure(tag::ATTRIBUTES, vec![name(called)])],
    )
}

fn failing() -> Item {
    (Operation::GET, on("no such object"))
}

#[test]
fn a_batch_stops_goes_on_or_is_undone() {
    on_both(|server, _| {
        let mut client = server.client();
        let batch = |prefix: &str| {
            vec![
                create(&format!("{prefix}1")),
                failing(),
                create(&format!("{prefix}2")),
            ]
        };

        let answers = client.batch(BatchErrorContinuationOption::STOP, batch("stop"));
        assert_eq!(answers.len(), 2);
        answers[1].fails(ResultReason::OBJECT_NOT_FOUND);
        assert_eq!(client.located("stop1"), [answers[0].id()]);
        assert!(client.located("stop2").is_empty());

        let answers = client.batch(BatchErrorContinuationOption::CONTINUE, batch("continue"));
        assert_eq!(answers.len(), 3);
        answers[1].fails(ResultReason::OBJECT_NOT_FOUND);
        assert_eq!(client.located("continue1"), [answers[0].id()]);
        assert_eq!(client.located("continue2"), [answers[2].id()]);

        let answers = client.batch(BatchErrorContinuationOption::UNDO, batch("undo"));
        assert_eq!(answers.len(), 2);
        assert_eq!(answers[0].status, ResultStatus::OPERATION_UNDONE);
        answers[1].fails(ResultReason::OBJECT_NOT_FOUND);
        assert!(client.located("undo1").is_empty());
        client
            .on(Operation::GET, &answers[0].id())
            .fails(ResultReason::OBJECT_NOT_FOUND);
        // Its name is free again.
        client.create("undo1");
    });
}

#[test]
fn a_batch_with_undo_sees_its_own_changes_and_nobody_else_does() {
    on_both(|server, _| {
        let mut client = server.client();
        // No identifier: the ID Placeholder.
        let items = vec![
            create("inside"),
            (Operation::GET, Vec::new()),
            locate("inside"),
            (Operation::ACTIVATE, Vec::new()),
            (Operation::GET_ATTRIBUTES, Vec::new()),
        ];
        let answers = client.batch(BatchErrorContinuationOption::UNDO, items.clone());
        let answers: Vec<_> = answers.into_iter().map(|answer| answer.ok()).collect();
        assert_eq!(answers.len(), 5);
        let id = answers[0].id();
        assert_eq!(answers[1].id(), id);
        assert_eq!(answers[2].ids(), [id.clone()]);
        assert_eq!(client.state(&id), 2);

        // The same, undone at its end: the name of the destroyed object was free only within.
        let mut items = vec![
            (Operation::REVOKE, revoke(&id)),
            (Operation::DESTROY, on(&id)),
            create("inside"),
        ];
        items.extend([locate("inside"), failing()]);
        let answers = client.batch(BatchErrorContinuationOption::UNDO, items);
        assert_eq!(
            answers[2].status,
            ResultStatus::OPERATION_UNDONE,
            "{:?}",
            answers[2]
        );
        assert_eq!(answers[3].ids(), [answers[2].id()]);
        assert_eq!(client.state(&id), 2);
        assert_eq!(client.located("inside"), [id.clone()]);
        client
            .ask(Operation::CREATE, aes(vec![name("inside")]))
            .fails(ResultReason::NON_UNIQUE_NAME_ATTRIBUTE);

        // Two of one name within a batch are refused as two in the database are.
        let answers = client.batch(
            BatchErrorContinuationOption::UNDO,
            vec![create("twin"), create("twin")],
        );
        answers[1].fails(ResultReason::NON_UNIQUE_NAME_ATTRIBUTE);
        assert!(client.located("twin").is_empty());
    });
}

fn revoke(id: &str) -> Vec<Node<'static>> {
    let mut payload = on(id);
    payload.push(Node::structure(
        tag::REVOCATION_REASON,
        vec![crate::process::enumeration(tag::REVOCATION_REASON_CODE, 5)],
    ));
    payload
}

#[test]
fn an_item_whose_answer_is_too_large_did_not_happen() {
    on_both(|server, _| {
        let mut client = server.client();
        let small = integer(tag::MAXIMUM_RESPONSE_SIZE, 300);
        client
            .send(&message(vec![small], vec![create("too large")]))
            .unwrap();
        client.receive().unwrap()[0].fails(ResultReason::RESPONSE_TOO_LARGE);
        assert!(client.located("too large").is_empty());
        client.create("too large");
    });
}

/// Items that only make objects are not waited for one by one; that shows in nothing.
#[test]
fn items_written_together_stand_each_by_itself() {
    on_both(|server, _| {
        let mut client = server.client();
        let twins = |prefix: &str| {
            let called = |at: &str| create(&format!("{prefix}{at}"));
            vec![called("1"), called("1"), called("2")]
        };
        let answers = client.batch(BatchErrorContinuationOption::CONTINUE, twins("on"));
        assert_eq!(answers.len(), 3);
        answers[1].fails(ResultReason::NON_UNIQUE_NAME_ATTRIBUTE);
        assert_eq!(client.located("on1"), [answers[0].id()]);
        assert_eq!(client.located("on2"), [answers[2].id()]);
        let answers = client.batch(BatchErrorContinuationOption::STOP, twins("off"));
        assert_eq!(answers.len(), 2);
        answers[1].fails(ResultReason::NON_UNIQUE_NAME_ATTRIBUTE);
        assert_eq!(client.located("off1"), [answers[0].id()]);
        assert!(client.located("off2").is_empty());

        // What reads sees what was made before it.
        let items = vec![
            create("read"),
            (Operation::GET, Vec::new()),
            create("found"),
            locate("found"),
            create("used"),
            (Operation::ACTIVATE, Vec::new()),
        ];
        let answers = client.batch(BatchErrorContinuationOption::STOP, items);
        let answers: Vec<_> = answers.into_iter().map(|answer| answer.ok()).collect();
        assert_eq!(answers[1].id(), answers[0].id());
        assert_eq!(answers[3].ids(), [answers[2].id()]);
        assert_eq!(client.state(&answers[5].id()), 2);
    });
}

/// A commit that the disk refuses takes along what shares it: none of it is answered as done.
#[test]
fn what_is_lost_at_the_end_is_not_answered_as_done() {
    on_both(|server, database| {
        if !matches!(database, crate::database::Database::Sqlite(_)) {
            return;
        }
        // A transaction with this name in it cannot be committed.
        database.run(
            "CREATE TABLE none (a INTEGER PRIMARY KEY); \
             CREATE TABLE lost (a INTEGER REFERENCES none (a) DEFERRABLE INITIALLY DEFERRED); \
             CREATE TRIGGER lose AFTER INSERT ON names WHEN new.name = 'lost2' \
             BEGIN INSERT INTO lost VALUES (1); END;",
        );
        let mut client = server.client();
        let items = || ["lost1", "lost2", "lost3"].map(create).to_vec();
        let answers = client.batch(BatchErrorContinuationOption::CONTINUE, items());
        assert_eq!(answers.len(), 3);
        // What follows it may have been decided on it. What precedes it shares its end, unless the
        // machine was so slow that it had an end of its own.
        for answer in &answers[1..] {
            assert_eq!(answer.status, ResultStatus::OPERATION_FAILED, "{answer:?}");
        }
        database.run("DROP TRIGGER lose");
        assert!(client.located("lost2").is_empty() && client.located("lost3").is_empty());
        match answers[0].status {
            ResultStatus::SUCCESS => assert_eq!(client.located("lost1"), [answers[0].id()]),
            _ => assert!(client.located("lost1").is_empty()),
        }
        let items = || ["lost2", "lost3"].map(create).to_vec();
        let answers = client.batch(BatchErrorContinuationOption::STOP, items());
        assert!(answers.into_iter().all(|answer| answer.ok().id().len() > 8));
        assert_eq!(client.located("lost3").len(), 1);
        assert!(!server.log().contains("panicked"));
    });
}
