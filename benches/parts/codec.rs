//! The three encodings, without anything behind them.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use keyward::protocol::names::Names;
use ttlv::{Limits, Node};

use crate::messages;

pub fn run(criterion: &mut Criterion) {
    let samples = [
        (
            "create",
            messages::tree(&messages::xml(
                "Create",
                &messages::create("AES", "Encrypt Decrypt"),
            )),
        ),
        (
            "encrypt-64k",
            decoded(&messages::encrypt(
                "0190c2f6-7d3b-7000-8000-5a1f3c9e4b21",
                64 << 10,
            )),
        ),
    ];
    for (name, node) in &samples {
        one(criterion, name, node);
    }
}

fn decoded(message: &[u8]) -> Node<'static> {
    ttlv::binary::decode(message, &Limits::default())
        .expect("a message")
        .into_owned()
}

fn one(criterion: &mut Criterion, name: &str, node: &Node<'_>) {
    let limits = Limits::default();
    let binary = ttlv::binary::to_vec(node);
    let mut xml = String::new();
    ttlv::xml::encode(node, &Names, &mut xml).expect("XML");
    let mut json = String::new();
    ttlv::json::encode(node, &Names, &mut json);
    let mut group = criterion.benchmark_group(format!("codec/{name}"));
    // The same message whatever its encoding.
    group.throughput(Throughput::Bytes(binary.len() as u64));
    group.bench_function("decode TTLV", |b| {
        b.iter(|| ttlv::binary::decode(black_box(&binary), &limits));
    });
    group.bench_function("encode TTLV", |b| {
        b.iter(|| ttlv::binary::to_vec(black_box(node)))
    });
    group.bench_function("decode XML", |b| {
        b.iter(|| ttlv::xml::decode(black_box(xml.as_bytes()), &Names, &limits));
    });
    group.bench_function("encode XML", |b| {
        b.iter(|| {
            let mut out = String::new();
            ttlv::xml::encode(black_box(node), &Names, &mut out).map(|()| out)
        });
    });
    group.bench_function("decode JSON", |b| {
        b.iter(|| ttlv::json::decode(black_box(json.as_bytes()), &Names, &limits));
    });
    group.bench_function("encode JSON", |b| {
        b.iter(|| {
            let mut out = String::new();
            ttlv::json::encode(black_box(node), &Names, &mut out);
            out
        });
    });
    group.finish();
}
