//! Request messages of one connection, one after another, as a registered client sends them.
#![no_main]

use std::cell::RefCell;

use keyward_fuzz::ground::Ground;
use keyward_fuzz::mutation::mutate;
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

thread_local! {
    static GROUND: RefCell<Ground> = RefCell::new(Ground::new());
}

fuzz_target!(|input: &[u8]| GROUND.with_borrow_mut(|ground| ground.converse(input)));

fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
    mutate(data, size, most, seed, fuzzer_mutate)
});
