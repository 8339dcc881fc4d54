//! Clients that are told of changes and are not there when they happen.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use keyward::engine::endpoint::Asker;
use keyward::net::{Broken, Channel, Peer, TlsVersion, Transport, fingerprint};
use keyward::protocol::enumeration::{Operation, ResultStatus};
use keyward::protocol::tag;
use keyward::protocol::version::Version;
use ttlv::Value;
use zeroize::Zeroizing;

use crate::database::on_both;
use crate::endpoint::{Node2, Turned, first, number, response, subscribe, version};
use crate::process::{Server, Setup, aes, name, on};

#[test]
fn what_happens_while_a_client_is_away_is_told_in_order_when_it_comes_back() {
    on_both(|server, _| {
        let mut client = server.client();
        let before = client.create("before it was subscribed");
        subscribe(server, &first(server), &["own", "--put"]);
        client.on(Operation::ACTIVATE, &before).ok();
        let a = client.create("a");
        let b = client.create("b");
        let failing = vec![
            (Operation::CREATE, aes(vec![name("never")])),
            (Operation::ACTIVATE, on("no-such-object")),
        ];
        let undo = keyward::protocol::enumeration::BatchErrorContinuationOption::UNDO;
        client.batch(undo, failing);
        client.on(Operation::ACTIVATE, &a).ok();
        let c = client.create("c");

        let mut turned = Turned::round(server.client());
        let notified = turned.takes(Operation::NOTIFY);
        assert_eq!(notified.id(), before);
        assert_eq!(notified.attribute(tag::STATE), Some(Value::Enumeration(2)));
        let put = turned.takes(Operation::PUT);
        assert_eq!(put.id(), a);
        assert_eq!(put.attribute(tag::STATE), Some(Value::Enumeration(2)));
        // It has this one and does not say so.
        assert_eq!(turned.next().id(), b);
        drop(turned);

        let mut turned = Turned::round(server.client());
        assert_eq!(turned.takes(Operation::PUT).id(), b);
        // Told with its creation, and once more: it comes after what was not taken.
        assert_eq!(turned.takes(Operation::NOTIFY).id(), a);
        assert_eq!(turned.takes(Operation::PUT).id(), c);
        turned.hears_nothing();
        let d = client.create("told at once");
        assert_eq!(turned.takes(Operation::PUT).id(), d);
        drop(turned);
        let mut turned = Turned::round(server.client());
        turned.hears_nothing();
    });
}

#[test]
fn what_was_committed_before_a_kill_is_told_after_it() {
    on_both(|server, _| {
        subscribe(server, &first(server), &["own", "--put"]);
        let mut turned = Turned::round(server.client());
        let mut client = server.client();
        let taken = client.create("taken");
        assert_eq!(turned.takes(Operation::PUT).id(), taken);
        let mut made: Vec<String> = (0..20).map(|n| client.create(&format!("{n}"))).collect();
        assert_eq!(turned.next().id(), made[0]);
        server.kill();
        server.run();
        made.push(server.client().create("after the kill"));
        let mut turned = Turned::round(server.client());
        let mut again = turned.takes(Operation::PUT).id();
        // The kill may have come before it was written down.
        if again == taken {
            again = turned.takes(Operation::PUT).id();
        }
        assert_eq!(again, made[0]);
        for id in &made[1..] {
            assert_eq!(&turned.takes(Operation::PUT).id(), id);
        }
        turned.hears_nothing();
    });
}

#[test]
fn a_client_that_is_subscribed_anew_is_told_of_nothing_that_was_before() {
    let server = Server::start(Setup::default());
    let me = first(&server);
    let mut client = server.client();
    subscribe(&server, &me, &["own"]);
    client.create("nobody took this");
    server.told(&["client", "unsubscribe", &me]);
    client.create("nor this");
    subscribe(&server, &me, &["own"]);
    let mut turned = Turned::round(server.client());
    turned.hears_nothing();
    let id = client.create("this");
    assert_eq!(turned.takes(Operation::NOTIFY).id(), id);
}

