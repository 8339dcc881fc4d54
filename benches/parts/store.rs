//! Both stores behind their verbs.

use std::cell::OnceCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use criterion::Criterion;
use futures_util::future::join_all;
use keyward::store::{Change, Commit, Store};

use crate::databases::{DATABASES, Databases};
use crate::samples::{TENANT, audit, filter, named, record, unique, usual_entries};

/// What is searched among.
const ROWS: u64 = 2_000;
/// Who wait for the disk together.
const CALLERS: u64 = 64;

/// A new key with the records of its making.
fn create(id: &str, sequence: u64) -> Commit {
    Commit {
        changes: vec![Change::Insert {
            record: record(id),
            index: usual_entries(id),
            names: unique(id),
        }],
        audit: vec![audit("bench", sequence.cast_signed())],
    }
}

struct Filled {
    store: Store,
    next: AtomicU64,
}

impl Filled {
    fn new(databases: &Databases, kind: &str) -> Option<Filled> {
        let store = databases.open(kind, "store.db")?;
        databases.runtime.block_on(async {
            for begin in (1..=ROWS).step_by(100) {
                let rows =
                    (begin..begin + 100).map(|at| store.apply(create(&format!("row-{at}"), at)));
                join_all(rows)
                    .await
                    .into_iter()
                    .collect::<Result<(), _>>()
                    .expect("rows");
            }
        });
        Some(Filled {
            store,
            next: AtomicU64::new(ROWS + 1),
        })
    }

    fn next(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    async fn create(&self) {
        let number = self.next();
        let commit = create(&format!("row-{number}"), number);
        self.store.apply(commit).await.expect("a commit");
    }
}

pub fn run(criterion: &mut Criterion) {
    let databases = Databases::new();
    for kind in DATABASES {
        let filled = OnceCell::new();
        let filled = || {
            filled
                .get_or_init(|| Filled::new(&databases, kind))
                .as_ref()
        };
        let runtime = &databases.runtime;
        let mut group = criterion.benchmark_group(format!("store/{kind}"));
        group.sample_size(20);
        group.bench_function("fetch", |b| {
            let Some(filled) = filled() else { return };
            let mut at = 0;
            b.iter(|| {
                at = at % ROWS + 1;
                let id = format!("row-{at}");
                let row = runtime.block_on(filled.store.fetch(TENANT, &id));
                assert!(row.expect("a store").is_some());
            });
        });
        group.bench_function("locate by name", |b| {
            let Some(filled) = filled() else { return };
            let mut at = 0;
            b.iter(|| {
                at = at % ROWS + 1;
                let filter = filter(vec![named(&format!("row-{at}"))]);
                let found = runtime
                    .block_on(filled.store.locate(&filter))
                    .expect("a store");
                assert_eq!(found.unique_identifiers.len(), 1);
            });
        });
        group.bench_function("apply a create", |b| {
            let Some(filled) = filled() else { return };
            b.iter(|| runtime.block_on(filled.create()));
        });
        group.bench_function("apply a create, 64 callers", |b| {
            let Some(filled) = filled() else { return };
            b.iter_custom(|iterations| {
                let each = iterations.div_ceil(CALLERS);
                let caller = || async {
                    for _ in 0..each {
                        filled.create().await;
                    }
                };
                let begun = Instant::now();
                runtime.block_on(join_all((0..CALLERS).map(|_| caller())));
                // Of one create, as the others are.
                begun
                    .elapsed()
                    .mul_f64(iterations as f64 / (each * CALLERS) as f64)
            });
        });
        group.finish();
    }
}
