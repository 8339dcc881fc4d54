//! Bytes of an HTTPS connection, behind TLS. What answers is an echo.
#![no_main]

use std::sync::Arc;
use std::time::Duration;

use keyward::net::door::Door;
use keyward::net::{Encoding, Limits, Outcome, Peer, Refusal, Service, Session};
use keyward_fuzz as _;
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

#[derive(Debug)]
struct Echo;

impl Service for Echo {
    type State = ();

    fn open(&self, _: &Peer) {}

    async fn call(
        &self,
        _: &Session<()>,
        request: &[u8],
        _: Encoding,
        out: &mut Vec<u8>,
    ) -> Outcome {
        out.extend_from_slice(request);
        match request.first() {
            Some(b'C') => Outcome::Close,
            _ => Outcome::KeepOpen,
        }
    }

    async fn refuse(&self, _: &Session<()>, _: &[u8], _: Refusal, _: Encoding, _: &mut Vec<u8>) {}
}

/// Small, so that inputs reach them.
fn limits() -> Limits {
    Limits {
        message: 4096,
        connections: 1,
        handshake: Duration::from_secs(1),
        idle: Duration::from_secs(1),
        request: Duration::from_secs(1),
        response: Duration::from_secs(1),
        drain: Duration::from_secs(1),
    }
}

thread_local! {
    static GROUND: (Runtime, Door<Echo>, tempfile::TempDir) = {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let directory = tempfile::tempdir().expect("a directory");
        let door = Door::new(directory.path(), Arc::new(Echo), limits());
        (runtime, door, directory)
    };
}

fuzz_target!(|input: &[u8]| GROUND.with(|(runtime, door, _)| {
    let (certified, input) = match input.split_first() {
        Some((0, rest)) => (false, rest),
        _ => (true, input),
    };
    let (mut client, server) = tokio::io::duplex(64 * 1024);
    let answer = runtime.block_on(async {
        let served = door.http(server, certified);
        let asked = async {
            // The server may end it before it has read all.
            let _ = client.write_all(input).await;
            let _ = client.shutdown().await;
            let mut answer = Vec::new();
            let _ = client.read_to_end(&mut answer).await;
            answer
        };
        tokio::join!(served, asked).1
    });
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."));
}));
