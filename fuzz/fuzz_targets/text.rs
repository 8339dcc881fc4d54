//! The same in XML or JSON.
#![no_main]

use std::cell::RefCell;

use keyward_fuzz::ground::Ground;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static GROUND: RefCell<Ground> = RefCell::new(Ground::new());
}

fuzz_target!(|input: &[u8]| GROUND.with_borrow_mut(|ground| ground.converse_in_text(input)));
