//! The databases' SQL and `Filter::holds` give the same answer, for objects and searches at random.

use std::sync::atomic::{AtomicI64, Ordering};

use keyward::store::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::samples::{insert, record, update, update_of};

type Object = (Record, Vec<IndexEntry>);

/// The first number that is kept as a date.
const DATE: i64 = 1 << 28;
/// An attribute whose texts are kept in sets.
const POLICY: u32 = 0x42_005D;

// Few different values, so that conditions hold now and then.
fn attribute() -> impl Strategy<Value = (u32, String)> {
    prop_oneof![
        3 => Just((1, String::new())),
        3 => Just((2, String::new())),
        1 => Just((POLICY, String::new())),
        1 => Just((u32::MAX, "vendor:n".to_owned())),
        1 => Just((3, "x".repeat(300))),
    ]
}

fn field() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0_u32), Just(1), Just(u32::MAX)]
}

fn value() -> impl Strategy<Value = IndexValue> {
    prop_oneof![
        4 => (-1_i64..4).prop_map(IndexValue::Number),
        2 => (DATE - 1..DATE + 2).prop_map(IndexValue::Number),
        1 => prop_oneof![Just(i64::MIN), Just(i64::MAX)].prop_map(IndexValue::Number),
        3 => vec(0_u8..2, 0..2).prop_map(IndexValue::Bytes),
        1 => Just(IndexValue::Bytes(vec![7; 300])),
    ]
}

fn entry() -> impl Strategy<Value = IndexEntry> {
    (attribute(), 0_u32..3, field(), value()).prop_map(
        |((attribute, name), instance, field, value)| IndexEntry {
            attribute,
            name,
            instance,
            field,
            value,
        },
    )
}

/// The entries it is updated with, by somebody who knows those it had or not.
type Second = Option<(Vec<IndexEntry>, bool)>;

fn object() -> impl Strategy<Value = (Object, Second)> {
    let date = || prop::option::of(0_i64..5);
    let columns = (
        1_u32..7,
        date(),
        date(),
        any::<bool>(),
        prop_oneof!["a", "b"],
        1_u32..3,
    );
    (
        columns,
        vec(entry(), 0..14),
        prop::option::of((vec(entry(), 0..14), any::<bool>(), any::<bool>())),
    )
        .prop_map(|(columns, first, second)| {
            let (state, activation_date, deactivation_date, archived, owner, object_type) = columns;
            let columns = Record {
                state,
                activation_date,
                deactivation_date,
                archived,
                owner,
                object_type,
                ..record("")
            };
            // Half of the updates add a little to what there is.
            let second = second.map(|(mut index, adds, knows)| {
                if adds {
                    index.truncate(3);
                    index.splice(0..0, first.iter().cloned());
                }
                (index, knows)
            });
            ((columns, first), second)
        })
}

fn low() -> impl Strategy<Value = i64> {
    prop_oneof![-2_i64..4, DATE - 2..DATE + 2]
}

fn term() -> impl Strategy<Value = Term> {
    prop_oneof![
        4 => (attribute(), vec((field(), value()), 0..3))
            .prop_map(|((attribute, name), fields)| Term::Matches { attribute, name, fields }),
        2 => (attribute(), low(), prop_oneof![0_i64..4, Just(DATE)])
            .prop_map(|((attribute, name), low, span)| Term::Between { attribute, name, low, high: low + span }),
        1 => (1_u32..3, 0_u32..3, low()).prop_map(|(attribute, field, low)| Term::AtLeast { attribute, field, low }),
        1 => (1_u32..3, 0_i64..4).prop_map(|(attribute, mask)| Term::Contains { attribute, mask }),
        1 => attribute().prop_map(|(attribute, name)| Term::Present { attribute, name }),
        2 => (1_u32..7, 0_i64..5).prop_map(|(state, now)| Term::State { state, now }),
        1 => (0_usize..9).prop_map(|at| Term::UniqueIdentifier(at.to_string())),
        1 => (1_u32..3).prop_map(Term::ObjectType),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    let flags = (
        prop::bool::weighted(0.9),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    );
    let owner = prop::option::weighted(0.2, prop_oneof!["a", "b"]);
    (
        owner,
        vec(term(), 0..3),
        flags,
        0_u32..3,
        prop::option::of(0_u32..6),
    )
        .prop_map(
            |(owner, terms, (online, archived, destroyed, count), offset, maximum)| Filter {
                tenant: TenantId(0),
                owner,
                terms,
                online,
                archived,
                destroyed,
                offset,
                maximum,
                count,
            },
        )
}

fn expected(objects: &[Object], filter: &Filter) -> Located {
    let newest_first = objects
        .iter()
        .rev()
        .filter(|(record, index)| filter.holds(record, index));
    let matched: Vec<String> = newest_first
        .map(|(record, _)| record.unique_identifier.clone())
        .collect();
    let total = filter.count.then_some(matched.len() as u64);
    let most = filter.maximum.map_or(usize::MAX, |most| most as usize);
    Located {
        unique_identifiers: matched
            .into_iter()
            .skip(filter.offset as usize)
            .take(most)
            .collect(),
        total,
    }
}

/// Inserts, then updates those that have a second list of entries; what is stored in the end.
async fn store_all(store: &Store, tenant: TenantId, drawn: Vec<(Object, Second)>) -> Vec<Object> {
    let mut objects = Vec::new();
    for (at, ((columns, index), _)) in drawn.iter().enumerate() {
        let record = Record {
            tenant,
            unique_identifier: at.to_string(),
            ..columns.clone()
        };
        store
            .apply(insert(record.clone(), index.clone(), Vec::new()))
            .await
            .unwrap();
        objects.push((record, index.clone()));
    }
    for (object, (_, second)) in objects.iter_mut().zip(drawn) {
        if let Some((index, knows)) = second {
            let before = (object.1.clone(), Vec::new());
            *object = (
                Record {
                    version: 2,
                    ..object.0.clone()
                },
                index,
            );
            let mut commit = update(object.0.clone(), object.1.clone(), Vec::new());
            if knows {
                commit = update_of(before, commit);
            }
            store.apply(commit).await.unwrap();
        }
    }
    objects
}

fn agree(url: &str, cases: u32) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(Store::open(url)).unwrap();
    let tenants = AtomicI64::new(1);
    let drawn = (vec(object(), 1..9), vec(filter(), 30));
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let hits = std::cell::Cell::new(0);
    let result = runner.run(&drawn, |(objects, filters)| {
        let tenant = TenantId(tenants.fetch_add(1, Ordering::Relaxed));
        let objects = runtime.block_on(store_all(&store, tenant, objects));
        for filter in filters {
            let filter = Filter { tenant, ..filter };
            let located = runtime.block_on(store.locate(&filter)).unwrap();
            let hit = !filter.terms.is_empty() && !located.unique_identifiers.is_empty();
            hits.set(hits.get() + usize::from(hit));
            prop_assert_eq!(&located, &expected(&objects, &filter), "{:#?}", filter);
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    assert!(
        hits.get() > cases as usize,
        "the searches found too little to prove anything: {}",
        hits.get()
    );
}

#[test]
fn sqlite_agrees_with_evaluate() {
    agree("sqlite::memory:", 150);
}

#[test]
fn postgres_agrees_with_evaluate() {
    if let Some(cluster) = crate::postgres::shared() {
        agree(&cluster.database(), 40);
    }
}