#[test]
fn a_mark_that_no_server_wrote_is_not_used() {
    on_both(|server, database| {
        subscribe(server, &first(server), &["own"]);
        let mut client = server.client();
        client.create("not told");
        database.run("UPDATE entities SET version = version + 1 WHERE kind = 48");
        let mut turned = Turned::round(server.client());
        turned.hears_nothing();
        let begun = Instant::now();
        while !server.log().contains("the MAC of the row does not fit") {
            assert!(begun.elapsed() < Duration::from_secs(10), "it is not said");
            std::thread::sleep(Duration::from_millis(100));
        }
    });
}

/// A client of a node without network that takes everything; what it was asked.
#[derive(Clone, Default)]
struct Taker {
    asked: Arc<Mutex<Vec<Operation>>>,
    answer: Option<Vec<u8>>,
}

impl Taker {
    fn has(&self, wanted: Operation) -> bool {
        self.asked.lock().unwrap().contains(&wanted)
    }
}

impl Channel for Taker {
    async fn send(&mut self, message: &[u8]) -> Result<(), Broken> {
        let message = ttlv::binary::decode(message, &ttlv::Limits::default()).unwrap();
        let item = message.child(tag::BATCH_ITEM).unwrap();
        let operation = Operation(number(item, tag::OPERATION));
        let payload = match operation {
            Operation::DISCOVER_VERSIONS => vec![version((2, 1))],
            _ => Vec::new(),
        };
        self.asked.lock().unwrap().push(operation);
        self.answer = Some(response(operation, ResultStatus::SUCCESS, None, payload));
        Ok(())
    }

    async fn receive(
        &mut self,
        patience: Duration,
        _: usize,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Broken> {
        if let Some(answer) = self.answer.take() {
            return Ok(Some(Zeroizing::new(answer)));
        }
        tokio::time::sleep(patience).await;
        Ok(None)
    }
}

#[test]
fn of_two_nodes_one_tells_and_the_other_when_that_is_gone() {
    let Some(cluster) = crate::postgres::shared() else {
        return;
    };
    let url = cluster.database();
    let mut server = Server::start(Setup {
        database: Some(url.clone()),
        ..Setup::default()
    });
    let other = Node2::of(&server, &url);
    subscribe(&server, &first(&server), &["own", "--put"]);
    let mut turned = Turned::round(server.client());
    let id = other.ask(Operation::CREATE, aes(vec![name("by the first")]));
    assert_eq!(turned.takes(Operation::PUT).id(), id);

    let taker = Taker::default();
    let (engine, mut channel) = (Arc::clone(&other.engine), taker.clone());
    let peer = Peer {
        address: "192.0.2.1:1".parse().unwrap(),
        certificate: Some(Arc::new(other.certificate.clone())),
        fingerprint: fingerprint(&other.certificate),
        resumed: false,
        protocol: TlsVersion::Tls13,
        transport: Transport::Kmip,
    };
    other.runtime.spawn(async move {
        let asker = Asker::new(&engine, &peer, Version::V2_1, &mut channel);
        asker.run().await
    });
    for count in 0..10 {
        let id = other.ask(Operation::CREATE, aes(vec![name(&format!("{count}"))]));
        assert_eq!(turned.takes(Operation::PUT).id(), id);
        std::thread::sleep(Duration::from_millis(300));
    }
    assert!(taker.has(Operation::QUERY) && !taker.has(Operation::PUT));
    // A node that ends in order leaves it to the other at once; one that is killed after a while.
    server.kill();
    let begun = Instant::now();
    other.ask(Operation::CREATE, aes(vec![name("by the second")]));
    while !taker.has(Operation::PUT) {
        assert!(begun.elapsed() < Duration::from_secs(50), "nobody tells");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(
        begun.elapsed() > Duration::from_secs(10),
        "it was waited for"
    );
}
