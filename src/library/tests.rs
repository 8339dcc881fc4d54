#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use super::cipher::Call;
use super::*;
use crate::mechanism::{self, Service};

/// OpenSSL has every row that names it, under that name, for each length of key.
#[test]
fn the_library_has_what_the_table_says() {
    for row in mechanism::MECHANISMS {
        if row.service != Service::Cipher || row.library.is_none() {
            continue;
        }
        for length in row.keys {
            // XTS refuses equal halves, triple DES needs no parity.
            let key: Vec<u8> = (0..*length as u8).collect();
            let iv = vec![1; row.shape.iv()];
            let call = Call {
                row,
                iv: &iv,
                aad: &[],
                tag_length: if row.shape.is_authenticated() { 16 } else { 0 },
                counter_bits: 128,
            };
            let (sealed, tag) = call.encrypt(&key, &[7; 32]).unwrap_or_else(|error| {
                panic!("{} with {length} bytes: {error}", row.name);
            });
            let clear = call.decrypt(&key, &sealed, &tag).unwrap();
            assert_eq!(*clear, [7; 32], "{}", row.name);
            if !tag.is_empty() {
                let mut wrong = tag.clone();
                wrong[0] ^= 1;
                assert_eq!(
                    call.decrypt(&key, &sealed, &wrong),
                    Err(LibraryError::Integrity)
                );
            }
        }
    }
}
