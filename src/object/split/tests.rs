#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use proptest::prelude::*;

use super::*;
use shamir::Field as _;

fn hex(text: &str) -> Bytes {
    Bytes::new(hex::decode(text).unwrap())
}

const XOR: SplitKeyMethod = SplitKeyMethod::XOR;
const GF2_8: SplitKeyMethod = SplitKeyMethod::POLYNOMIAL_SHARING_GF2_8;
const GF2_16: SplitKeyMethod = SplitKeyMethod::POLYNOMIAL_SHARING_GF2_16;
const PRIME: SplitKeyMethod = SplitKeyMethod::POLYNOMIAL_SHARING_PRIME_FIELD;
const P283: SplitKeyPolynomial = SplitKeyPolynomial::POLYNOMIAL_283;
const P285: SplitKeyPolynomial = SplitKeyPolynomial::POLYNOMIAL_285;

fn asked(method: SplitKeyMethod, parts: i32, threshold: i32) -> Asked<'static> {
    Asked {
        method,
        parts,
        threshold,
        prime: None,
        polynomial: Some(P285),
    }
}

/// Parts of a secret, with randomness that is the test's.
fn made(asked: &Asked<'_>, secret: &[u8], random: impl Fn(usize) -> Bytes) -> Vec<Part> {
    let scheme = asked.scheme(secret.len()).unwrap();
    let shares = scheme
        .split(secret, &random(scheme.randomness(secret.len())))
        .unwrap();
    (1..)
        .zip(shares)
        .map(|(identifier, share)| Part {
            method: asked.method,
            parts: asked.parts,
            threshold: asked.threshold,
            identifier,
            prime: scheme.prime_field_size(),
            polynomial: asked.polynomial,
            share,
        })
        .collect()
}

fn pick(parts: &[Part], numbers: &[usize]) -> Vec<Part> {
    numbers
        .iter()
        .map(|number| parts[number - 1].clone())
        .collect()
}

/// TC-SJ-2, TC-SJ-3 (1.4 and 2.0): 4 parts, threshold 2.
const OASIS_SHARES: [&str; 4] = [
    "66c46a7754f94de420c7b1a7fff5ec56",
    "cf93d1e2a7e593cd5b8d6247f4e5d49c",
    "a855b891f61ad9217240d8ec061e37da",
    "803dbad55cdd329fad19d99ae2c5a415",
];
const OASIS_KEY: &str = "0102030405060708090a0b0c0d0e0f10";

#[test]
fn the_shares_of_the_oasis_cases_join() {
    let parts: Vec<Part> = (1..)
        .zip(OASIS_SHARES)
        .map(|(identifier, share)| Part {
            method: GF2_8,
            parts: 4,
            threshold: 2,
            identifier,
            prime: None,
            polynomial: Some(P285),
            share: hex(share),
        })
        .collect();
    for numbers in [&[1, 3][..], &[4, 2], &[1, 2, 3, 4]] {
        assert_eq!(join(&pick(&parts, numbers)).unwrap(), hex(OASIS_KEY));
    }
    // The other field is another key, and shows it as soon as there is a part too many.
    let mut other = parts.clone();
    other
        .iter_mut()
        .for_each(|part| part.polynomial = Some(P283));
    assert_ne!(join(&pick(&other, &[1, 3])).unwrap(), hex(OASIS_KEY));
    assert_eq!(join(&other), Err(SplitError::Inconsistent));
}

#[test]
fn a_version_has_its_field() {
    assert_eq!(polynomial(GF2_8, Version::V1_2), Some(P285));
    assert_eq!(polynomial(GF2_8, Version::V2_1), Some(P285));
    assert_eq!(polynomial(GF2_16, Version::V1_4), Some(P283));
    assert_eq!(polynomial(GF2_16, Version::V2_0), Some(P285));
    assert_eq!(polynomial(XOR, Version::V2_1), None);
    assert_eq!(polynomial(PRIME, Version::V2_1), None);
}

/// TC-SJ-4: the four parts' sum is the key.
#[test]
fn the_xor_parts_of_the_oasis_case_join() {
    let shares = [
        "d4b92c299199298e30dee13b967e6dda",
        "35ea4f615686230c7b11538693674e89",
        "3478ddd2e1f89f2005011d26d9fff37c",
        "d429bd9e23e192aa47c4a497d1e8df3f",
    ];
    let parts: Vec<Part> = (1..)
        .zip(shares)
        .map(|(identifier, share)| Part {
            method: XOR,
            parts: 4,
            threshold: 4,
            identifier,
            prime: None,
            polynomial: None,
            share: hex(share),
        })
        .collect();
    assert_eq!(join(&parts).unwrap(), hex(OASIS_KEY));
    assert!(matches!(
        join(&parts[..3]),
        Err(SplitError::TooFew {
            given: 3,
            threshold: 4
        })
    ));
}

