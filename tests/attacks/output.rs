//! Commands whose output nobody takes.

use std::fs::File;
use std::process::{Command, Output, Stdio};

use crate::process::{Server, Setup};

/// Runs a command whose standard output, and error too if `all`, go into a pipe that nobody reads.
fn unread(words: &[&str], all: bool) -> Output {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
    command.args(words).stdout(writer.try_clone().unwrap());
    if all {
        command.stderr(writer);
    } else {
        command.stderr(Stdio::piped());
    }
    command.spawn().unwrap().wait_with_output().unwrap()
}

#[test]
fn a_reader_that_has_enough_does_not_disturb_a_command() {
    let shown = unread(&["config", "show"], false);
    assert_eq!(shown.status.code(), Some(0), "{shown:?}");
    assert!(shown.stderr.is_empty(), "{shown:?}");

    let server = Server::start(Setup::default());
    let directory = server.directory();
    let directory = directory.to_str().unwrap();
    let added = unread(&["client", "add", "unread", "--dir", directory], false);
    assert_eq!(added.status.code(), Some(0), "{added:?}");
    server.client_named("unread").create("it was added");
    for all in [false, true] {
        let failed = unread(
            &["client", "revoke", "nobody", "--yes", "--dir", directory],
            all,
        );
        assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    }
}

#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
    let done = command
        .args(["config", "show"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(said.starts_with("keyward: standard output: "), "{said}");
}
