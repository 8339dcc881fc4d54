#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::super::format::hmac;
use super::*;

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn run(algorithm: HashAlgorithm, key: &[u8], inputs: &[Vec<u8>], length: usize) -> Vec<u8> {
    let blocks: Vec<_> = inputs
        .iter()
        .map(|input| hmac(algorithm, key, input).unwrap().to_vec())
        .collect();
    assemble(&blocks, length).unwrap().to_vec()
}

/// NIST CAVS, KDF in counter mode, HMAC-SHA-512, counter of 32 bits before the fixed data, L = 128, count 0.
#[test]
fn counter_mode_of_nist() {
    let key = bytes(
        "dd5dbd45593ee2ac139748e7645b450f223d2ff297b73fd71cbcebe71d41653c\
         950b88500de5322d99ef18dfdd30428294c4b3094f4c954334e593bd982ec614",
    );
    let data = bytes(
        "b50b0c963c6b3034b8cf19cd3f5c4ebe4f4985af0c03e575db62e6fdf1ecfe4f\
         28b95d7ce16df85843246e1557ce95bb26cc9a21974bbd2eb69e8355",
    );
    let inputs = counter_inputs(&data, 16, 64).unwrap();
    assert_eq!(
        hex::encode(run(HashAlgorithm::Sha512, &key, &inputs, 16)),
        "e5993bf9bd2aa1c45746042e12598155"
    );
}

#[test]
fn counter_mode_counts_blocks() {
    let inputs = counter_inputs(b"xy", 65, 32).unwrap();
    assert_eq!(inputs, [b"\0\0\0\x01xy", b"\0\0\0\x02xy", b"\0\0\0\x03xy"]);
    assert_eq!(counter_inputs(b"", 64, 32).unwrap().len(), 2);
    assert_eq!(counter_inputs(b"", 0, 32), Err(DerivationError::Length));
    assert!(counter_inputs(b"", MAX_OUTPUT + 1, 32).is_err());
    // A PRF without output gives nothing to assemble from.
    assert_eq!(counter_inputs(b"", 1, 0), Ok(Vec::new()));
    assert!(assemble::<Vec<u8>>(&[], 1).is_err());
}

/// RFC 4231 test case 2, cut.
#[test]
fn hmac_method() {
    let inputs = hmac_inputs(b"what do ya want for nothing?", 16, 32).unwrap();
    assert_eq!(
        hex::encode(run(HashAlgorithm::Sha256, b"Jefe", &inputs, 16)),
        "5bdcc146bf60754e6a042426089575c7"
    );
    assert_eq!(
        hmac_inputs(b"x", 33, 32),
        Err(DerivationError::TooLong {
            asked: 33,
            available: 32
        })
    );
}

/// RFC 6070, and RFC 7914 §11 for SHA-256.
#[test]
fn pbkdf2_of_the_rfcs() {
    let sha1 = |password: &[u8], salt: &[u8], rounds, length| {
        hex::encode(
            pbkdf2(HashAlgorithm::Sha1, password, salt, rounds, length)
                .unwrap()
                .as_slice(),
        )
    };
    assert_eq!(
        sha1(b"password", b"salt", 1, 20),
        "0c60c80f961f0e71f3a9b524af6012062fe037a6"
    );
    assert_eq!(
        sha1(b"password", b"salt", 4096, 16),
        "4b007901b765489abead49d926f721d0"
    );
    assert_eq!(
        sha1(b"pass\0word", b"sa\0lt", 4096, 16),
        "56fa6aa75548099dcc37d7f03425e0c3"
    );
    let sha256 = pbkdf2(HashAlgorithm::Sha256, b"passwd", b"salt", 1, 64).unwrap();
    assert_eq!(
        hex::encode(sha256.as_slice()),
        "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc\
         a49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a1978"
    );
    for rounds in [0, -1, i32::MIN, i32::MAX] {
        assert_eq!(
            pbkdf2(HashAlgorithm::Sha1, b"", b"", rounds, 1),
            Err(DerivationError::Iterations)
        );
    }
    assert!(pbkdf2(HashAlgorithm::Sha3_256, b"p", b"s", 2, 40).is_ok());
    assert!(pbkdf2(HashAlgorithm::Sha1, b"", b"", 1, usize::MAX).is_err());
}

/// RFC 5869 test cases 1 and 7 (SHA-1, empty salt).
#[test]
fn hkdf_of_the_rfc() {
    let one = hkdf(
        HashAlgorithm::Sha256,
        &[0x0b; 22],
        &bytes("000102030405060708090a0b0c"),
        &bytes("f0f1f2f3f4f5f6f7f8f9"),
        42,
    );
    let expected =
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
    assert_eq!(hex::encode(one.unwrap().as_slice()), expected);
    let seven = hkdf(HashAlgorithm::Sha1, &[0x0c; 22], b"", b"", 42).unwrap();
    let expected =
        "2c91117204d745f3500d636a62f64f0ab3bae548aa53d423b0d1f27ebba6f5e5673a081d70cce7acfc48";
    assert_eq!(hex::encode(seven.as_slice()), expected);
    let beyond = 255 * 32 + 1;
    assert_eq!(
        hkdf(HashAlgorithm::Sha256, b"k", b"", b"", beyond),
        Err(DerivationError::TooLong {
            asked: beyond,
            available: 255 * 32
        })
    );
}

/// FIPS 180-4: the hash of "abc", cut.
#[test]
fn hash_method() {
    let of = |key: Option<&[u8]>, data: Option<&[u8]>, length| {
        hash_key(HashAlgorithm::Sha256, key, data, length)
    };
    assert_eq!(
        hex::encode(of(Some(b"abc"), None, 16).unwrap().as_slice()),
        "ba7816bf8f01cfea414140de5dae2223"
    );
    assert_eq!(of(Some(b"abc"), None, 32), of(None, Some(b"abc"), 32));
    assert_eq!(
        of(Some(b"abc"), Some(b"abc"), 16),
        Err(DerivationError::OneInput)
    );
    assert_eq!(of(None, None, 16), Err(DerivationError::OneInput));
    assert_eq!(
        of(Some(b"abc"), None, 33),
        Err(DerivationError::TooLong {
            asked: 33,
            available: 32
        })
    );
}

#[test]
fn lengths() {
    assert_eq!(output_len(336), Ok(42));
    for wrong in [0, -8, 7, 129, i32::MIN] {
        assert_eq!(output_len(wrong), Err(DerivationError::Length));
    }
    assert!(matches!(
        output_len(i32::MAX - 7),
        Err(DerivationError::TooLong { .. })
    ));
    assert_eq!(truncated(b"abc", 2).unwrap().as_slice(), b"ab");
    assert!(truncated(b"abc", 4).is_err());
}

proptest! {
    #[test]
    fn assembled_is_the_start_of_all_blocks(blocks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..6), length in 1usize..200) {
        let all = blocks.concat();
        match assemble(&blocks, length) {
            Ok(output) => prop_assert_eq!(Some(output.as_slice()), all.get(..length)),
            Err(error) => prop_assert_eq!(error, DerivationError::TooLong { asked: length, available: all.len() }),
        }
    }
}
