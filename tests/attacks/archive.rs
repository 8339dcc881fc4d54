//! Archived material is in the archive and nowhere else, survives crashes in both directions, and a
//! lost file is said so (1.4 §4.22, §4.23; 2.1 §6.1.4, §6.1.42).

use std::path::PathBuf;
use std::time::{Duration, Instant};

use keyward::protocol::enumeration::{
    BatchErrorContinuationOption, Operation, ResultReason, ResultStatus,
};
use keyward::protocol::tag;
use ttlv::{Node, Value};

use crate::database::on_both;
use crate::process::{Client, Server, Setup, integer, name, on};

fn files(server: &Server) -> Vec<PathBuf> {
    std::fs::read_dir(server.directory().join("archive"))
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default()
}

fn material(client: &mut Client, id: &str) -> Vec<u8> {
    let answer = client.on(Operation::GET, id).ok();
    let key = answer.payload.child(tag::SYMMETRIC_KEY).unwrap();
    let block = key.child(tag::KEY_BLOCK).unwrap();
    let value = block.child(tag::KEY_VALUE).unwrap();
    match &value.child(tag::KEY_MATERIAL).unwrap().value {
        Value::ByteString(bytes) => bytes.to_vec(),
        other => panic!("{other:?}"),
    }
}

fn archive_date(client: &mut Client, id: &str) -> Option<i64> {
    let answer = client.on(Operation::GET_ATTRIBUTES, id).ok();
    let attributes = answer.payload.child(tag::ATTRIBUTES).unwrap();
    match attributes.child(tag::ARCHIVE_DATE)?.value {
        Value::DateTime(date) => Some(date),
        _ => panic!("Archive Date"),
    }
}

fn located(client: &mut Client, called: &str, mask: i32) -> usize {
    let payload = vec![
        integer(tag::STORAGE_STATUS_MASK, mask),
        Node::structure(tag::ATTRIBUTES, vec![name(called)]),
    ];
    client.ask(Operation::LOCATE, payload).ok().ids().len()
}

#[test]
fn material_moves_to_the_archive_and_back() {
    on_both(|server, database| {
        let mut client = server.client();
        let id = client.create("rare");
        let before = material(&mut client, &id);
        client.on(Operation::ARCHIVE, &id).ok();
        assert_eq!(files(server).len(), 1);
        assert_eq!(
            database.number(&format!(
                "SELECT count(*) FROM objects WHERE unique_identifier = '{id}' AND blob IS NULL"
            )),
            1,
            "the database has the material, too"
        );
        for operation in [
            Operation::GET,
            Operation::ACTIVATE,
            Operation::ARCHIVE,
            Operation::CHECK,
            Operation::OBTAIN_LEASE,
            Operation::EXPORT,
        ] {
            client
                .on(operation, &id)
                .fails(ResultReason::OBJECT_ARCHIVED);
        }
        assert!(archive_date(&mut client, &id).is_some());
        assert_eq!(
            [1, 2, 3].map(|mask| located(&mut client, "rare", mask)),
            [0, 1, 1]
        );
        // A server that has not seen it.
        server.terminate();
        server.run();
        let mut client = server.client();
        client.on(Operation::RECOVER, &id).ok();
        assert_eq!(material(&mut client, &id), before);
        assert!(files(server).is_empty());
        assert_eq!(archive_date(&mut client, &id), None);
        assert_eq!(
            [1, 2, 3].map(|mask| located(&mut client, "rare", mask)),
            [1, 0, 1]
        );
        // What is on-line stays so.
        client.on(Operation::RECOVER, &id).ok();
        client.on(Operation::ARCHIVE, &id).ok();
        client.on(Operation::DESTROY, &id).ok();
        assert!(files(server).is_empty());
    });
}

