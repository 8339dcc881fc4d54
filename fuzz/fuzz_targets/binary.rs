//! A message in one encoding, whose tree must be the same in all.
#![no_main]

use keyward_fuzz::codecs::round_trip;
use libfuzzer_sys::fuzz_target;
use ttlv::{Limits, binary};

fuzz_target!(|message: &[u8]| {
    if let Ok(node) = binary::decode(message, &Limits::default()) {
        round_trip(&node);
    }
});
