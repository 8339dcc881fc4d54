//! What decodes must encode and decode again to the same tree, in every encoding that can hold it.
#![no_main]

use keyward_fuzz::Few;
use libfuzzer_sys::fuzz_target;
use ttlv::{Limits, binary, json, xml};

fuzz_target!(|message: &[u8]| {
    let limits = Limits::default();
    let Ok(node) = binary::decode(message, &limits) else {
        return;
    };
    // The same tree is longer in another encoding, so only the input counts against the limits.
    let roomy = Limits {
        bytes: usize::MAX,
        ..limits
    };
    assert!(binary::decode(&binary::to_vec(&node), &roomy).as_ref() == Ok(&node));
    let mut document = String::new();
    json::encode(&node, &Few, &mut document);
    assert!(json::decode(document.as_bytes(), &Few, &roomy).as_ref() == Ok(&node));
    let mut document = String::new();
    // Control characters do not exist in XML.
    if xml::encode(&node, &Few, &mut document).is_ok() {
        assert!(xml::decode(document.as_bytes(), &Few, &roomy).as_ref() == Ok(&node));
    }
});