#[test]
fn an_undone_batch_leaves_the_archive_as_it_was() {
    on_both(|server, _| {
        let mut client = server.client();
        let (on_line, archived) = (client.create("on-line"), client.create("archived"));
        let before = material(&mut client, &archived);
        client.on(Operation::ARCHIVE, &archived).ok();
        let kept = files(server);
        let items = vec![
            (Operation::ARCHIVE, on(&on_line)),
            (Operation::RECOVER, on(&archived)),
            (Operation::GET, on("no such object")),
        ];
        let answers = client.batch(BatchErrorContinuationOption::UNDO, items);
        assert_eq!(answers[0].status, ResultStatus::OPERATION_UNDONE);
        assert_eq!(answers[1].status, ResultStatus::OPERATION_UNDONE);
        assert_eq!(files(server), kept);
        material(&mut client, &on_line);
        client
            .on(Operation::GET, &archived)
            .fails(ResultReason::OBJECT_ARCHIVED);
        client.on(Operation::RECOVER, &archived).ok();
        assert_eq!(material(&mut client, &archived), before);
        // There and back in one batch.
        let items = vec![
            (Operation::ARCHIVE, on(&archived)),
            (Operation::RECOVER, on(&archived)),
            (Operation::GET, Vec::new()),
        ];
        for answer in client.batch(BatchErrorContinuationOption::UNDO, items) {
            answer.ok();
        }
        assert_eq!(material(&mut client, &archived), before);
        assert!(files(server).is_empty());
    });
}

#[test]
fn a_lost_or_edited_file_is_told_and_harms_nobody_else() {
    on_both(|server, _| {
        let mut client = server.client();
        let lost = client.create("lost");
        client.on(Operation::ARCHIVE, &lost).ok();
        let file = files(server).remove(0);
        let bytes = std::fs::read(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        let answer = client.on(Operation::RECOVER, &lost);
        answer.fails(ResultReason::GENERAL_FAILURE);
        assert!(answer.message.contains("backup"), "{}", answer.message);
        let mut edited = bytes.clone();
        *edited.last_mut().unwrap() ^= 1;
        std::fs::write(&file, edited).unwrap();
        let answer = client.on(Operation::RECOVER, &lost);
        answer.fails(ResultReason::GENERAL_FAILURE);
        assert!(answer.message.contains("integrity"), "{}", answer.message);
        // Another object's file in its place.
        let other = client.create("other");
        client.on(Operation::ARCHIVE, &other).ok();
        let others = files(server);
        let theirs = others.iter().find(|path| **path != file).unwrap();
        std::fs::copy(theirs, &file).unwrap();
        client
            .on(Operation::RECOVER, &lost)
            .fails(ResultReason::GENERAL_FAILURE);
        client.on(Operation::RECOVER, &other).ok();
        // Out of the backup.
        std::fs::write(&file, bytes).unwrap();
        client.on(Operation::RECOVER, &lost).ok();
        material(&mut client, &lost);
    });
}

/// kill -9 while keys go to the archive and come back: what was answered is so, no key is lost, and
/// what a crash leaves behind is swept.
#[test]
fn crashes_lose_no_key_and_leave_no_file() {
    let mut server = Server::start(Setup {
        environment: vec![("KEYWARD_ARCHIVE_ORPHANS", "1s".to_owned())],
        ..Setup::default()
    });
    let mut client = server.client();
    let keys: Vec<(String, Vec<u8>)> = (0..8)
        .map(|number| {
            let id = client.create(&format!("key-{number}"));
            let bytes = material(&mut client, &id);
            (id, bytes)
        })
        .collect();
    for round in 0..3 {
        std::thread::scope(|scope| {
            for (id, _) in &keys {
                let mut client = server.client();
                scope.spawn(move || {
                    // Until the server is gone.
                    loop {
                        for operation in [Operation::ARCHIVE, Operation::RECOVER] {
                            if client.try_ask(operation, on(id)).is_err() {
                                return;
                            }
                        }
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(150 + 90 * round));
            let id = server.pid();
            let killed = std::process::Command::new("kill")
                .args(["-9", &id.to_string()])
                .status();
            assert!(killed.unwrap().success());
        });
        server.kill();
        server.run();
        let mut client = server.client();
        for (id, bytes) in &keys {
            client.on(Operation::RECOVER, id).ok();
            assert_eq!(material(&mut client, id), *bytes);
        }
    }
    // A file that a crash left: nobody's.
    std::fs::write(
        server
            .directory()
            .join("archive")
            .join(format!("{}.part", "0".repeat(32))),
        "half",
    )
    .unwrap();
    let begun = Instant::now();
    while !files(&server).is_empty() {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{:?}",
            files(&server)
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}
