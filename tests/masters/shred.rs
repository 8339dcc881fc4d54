//! A tenant is destroyed for ever; everybody else goes on.

use keyward::protocol::enumeration::{Operation, ResultReason};

use crate::ground::{check, everywhere, keys, opened, refused, version};
use crate::process::{Server, Setup};

fn two_tenants(server: &Server) {
    server.told(&["tenant", "add", "doomed"]);
    server.told(&[
        "client",
        "add",
        "victim",
        "--tenant",
        "doomed",
        "--profile",
        "standard",
    ]);
}

#[test]
fn a_shredded_tenant_is_refused_and_the_others_go_on() {
    everywhere(|server| {
        two_tenants(server);
        let ours = keys(&mut server.client(), "ours", 4);
        let mut victim = server.client_named("victim");
        let theirs = keys(&mut victim, "theirs", 4);
        check(&mut victim, &theirs);
        // A version under which the tenant's keys were before is destroyed as well.
        server.told(&["token", "rotate", "kek"]);
        let receipt = server.home.path().join("receipt.json");
        let path = receipt.display().to_string();
        let told = server.told(&[
            "tenant",
            "shred",
            "doomed",
            "--yes",
            "--receipt",
            &path,
            "--known-backup",
            "the safe",
        ]);
        assert!(told.contains("shredded"), "{told}");
        let answer = victim.on(Operation::GET, &theirs[0].id);
        answer.fails(ResultReason::PERMISSION_DENIED);
        assert!(answer.message.contains("shredded"), "{}", answer.message);
        check(&mut server.client(), &ours);
        for gone in ["kek-v1", "kek-v2"] {
            assert_eq!(version(server, gone).0, "destroyed");
        }
        assert!(
            server
                .told(&["tenant", "list"])
                .contains("doomed  shared  shredded")
        );
        let told = refused(server, &["client", "add", "late", "--tenant", "doomed"]);
        assert!(told.contains("shredded"), "{told}");
        // The receipt holds, is shown again, and does not hold once it was changed.
        server.told(&["tenant", "verify-receipt", &path]);
        let text = std::fs::read_to_string(&receipt).unwrap();
        assert!(
            text.contains("the safe") && text.contains("kek-v2"),
            "{text}"
        );
        assert_eq!(server.told(&["tenant", "receipt", "doomed"]), text);
        std::fs::write(&receipt, text.replace("doomed", "spared")).unwrap();
        let told = refused(server, &["tenant", "verify-receipt", &path]);
        assert!(told.contains("changed"), "{told}");
        // Again: nothing more is done.
        server.told(&["tenant", "shred", "doomed", "--yes"]);
        assert_eq!(version(server, "kek-v3").0, "newest");
        server.kill();
        server.run();
        check(&mut server.client(), &ours);
        let mut victim = server.client_named("victim");
        let answer = victim.on(Operation::GET, &theirs[0].id);
        answer.fails(ResultReason::PERMISSION_DENIED);
    });
}

/// A directory with all below it.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    let done = std::process::Command::new("cp")
        .arg("-a")
        .args([from, to])
        .status();
    assert!(done.unwrap().success());
}

/// The database's files from one directory into another that has none of them afterwards.
pub fn databases(from: &std::path::Path, to: &std::path::Path) {
    for ending in ["", "-wal", "-shm"] {
        let file = format!("keyward.db{ending}");
        drop(std::fs::remove_file(to.join(&file)));
        if from.join(&file).exists() {
            std::fs::copy(from.join(&file), to.join(&file)).unwrap();
        }
    }
}

#[test]
fn an_old_database_with_the_new_token_gives_nothing_back() {
    let mut server = Server::start(Setup::default());
    two_tenants(&server);
    let mut victim = server.client_named("victim");
    let theirs = keys(&mut victim, "theirs", 2);
    drop(victim);
    server.terminate();
    let kept = server.home.path().join("kept");
    std::fs::create_dir(&kept).unwrap();
    databases(&server.directory(), &kept);
    let token = server.directory().join("token");
    let old_token = server.home.path().join("kept-token");
    copy(&token, &old_token);
    server.run();
    server.told(&["tenant", "shred", "doomed", "--yes"]);
    server.terminate();
    // The old database, as a backup has it.
    databases(&kept, &server.directory());
    server.run();
    let mut victim = server.client_named("victim");
    for key in &theirs {
        // It is there, and cannot be opened.
        if let Some(answer) = opened(&mut victim, key) {
            answer.fails(ResultReason::GENERAL_FAILURE);
            assert!(answer.message.contains("destroyed"), "{}", answer.message);
        }
    }
    // With a copy of the token from before as well it would be otherwise: the receipt says so.
    server.terminate();
    std::fs::remove_dir_all(&token).unwrap();
    copy(&old_token, &token);
    server.run();
    check(&mut server.client_named("victim"), &theirs);
}

#[test]
fn a_shredding_that_was_killed_goes_on() {
    let server = Server::start(Setup::default());
    two_tenants(&server);
    let ours = keys(&mut server.client(), "ours", 3);
    let mut command = server.command();
    command.args(["tenant", "shred", "doomed", "--yes", "--dir"]);
    let mut child = command.arg(server.directory()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    child.kill().unwrap();
    child.wait().unwrap();
    let told = server.told(&["tenant", "list"]);
    assert!(told.contains("shredding"), "{told}");
    let told = refused(&server, &["tenant", "receipt", "doomed"]);
    assert!(told.contains("not shredded yet"), "{told}");
    check(&mut server.client(), &ours);
    server.told(&["tenant", "shred", "doomed", "--yes"]);
    assert!(server.told(&["tenant", "list"]).contains("shredded"));
    assert_eq!(version(&server, "kek-v1").0, "destroyed");
    check(&mut server.client(), &ours);
}
