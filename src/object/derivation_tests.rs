#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;

use super::*;

fn row(algorithm: HashingAlgorithm) -> &'static HashRow {
    mechanism::hash::find(algorithm).unwrap()
}

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

/// The example of AWS's documentation ("Create a signed AWS API request") and the one of its earlier edition.
#[test]
fn aws_signature_of_the_documentation() {
    let secret = b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    let rows = [
        (
            "20150830",
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9",
        ),
        (
            "20120215",
            "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d",
        ),
    ];
    for (date, key) in rows {
        let parts = [date.as_bytes(), b"us-east-1", b"iam"];
        let derived = aws_signature(secret, parts, 32).unwrap();
        assert_eq!(hex::encode(derived.as_slice()), key);
        assert!(aws_signature(secret, parts, 33).is_err());
    }
}

#[test]
fn an_agreed_secret_loses_its_first_bytes() {
    assert_eq!(shortened(b"abcd", 3).unwrap().as_slice(), b"bcd");
    assert_eq!(shortened(b"abcd", 4).unwrap().as_slice(), b"abcd");
    assert!(shortened(b"abcd", 5).is_err());
    assert!(shortened(b"abcd", 0).is_err());
}

/// RFC 6070, and RFC 7914 §11 for SHA-256.
#[test]
fn pbkdf2_of_the_rfcs() {
    let sha1 = |password: &[u8], salt: &[u8], rounds, length| {
        hex::encode(
            pbkdf2(row(HashingAlgorithm::SHA_1), password, salt, rounds, length)
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
    let sha256 = pbkdf2(row(HashingAlgorithm::SHA_256), b"passwd", b"salt", 1, 64).unwrap();
    assert_eq!(
        hex::encode(sha256.as_slice()),
        "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc\
         49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783"
    );
    for rounds in [0, -1, i32::MIN, i32::MAX] {
        assert_eq!(
            pbkdf2(row(HashingAlgorithm::SHA_1), b"", b"", rounds, 1),
            Err(DerivationError::Iterations)
        );
    }
    assert!(pbkdf2(row(HashingAlgorithm::SHA3_256), b"p", b"s", 2, 40).is_ok());
    // The rounds of all blocks count.
    assert_eq!(
        pbkdf2(row(HashingAlgorithm::SHA_1), b"", b"", 10_000_000, 21),
        Err(DerivationError::Iterations)
    );
    assert!(pbkdf2(row(HashingAlgorithm::SHA_1), b"", b"", 1, usize::MAX).is_err());
}

/// RFC 5869 test cases 1 and 7 (SHA-1, empty salt).
#[test]
fn hkdf_of_the_rfc() {
    let one = hkdf(
        row(HashingAlgorithm::SHA_256),
        &[0x0b; 22],
        &bytes("000102030405060708090a0b0c"),
        &bytes("f0f1f2f3f4f5f6f7f8f9"),
        42,
    );
    let expected =
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
    assert_eq!(hex::encode(one.unwrap().as_slice()), expected);
    let seven = hkdf(row(HashingAlgorithm::SHA_1), &[0x0c; 22], b"", b"", 42).unwrap();
    let expected =
        "2c91117204d745f3500d636a62f64f0ab3bae548aa53d423b0d1f27ebba6f5e5673a081d70cce7acfc48";
    assert_eq!(hex::encode(seven.as_slice()), expected);
    let beyond = 255 * 32 + 1;
    assert_eq!(
        hkdf(row(HashingAlgorithm::SHA_256), b"k", b"", b"", beyond),
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
        hash_key(row(HashingAlgorithm::SHA_256), key, data, length)
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
fn input_is_bounded() {
    assert_eq!(affordable(&[0; 1024], 16 << 10), Ok(()));
    assert_eq!(
        affordable(&[0; 1025], 16 << 10),
        Err(DerivationError::Input)
    );
    assert_eq!(affordable(&[0; 2], usize::MAX), Err(DerivationError::Input));
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
    fn cut_from_either_end(output in proptest::collection::vec(any::<u8>(), 0..80), length in 1usize..100) {
        let (first, last) = (truncated(&output, length), shortened(&output, length));
        if length > output.len() {
            prop_assert_eq!(first, Err(DerivationError::TooLong { asked: length, available: output.len() }));
            prop_assert!(last.is_err());
        } else {
            let (first, last) = (first.unwrap(), last.unwrap());
            prop_assert_eq!(first.as_slice(), &output[..length]);
            prop_assert_eq!(last.as_slice(), &output[output.len() - length..]);
        }
    }
}