const SECRET: &str = "000102030405060708090a0b0c0d0e0f";
const X: &str = "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf";
const X2: &str = "f00fe11ed22dc33cb44ba55a96698778";

/// Known answers for the polynomial SECRET + X x + X2 x^2, from a Python program that shares no
/// code or method with this one: GF(2^8) by logarithms to a generator, GF(2^16) by schoolbook
/// multiplication of polynomials in y and reduction by y^2 = y + {3A}, inverses by powers.
#[test]
fn known_answers_in_binary_fields() {
    let rows = [
        (GF2_8, P285, 1, "50af41be728d639c14eb05fa36c927d8"),
        (GF2_8, P285, 2, "ba62f8203ee67ca4af77ed352bf369b1"),
        (GF2_8, P285, 3, "eaccbb9d486e193fb395e2c411374066"),
        (GF2_8, P285, 200, "1b681f6c136017640b780f7c03700774"),
        (GF2_16, P283, 1, "50af41be728d639c14eb05fa36c927d8"),
        (GF2_16, P283, 2, "b664f42632e070a2a577e73521f363b1"),
        (GF2_16, P283, 3, "e6cab79b44681539b995e8c41b374a66"),
        (GF2_16, P283, 200, "c1f3685a88ba21135361fac81a28b381"),
        (GF2_16, P285, 2, "ba62f8203ee67ca4af77ed352bf369b1"),
        (GF2_16, P285, 200, "1b681f6c136017640b780f7c03700774"),
    ];
    for (method, polynomial, number, share) in rows {
        let asked = Asked {
            polynomial: Some(polynomial),
            ..asked(method, 200, 3)
        };
        let parts = made(&asked, &hex(SECRET), |length| {
            assert_eq!(length, 32);
            hex(&[X, X2].concat())
        });
        assert_eq!(parts[number - 1].share, hex(share), "{method} {number}");
        assert_eq!(join(&pick(&parts, &[200, 7, 31])).unwrap(), hex(SECRET));
    }
    for (below, product, inverse) in [
        (Gf256::FIPS_197, 0x8e76, 0x4f60),
        (Gf256::POLYNOMIAL_285, 0xd223, 0x07fa),
    ] {
        let field = Gf65536 { below };
        assert_eq!(field.multiply(0x1234, 0xabcd), product);
        assert_eq!(field.invert(0x1234), inverse);
    }
    // FIPS 197 §4.2: {57} {83} = {c1}.
    assert_eq!(Gf256::FIPS_197.times(0x57, 0x83), 0xc1);
}

/// The same in a prime field, the coefficients being 33 bytes of X, X2, X, … modulo p; with
/// Python's integers. The first prime is the server's own for 128 bits, the second a client's.
#[test]
fn known_answers_in_prime_fields() {
    let own = "03fffffffffffffffffffffffffffffffb";
    let given = "0100000000000000000000000000000033";
    let rows = [
        (None, own, 1, "018f69778e5fb347d82ffd18220046ebc4"),
        (None, own, 200, "0335e9dda585612d1cd4d87c94257b19c6"),
        (Some(given), given, 1, "00544506cdb9566bdf1e67d0f0838908f8"),
        (
            Some(given),
            given,
            200,
            "00fbf53e2a805fc29504ca47055a1cbfcf",
        ),
    ];
    for (prime, shown, number, share) in rows {
        let prime = prime.map(|prime| BigInteger(hex(prime)));
        let asked = Asked {
            prime: prime.as_ref(),
            ..asked(PRIME, 200, 3)
        };
        let parts = made(&asked, &hex(SECRET), |length| {
            assert_eq!(length, 66);
            let row = |texts: [&str; 3]| hex(&texts.concat())[..33].to_vec();
            Bytes::new([row([X, X2, X]), row([X2, X, X2])].concat())
        });
        assert_eq!(parts[0].prime.as_ref().unwrap().0, hex(shown));
        assert_eq!(parts[number - 1].share, hex(share), "{shown} {number}");
        let joined = join(&pick(&parts, &[200, 7, 31, 8])).unwrap();
        assert_eq!(joined[1..], hex(SECRET)[..]);
    }
}

#[test]
fn the_servers_primes_are_prime_and_just_above_the_secret() {
    for bytes in [16, 24, 32, 48, 64, 128, 256] {
        let prime = Prime::above(bytes).unwrap().unwrap();
        assert!(prime.suits(bytes).unwrap(), "{bytes}");
    }
    // PKCS#8 of RSA-4096 fits; what is longer does not.
    assert!(Prime::above(2400).unwrap().is_some());
    assert!(Prime::above(2493).unwrap().is_none());
}

