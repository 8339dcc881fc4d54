//! The embedded token in a process of its own: the same verbs, and that it may be killed.
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::super::pool::Inner;
use super::replicas::{ceremony, set, source, works};
use super::*;

/// This program's only test that does something for others; see `isolated`.
#[test]
#[ignore = "what other tests start"]
fn the_tokens_process() {
    if let Err(error) = token::serve() {
        eprintln!("nobody's socket: {error}");
    }
}

fn isolated(config: Config) -> Config {
    let process = "hsm::tests::apart::the_tokens_process";
    let arguments = ["--exact", process, "--ignored"];
    let isolation = Program {
        path: std::env::current_exe().unwrap(),
        arguments: arguments.map(Into::into).to_vec(),
    };
    Config {
        isolation: Some(isolation),
        ..config
    }
}

fn process(token: &Inner) -> Option<u32> {
    token.line.read().unwrap().as_ref()?.module.process()
}

/// Whether it is there and has not ended.
fn runs(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat
        .rsplit(')')
        .next()
        .and_then(|rest| rest.split_whitespace().next());
    state.is_some_and(|state| state != "Z")
}

fn kill(process: u32) {
    let killed = std::process::Command::new("kill")
        .args(["-9", &process.to_string()])
        .status();
    assert!(killed.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn verbs_on_an_embedded_token_apart() {
    on_an_embedded_token(isolated(embedded(&directory()))).await;
}

#[tokio::test]
async fn it_is_the_same_after_a_restart() {
    availability::stays_the_same(isolated(embedded(&directory()))).await;
}

#[tokio::test]
async fn sessions_that_end_behind_its_back_are_built_anew() {
    availability::sessions_end(isolated(embedded(&directory()))).await;
}

#[tokio::test]
async fn the_process_ends_with_its_last_user() {
    let hsm = Hsm::init(isolated(embedded(&directory()))).unwrap();
    let other = process(&hsm.pool.inner).unwrap();
    assert_ne!(other, std::process::id());
    assert!(runs(other));
    drop(hsm);
    let begun = Instant::now();
    while runs(other) {
        assert!(begun.elapsed().as_secs() < 10, "{other} goes on");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Large inputs and answers cross in many pieces.
#[tokio::test]
async fn large_data_passes() {
    let ground = Ground::on(Hsm::init(isolated(embedded(&directory()))).unwrap()).await;
    for length in [1000, 4096, 1 << 20] {
        let clear: Vec<u8> = (0..length).map(|place| (place * 7) as u8).collect();
        let blob = ground.known(&clear).await;
        let opened = ground.hsm.open_sealed(&ground.keys, AAD, &blob).await;
        assert!(*opened.unwrap() == clear, "{length}");
    }
}

#[tokio::test]
async fn a_program_that_holds_no_token_is_a_token_away() {
    let with = |path: &str| {
        let mut config = isolated(embedded(&directory()));
        config.isolation.as_mut().unwrap().path = path.into();
        Hsm::init(config)
    };
    for path in ["/nowhere", "/bin/true"] {
        let failed = with(path);
        let unavailable = |error: &HsmError| matches!(error, HsmError::Unavailable(text) if text.contains("process"));
        assert!(failed.as_ref().is_err_and(unavailable), "{failed:?}");
    }
}

/// Kills the processes of tokens, one after the other, while requests run: none of those fails.
async fn killed_under_load(ground: Ground, tokens: &[Arc<Inner>]) {
    let ground = Arc::new(ground);
    let made = ground
        .hsm
        .generate(&ground.keys, AES_256, Class::Token, AAD);
    let blob = made.await.unwrap();
    let end = Arc::new(AtomicBool::new(false));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (ground, blob, end) = (Arc::clone(&ground), blob.clone(), Arc::clone(&end));
        tasks.spawn(async move {
            let mut count = 0;
            while !end.load(Ordering::Relaxed) {
                works(&ground, &blob).await;
                count += 1;
            }
            count
        });
    }
    for token in tokens.iter().cycle().take(4) {
        let before = process(token).unwrap();
        kill(before);
        let begun = Instant::now();
        while process(token).is_none_or(|now| now == before) {
            assert!(begun.elapsed().as_secs() < 30, "{before} was not replaced");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    end.store(true, Ordering::Relaxed);
    while let Some(done) = tasks.join_next().await {
        assert!(done.unwrap() > 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_request_fails_when_its_process_is_killed() {
    let hsm = Hsm::init(isolated(embedded(&directory()))).unwrap();
    let tokens = [Arc::clone(&hsm.pool.inner)];
    // What `works` signs certificates with.
    hsm.make_issuing_key().await.unwrap();
    killed_under_load(Ground::on(hsm).await, &tokens).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_request_fails_when_that_of_one_of_two_is_killed() {
    let (one, two) = (directory().join("one"), directory().join("two"));
    let config = set(source(&one), vec![source(&two)]);
    ceremony(&config);
    let hsm = Hsm::open(isolated(config)).unwrap();
    let tokens = hsm.pool.tokens.as_ref().unwrap().all.to_vec();
    assert_ne!(process(&tokens[0]), process(&tokens[1]));
    killed_under_load(Ground::on(hsm).await, &tokens).await;
}
