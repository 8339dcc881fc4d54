#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::collections::HashSet;

use super::*;
use crate::protocol::enumeration::HashingAlgorithm;

#[test]
fn what_is_asked_has_one_row() {
    let asked: HashSet<_> = MECHANISMS
        .iter()
        .map(|row| {
            (
                row.service,
                row.algorithm.0,
                row.mode.map(|m| m.0),
                row.padding.map(|p| p.0),
            )
        })
        .collect();
    assert_eq!(asked.len(), MECHANISMS.len());
    let names: HashSet<_> = MECHANISMS.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), MECHANISMS.len());
}

#[test]
fn every_row_has_somebody_who_computes_it() {
    for row in MECHANISMS {
        assert!(row.token.is_some() || row.library.is_some(), "{}", row.name);
    }
}

/// RFC 8017 §9.2, note 1.
#[test]
fn digest_info_is_that_of_the_rfc() {
    let info = hash::find(HashingAlgorithm::SHA_256)
        .unwrap()
        .digest_info(&[0xaa; 32])
        .unwrap();
    assert_eq!(
        hex::encode(&info[..19]),
        "3031300d060960864801650304020105000420"
    );
    let info = hash::find(HashingAlgorithm::SHA_1)
        .unwrap()
        .digest_info(&[0xaa; 20])
        .unwrap();
    assert_eq!(hex::encode(&info[..15]), "3021300906052b0e03021a05000414");
}

#[test]
fn every_padding_comes_off_as_it_went_on() {
    for (method, counted) in [
        (PaddingMethod::PKCS5, true),
        (PaddingMethod::ANSI_X9_23, true),
        (PaddingMethod::ISO_10126, true),
        (PaddingMethod::SSL3, true),
        (PaddingMethod::NONE, false),
    ] {
        let padding = padding::find(method).unwrap();
        for block in [8, 16] {
            for length in 0..=33 {
                let data = vec![7_u8; if counted { length } else { length * block }];
                let mut padded = data.clone();
                padding.lay(&mut padded, block);
                assert_eq!(padded.len() % block, 0, "{method} {length}");
                assert_eq!(padded.len() > data.len(), counted);
                let back = padding
                    .take(zeroize::Zeroizing::new(padded), block)
                    .unwrap();
                assert_eq!(*back, data);
            }
        }
    }
}

#[test]
fn paddings_are_checked() {
    let take = |method, bytes: &[u8]| {
        padding::find(method)
            .unwrap()
            .take(zeroize::Zeroizing::new(bytes.to_vec()), 8)
            .map(|clear| clear.to_vec())
    };
    assert_eq!(
        take(PaddingMethod::PKCS5, &[1, 2, 3, 4, 5, 3, 3, 3]),
        Ok(vec![1, 2, 3, 4, 5])
    );
    for wrong in [
        [1, 2, 3, 4, 5, 2, 3, 3],
        [1, 2, 3, 4, 5, 6, 7, 0],
        [1, 2, 3, 4, 5, 6, 7, 9],
    ] {
        assert_eq!(take(PaddingMethod::PKCS5, &wrong), Err(padding::Unpadded));
    }
    assert_eq!(
        take(PaddingMethod::ANSI_X9_23, &[1, 2, 3, 4, 5, 0, 0, 3]),
        Ok(vec![1, 2, 3, 4, 5])
    );
    assert_eq!(
        take(PaddingMethod::ANSI_X9_23, &[1, 2, 3, 4, 5, 9, 0, 3]),
        Err(padding::Unpadded)
    );
    assert_eq!(
        take(PaddingMethod::ISO_10126, &[1, 2, 3, 4, 5, 9, 8, 3]),
        Ok(vec![1, 2, 3, 4, 5])
    );
    assert_eq!(
        take(PaddingMethod::SSL3, &[1, 2, 3, 4, 5, 9, 8, 2]),
        Ok(vec![1, 2, 3, 4, 5])
    );
    assert_eq!(take(PaddingMethod::PKCS5, &[]), Err(padding::Unpadded));
    // Zeros stay: they may be the data's own.
    assert_eq!(
        take(PaddingMethod::ZEROS, &[1, 0, 0, 0, 0, 0, 0, 0]),
        Ok(vec![1, 0, 0, 0, 0, 0, 0, 0])
    );
}
