//! Known answers of NIST, the RFCs and Project Wycheproof for every row of the mechanism table: in
//! the library, in the embedded token, and in SoftHSM where it is installed.
//!
//! A wrong answer, or a right one to what must be refused, is a failure. A token may refuse a
//! mechanism or a key that the table says it may not have; it must say so in the way by which the
//! service goes on to the library (`Refused`, `BadKey`), and the library must then know the answer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

#[path = "../support/softhsm.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod softhsm;

mod ciphers;
mod encipherment;
mod macs;
mod nist;
mod place;
mod sets;
mod signatures;
mod tally;
mod verifications;

use std::collections::BTreeSet;

use keyward::mechanism::{MECHANISMS, hash};

use place::Place;
use tally::Tally;

#[test]
fn every_row_has_vectors() {
    let covered: BTreeSet<&str> = sets::all().map(|case| case.row().name).collect();
    for row in MECHANISMS {
        assert!(covered.contains(row.name), "{} has no vectors", row.name);
    }
    let hashes: BTreeSet<&str> = nist::hashes().into_iter().map(|case| case.0).collect();
    for row in hash::HASHES {
        assert!(hashes.contains(row.name), "{}", row.name);
    }
}

#[test]
fn hashes() {
    for (name, message, digest) in nist::hashes() {
        let row = hash::HASHES.iter().find(|row| row.name == name).unwrap();
        let made = keyward::library::digest::hash(row, &message).unwrap();
        assert_eq!(made, digest, "{name} of {}", hex::encode(message));
    }
}

/// What the tokens do not have, or not with our keys: the library computes it for keys of class served.
const NOT_EMBEDDED: &[&str] = &[
    "aes-gmac",
    "aes-xts",
    "des3-cbc",
    "des3-cfb",
    "des3-cmac",
    "des3-ecb",
    "des3-ofb",
    "dsa",
    "poly1305",
];
const NOT_SOFTHSM: &[&str] = &[
    "aes-ccm",
    "aes-cfb",
    "aes-gmac",
    "aes-ofb",
    "aes-xts",
    "chacha20",
    "chacha20-poly1305",
    "des3-cfb",
    "des3-ofb",
    "dsa",
    "ed25519",
    "ed448",
    "hmac-sha3-224",
    "hmac-sha3-256",
    "hmac-sha3-384",
    "hmac-sha3-512",
    "ml-dsa-44",
    "ml-dsa-65",
    "ml-dsa-87",
    "poly1305",
    "slh-dsa-sha2-128s",
    "slh-dsa-sha2-128f",
    "slh-dsa-sha2-192s",
    "slh-dsa-sha2-192f",
    "slh-dsa-sha2-256s",
    "slh-dsa-sha2-256f",
    "slh-dsa-shake-128s",
    "slh-dsa-shake-128f",
    "slh-dsa-shake-192s",
    "slh-dsa-shake-192f",
    "slh-dsa-shake-256s",
    "slh-dsa-shake-256f",
    // Without implicit rejection, it is not asked.
    "rsa-pkcs1",
];

/// All cases in one place.
async fn answers(place: &Place) -> Tally {
    let mut tally = Tally::new(place.name());
    for case in sets::all() {
        case.check(place, &mut tally).await;
    }
    eprintln!("{tally}");
    tally
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_library() {
    let tally = answers(&Place::Library).await;
    tally.assert_right();
    // Nobody is behind the library: it must have what the table says.
    tally.assert_refused(&[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_embedded_token() {
    let tally = answers(&Place::embedded().await).await;
    tally.assert_right();
    tally.assert_refused(NOT_EMBEDDED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_softhsm() {
    let Some(place) = Place::softhsm().await else {
        eprintln!("SoftHSM is not installed: not tested");
        return;
    };
    let tally = answers(&place).await;
    tally.assert_right();
    tally.assert_refused(NOT_SOFTHSM);
}