/// Multiplication by the definition: shift and add over all bits, then divide by the modulus.
fn slow(a: u8, b: u8, modulus: u32) -> u8 {
    let mut product = (0..8)
        .filter(|bit| b >> bit & 1 == 1)
        .fold(0_u32, |sum, bit| sum ^ (u32::from(a) << bit));
    for bit in (8..16).rev() {
        if product >> bit & 1 == 1 {
            product ^= modulus << (bit - 8);
        }
    }
    u8::try_from(product).unwrap()
}

#[test]
fn gf256_is_the_field_that_its_modulus_defines() {
    for (field, modulus) in [(Gf256::FIPS_197, 283), (Gf256::POLYNOMIAL_285, 285)] {
        for a in 0..=255 {
            for b in 0..=255 {
                assert_eq!(field.times(a, b), slow(a, b, modulus), "{a} {b} {modulus}");
            }
            let unit = field.times(a, field.inverse(a));
            assert_eq!(unit, u8::from(a != 0), "{a}");
        }
    }
}

#[test]
fn every_element_of_gf65536_but_zero_has_its_inverse() {
    for below in [Gf256::FIPS_197, Gf256::POLYNOMIAL_285] {
        let field = Gf65536 { below };
        for a in 1..=u16::MAX {
            assert_eq!(field.multiply(a, field.invert(a)), 1, "{a:#x}");
        }
        assert_eq!(field.invert(0), 0);
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let scheme = |asked: Asked<'_>, length| asked.scheme(length).unwrap_err();
    assert_eq!(scheme(asked(GF2_8, 256, 2), 16), SplitError::TooMany(256));
    for (parts, threshold) in [(1, 1), (3, 1), (3, 4), (0, 0), (-1, -1), (3, -2)] {
        assert_eq!(
            scheme(asked(GF2_8, parts, threshold), 16),
            SplitError::Counts { parts, threshold }
        );
    }
    assert_eq!(scheme(asked(XOR, 3, 2), 16), SplitError::XorThreshold);
    assert_eq!(scheme(asked(GF2_16, 3, 2), 17), SplitError::Odd(17));
    assert_eq!(scheme(asked(GF2_8, 3, 2), 0), SplitError::Length(0));
    assert_eq!(scheme(asked(PRIME, 3, 2), 5000), SplitError::Length(5000));
    let unknown = SplitKeyMethod(0x8000_0001);
    assert_eq!(
        scheme(asked(unknown, 3, 2), 16),
        SplitError::Method(unknown)
    );
    // Even, too small for the secret, composite, negative.
    for prime in [
        "0100000000000000000000000000000032",
        "00fffffffffffffffffffffffffffffffffb",
        "0100000000000000000000000000000035",
        "ff00000000000000000000000000000033",
        "",
    ] {
        let prime = BigInteger(hex(prime));
        let asked = Asked {
            prime: Some(&prime),
            ..asked(PRIME, 3, 2)
        };
        let length = 16 + usize::from(prime.0.len() == 18);
        assert_eq!(scheme(asked, length), SplitError::Prime, "{prime:?}");
    }
    let prime = BigInteger(hex("0100000000000000000000000000000033"));
    let needless = Asked {
        prime: Some(&prime),
        ..asked(GF2_8, 3, 2)
    };
    assert_eq!(scheme(needless, 16), SplitError::NeedlessPrime);
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let parts = made(&asked(GF2_8, 5, 3), &hex(SECRET), |length| {
        Bytes::new(vec![9; length])
    });
    let with = |change: &dyn Fn(&mut Part)| {
        let mut parts = pick(&parts, &[1, 2, 3]);
        change(&mut parts[2]);
        join(&parts).unwrap_err()
    };
    type Change<'a> = &'a dyn Fn(&mut Part);
    let rows: [(Change<'_>, SplitError); 8] = [
        (
            &|part| part.method = XOR,
            SplitError::Foreign("Split Key Method"),
        ),
        (
            &|part| part.parts = 6,
            SplitError::Foreign("Split Key Parts"),
        ),
        (
            &|part| part.threshold = 2,
            SplitError::Foreign("Split Key Threshold"),
        ),
        (
            &|part| part.polynomial = Some(P283),
            SplitError::Foreign("the field"),
        ),
        (
            &|part| part.share.truncate(15),
            SplitError::Foreign("length"),
        ),
        (&|part| part.identifier = 2, SplitError::Twice(2)),
        (
            &|part| part.identifier = 0,
            SplitError::Unsound("Key Part Identifier"),
        ),
        (
            &|part| part.identifier = 6,
            SplitError::Unsound("Key Part Identifier"),
        ),
    ];
    for (change, error) in rows {
        assert_eq!(with(change), error);
    }
    assert!(matches!(
        join(&parts[..2]),
        Err(SplitError::TooFew {
            given: 2,
            threshold: 3
        })
    ));
    assert!(matches!(join(&[]), Err(SplitError::TooFew { .. })));
    let mut changed = parts.clone();
    changed[4].share[0] ^= 1;
    assert_eq!(join(&changed), Err(SplitError::Inconsistent));
    // What a client can register: no number in it makes the arithmetic fail otherwise.
    for (number, threshold) in [(1, 0), (1, -5), (i32::MAX, 1), (300, 1)] {
        let odd = Part {
            parts: i32::MAX,
            identifier: number,
            threshold,
            ..parts[0].clone()
        };
        assert!(matches!(join(&[odd]), Err(SplitError::Unsound(_))));
    }
    for (method, prime) in [(PRIME, None), (PRIME, Some("09")), (PRIME, Some("08"))] {
        let prime = prime.map(|prime| BigInteger(hex(prime)));
        let odd = |identifier| Part {
            method,
            identifier,
            prime: prime.clone(),
            parts: 5,
            threshold: 2,
            ..parts[0].clone()
        };
        assert!(join(&[odd(1), odd(4)]).is_err(), "{prime:?}");
    }
}

fn method() -> impl Strategy<Value = (SplitKeyMethod, Option<SplitKeyPolynomial>)> {
    prop_oneof![
        Just((GF2_8, Some(P285))),
        Just((GF2_16, Some(P283))),
        Just((GF2_16, Some(P285))),
        Just((PRIME, None)),
    ]
}

/// Bytes of a seed, as many as wanted.
fn stretched(seed: u64, length: usize) -> Bytes {
    use sha2::Digest as _;
    let block =
        |count: u64| sha2::Sha256::digest([seed.to_be_bytes(), count.to_be_bytes()].concat());
    let mut bytes: Vec<u8> = (0..).flat_map(block).take(length).collect();
    bytes.truncate(length);
    Bytes::new(bytes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any threshold of parts, in any order, gives the key; one less gives another; and one part
    /// too many that was changed is seen.
    #[test]
    fn a_threshold_of_parts_is_the_key(
        (method, polynomial) in method(),
        (threshold, parts) in (2..8_i32).prop_flat_map(|least| (Just(least), least..10_i32)),
        secret in prop::collection::vec(any::<u8>(), 8..40),
        seed in any::<u64>(),
        order in Just((1..=9_usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let mut secret = secret;
        secret.truncate(secret.len() / 2 * 2);
        let asked = Asked { polynomial, ..asked(method, parts, threshold) };
        let made = made(&asked, &secret, |length| stretched(seed, length));
        let count = usize::try_from(threshold).unwrap();
        let order: Vec<usize> = order
            .into_iter()
            .filter(|number| *number <= made.len())
            .collect();
        let joined = join(&pick(&made, &order[..count])).unwrap();
        let zeros = joined.len() - secret.len();
        prop_assert!(joined[..zeros].iter().all(|byte| *byte == 0));
        prop_assert_eq!(&joined[zeros..], &secret[..]);
        let mut fewer = pick(&made, &order[..count - 1]);
        let few = join(&fewer);
        let refused = matches!(few, Err(SplitError::TooFew { .. }));
        prop_assert!(refused);
        // A part that claims a lower threshold does not make them enough.
        fewer.iter_mut().for_each(|part| part.threshold = threshold - 1);
        let wrong = join(&fewer).unwrap();
        prop_assert_ne!(&wrong[zeros..], &secret[..]);
        if order.len() > count {
            let mut changed = pick(&made, &order);
            let last = changed.len() - 1;
            let place = changed[last].share.len() - 1;
            changed[last].share[place] ^= 1;
            prop_assert_eq!(join(&changed), Err(SplitError::Inconsistent));
        }
    }

    #[test]
    fn all_xor_parts_are_the_key(
        parts in 2..8_i32,
        secret in prop::collection::vec(any::<u8>(), 1..40),
        seed in any::<u64>(),
    ) {
        let made = made(&asked(XOR, parts, parts), &secret, |length| stretched(seed, length));
        prop_assert_eq!(join(&made).unwrap().to_vec(), secret);
        let few = join(&made[1..]);
        let refused = matches!(few, Err(SplitError::TooFew { .. }));
        prop_assert!(refused);
    }
}
