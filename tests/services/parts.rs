//! Data in several parts gives what it gives in one.

use keyward::mechanism::hash::HASHES;
use keyward::mechanism::{MECHANISMS, Row, Service, Shape};
use keyward::protocol::enumeration::{
    CryptographicAlgorithm, HashingAlgorithm, Operation, PaddingMethod, ResultReason,
    ValidityIndicator,
};
use keyward::protocol::tag;
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::ground::*;

/// A message cut in parts: where, in thousandths of it.
fn cuts() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(0..=1000_usize, 0..6).prop_map(|mut cuts| {
        cuts.sort_unstable();
        cuts
    })
}

fn cut<'a>(data: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut from = 0;
    for cut in cuts {
        let to = data.len() * cut / 1000;
        parts.push(&data[from..to]);
        from = to;
    }
    parts.push(&data[from..]);
    parts
}

/// Sends a message in parts; what all answers gave, joined, and the last answer. `head` goes before
/// Data and `tail` behind the indicators, with the first part only.
async fn in_parts(
    ground: &Ground,
    operation: Operation,
    (head, after, tail): (&[Item], &[Item], &[Item]),
    parts: &[&[u8]],
    always: &[Item],
) -> (Vec<u8>, Answer) {
    let mut out = Vec::new();
    let mut value: Option<Vec<u8>> = None;
    for (position, part) in parts.iter().enumerate() {
        let (first, last) = (position == 0, position + 1 == parts.len());
        let mut payload = always.to_vec();
        if first {
            payload.extend_from_slice(head);
        }
        payload.push(bytes(tag::DATA, part));
        if first {
            payload.extend_from_slice(after);
        }
        payload.extend(
            value
                .as_ref()
                .map(|value| bytes(tag::CORRELATION_VALUE, value)),
        );
        if first {
            payload.push(boolean(tag::INIT_INDICATOR, true));
        }
        if last {
            payload.push(boolean(tag::FINAL_INDICATOR, true));
        }
        if first {
            payload.extend_from_slice(tail);
        }
        let answer = ground.tell(operation, payload).await;
        if answer.reason.is_some() {
            return (out, answer);
        }
        out.extend(answer.bytes(tag::DATA));
        if last {
            assert_eq!(answer.bytes(tag::CORRELATION_VALUE), Vec::<u8>::new());
            return (out, answer);
        }
        let given = answer.bytes(tag::CORRELATION_VALUE);
        assert_eq!(given.len(), 16);
        value = Some(given);
    }
    unreachable!("there is a last part")
}

/// Lengths of data that a row takes without padding.
fn length(shape: Shape, wish: usize) -> usize {
    match shape {
        Shape::Codebook { block } | Shape::Chained { block } => wish - wish % block,
        Shape::Xts => wish.max(16),
        Shape::KeyWrap => (wish - wish % 8).max(16),
        Shape::KeyWrapPadded => wish.max(1),
        _ => wish,
    }
}

fn vector(shape: Shape) -> Vec<u8> {
    (0..shape.iv() as u8)
        .map(|byte| byte.wrapping_mul(37) ^ 0x5a)
        .collect()
}

struct Sealing {
    row: &'static Row,
    padding: Option<PaddingMethod>,
    counter: Option<i32>,
    iv: Vec<u8>,
    id: String,
    key: String,
}

impl Sealing {
    fn fields(&self, aad: &[u8], proof: &[u8]) -> (Vec<Item>, Vec<Item>, Vec<Item>) {
        let padding = self
            .padding
            .map(|padding| number(tag::PADDING_METHOD, padding.0));
        let counter = self.counter.map(|bits| integer(tag::COUNTER_LENGTH, bits));
        let more = padding.into_iter().chain(counter).collect();
        let head = vec![of_row(self.row, more)];
        let after = match self.iv.is_empty() {
            true => Vec::new(),
            false => vec![bytes(tag::IV_COUNTER_NONCE, &self.iv)],
        };
        let mut tail = Vec::new();
        if self.row.shape.is_authenticated() {
            tail.push(bytes(tag::AUTHENTICATED_ENCRYPTION_ADDITIONAL_DATA, aad));
        }
        if !proof.is_empty() {
            tail.push(bytes(tag::AUTHENTICATED_ENCRYPTION_TAG, proof));
        }
        (head, after, tail)
    }

    async fn run(
        &self,
        ground: &Ground,
        operation: Operation,
        proof: &[u8],
        parts: &[&[u8]],
    ) -> (Vec<u8>, Answer) {
        let aad: &[u8] = match self.row.shape.is_authenticated() {
            true => b"additional",
            false => b"",
        };
        let (head, after, tail) = self.fields(aad, proof);
        let always = [uid(&self.id)];
        let fields = (head.as_slice(), after.as_slice(), tail.as_slice());
        in_parts(ground, operation, fields, parts, &always).await
    }

    /// Whole and in parts, both ways.
    async fn check(&self, ground: &Ground, data: &[u8], cuts: &[usize]) {
        let what = format!("{} {:?} {} {cuts:?}", self.key, self.padding, data.len());
        let (whole, answer) = self.run(ground, Operation::ENCRYPT, &[], &[data]).await;
        let proof = answer.ok().bytes(tag::AUTHENTICATED_ENCRYPTION_TAG);
        let parts = cut(data, cuts);
        let (sealed, answer) = self.run(ground, Operation::ENCRYPT, &[], &parts).await;
        assert_eq!(answer.reason, None, "{what}: {}", answer.message);
        assert_eq!(sealed, whole, "{what}");
        assert_eq!(
            answer.bytes(tag::AUTHENTICATED_ENCRYPTION_TAG),
            proof,
            "{what}"
        );
        let mut expected = data.to_vec();
        if self.padding == Some(PaddingMethod::ZEROS) {
            expected.resize(whole.len(), 0);
        }
        for parts in [vec![whole.as_slice()], cut(&whole, cuts)] {
            let (clear, answer) = self.run(ground, Operation::DECRYPT, &proof, &parts).await;
            assert_eq!(answer.reason, None, "{what}: {}", answer.message);
            assert_eq!(clear, expected, "{what}");
        }
        assert_eq!(ground.engine.streams.open(), 0, "{what}");
    }
}

async fn sealings(ground: &Ground) -> Vec<Sealing> {
    let mut out = Vec::new();
    for row in MECHANISMS
        .iter()
        .filter(|row| row.service == Service::Cipher)
    {
        let mut paddings = vec![None];
        if row.shape.pads().is_some() {
            paddings.extend(
                [
                    PaddingMethod::PKCS5,
                    PaddingMethod::SSL3,
                    PaddingMethod::ZEROS,
                    PaddingMethod::ANSI_X9_23,
                    PaddingMethod::ISO_10126,
                ]
                .map(Some),
            );
        }
        let length = *row.keys.last().unwrap();
        let material: Vec<u8> = (0..length as u8)
            .map(|byte| byte.wrapping_mul(151) | 1)
            .collect();
        let id = ground
            .symmetric(row.algorithm.0, &material, Vec::new())
            .await;
        for padding in paddings {
            let plain = Sealing {
                row,
                padding,
                counter: None,
                iv: vector(row.shape),
                id: id.clone(),
                key: row.name.to_owned(),
            };
            out.push(plain);
        }
        // Counters that come to their end, or round.
        let ends: &[(Option<i32>, Vec<u8>)] = match row.shape {
            Shape::Counter => &[
                (None, vec![0xff; 16]),
                (Some(32), [&[7; 12][..], &[0xff, 0xff, 0xff, 0xf9]].concat()),
                (Some(8), [&[7; 15][..], &[0xf9]].concat()),
            ],
            Shape::ChaCha20 => &[
                (None, vec![9; 8]),
                (None, [&[0xfd, 0xff, 0xff, 0xff][..], &[7; 12]].concat()),
            ],
            _ => &[],
        };
        for (counter, iv) in ends {
            out.push(Sealing {
                row,
                padding: None,
                counter: *counter,
                iv: iv.clone(),
                id: id.clone(),
                key: format!("{} {}", row.name, hex::encode(iv)),
            });
        }
    }
    out
}

/// 7 blocks of 16 bytes, or 3 of 64: as much as the counters above have left.
const LONGEST: usize = 112;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cipher_both_ways() {
    let ground = Ground::new().await;
    let sealings = sealings(&ground).await;
    let mut runner = TestRunner::new(Config::with_cases(12));
    let handle = tokio::runtime::Handle::current();
    for sealing in &sealings {
        let of = (proptest::collection::vec(any::<u8>(), 0..=LONGEST), cuts());
        let run = |(mut data, cuts): (Vec<u8>, Vec<usize>)| {
            if sealing.padding.is_none() {
                data.resize(length(sealing.row.shape, data.len()), 7);
            }
            tokio::task::block_in_place(|| {
                handle.block_on(sealing.check(&ground, &data, &cuts));
            });
            Ok(())
        };
        runner.run(&of, run).unwrap();
        for length in [0, 16, LONGEST] {
            let cuts = vec![150, 580];
            run((vec![7; length], cuts)).unwrap();
        }
    }
}

/// A counter that would come round is refused, in one part and in several.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_counter_comes_round() {
    let ground = Ground::new().await;
    let counters = sealings(&ground).await;
    let short = counters.iter().filter(|sealing| sealing.counter.is_some());
    for sealing in short {
        let data = [0; LONGEST + 1];
        for parts in [vec![&data[..]], cut(&data, &[500]), cut(&data, &[995])] {
            let (_, answer) = sealing.run(&ground, Operation::ENCRYPT, &[], &parts).await;
            answer.fails(ResultReason::CRYPTOGRAPHIC_FAILURE);
        }
    }
    assert_eq!(ground.engine.streams.open(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mac() {
    let ground = Ground::new().await;
    let data: Vec<u8> = (0..200).collect();
    for row in MECHANISMS.iter().filter(|row| row.service == Service::Mac) {
        let length = row.keys.last().copied().unwrap_or(32);
        let material: Vec<u8> = (0..length as u8)
            .map(|byte| byte.wrapping_mul(151) | 1)
            .collect();
        let id = ground
            .symmetric(row.algorithm.0, &material, Vec::new())
            .await;
        // Only the first part says which MAC.
        let head = [of_row(row, Vec::new())];
        let always = [uid(&id)];
        let fields = (&head[..], &[][..], &[][..]);
        let (_, whole) = in_parts(&ground, Operation::MAC, fields, &[&data], &always).await;
        let whole = whole.ok().bytes(tag::MAC_DATA);
        for cuts in [&[500][..], &[0, 1000], &[10, 10, 700]] {
            let parts = cut(&data, cuts);
            let (_, made) = in_parts(&ground, Operation::MAC, fields, &parts, &always).await;
            let made = made.ok().bytes(tag::MAC_DATA);
            if row.shape != Shape::Gmac {
                assert_eq!(made, whole, "{}", row.name);
            }
            for (proof, valid) in [
                (made.clone(), ValidityIndicator::VALID),
                (made[1..].to_vec(), ValidityIndicator::INVALID),
            ] {
                let proof = [bytes(tag::MAC_DATA, &proof)];
                let fields = (&head[..], &proof[..], &[][..]);
                let (_, answer) =
                    in_parts(&ground, Operation::MAC_VERIFY, fields, &parts, &always).await;
                let found = answer.ok().number(tag::VALIDITY_INDICATOR);
                assert_eq!(ValidityIndicator(found), valid, "{}", row.name);
            }
        }
    }
    assert_eq!(ground.engine.streams.open(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hash() {
    let ground = Ground::new().await;
    let data: Vec<u8> = (0..=255).collect();
    for row in HASHES {
        let named = parameters(vec![number(tag::HASHING_ALGORITHM, row.algorithm.0)]);
        let always = [named];
        let fields = (&[][..], &[][..], &[][..]);
        let (whole, answer) = in_parts(&ground, Operation::HASH, fields, &[&data], &always).await;
        answer.ok();
        assert_eq!(whole.len(), row.length);
        for cuts in [&[500][..], &[0, 1000], &[10, 10, 700]] {
            let parts = cut(&data, cuts);
            let (made, _) = in_parts(&ground, Operation::HASH, fields, &parts, &always).await;
            assert_eq!(made, whole, "{}", row.name);
        }
    }
}

/// What the first part asks for holds for all: later ones say nothing of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signatures_are_what_the_first_part_asked_for() {
    let ground = Ground::new().await;
    let data: Vec<u8> = (0..200).collect();
    let rsa = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let group = EcGroup::from_curve_name(Nid::SECP384R1).unwrap();
    let ec = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let edwards = PKey::generate_ed25519().unwrap();
    let hash = |hash: HashingAlgorithm| number(tag::HASHING_ALGORITHM, hash.0);
    let padding = |padding: PaddingMethod| number(tag::PADDING_METHOD, padding.0);
    let sha512 = hash(HashingAlgorithm::SHA_512);
    for (key, algorithm, how) in [
        (
            &rsa,
            CryptographicAlgorithm::RSA,
            vec![padding(PaddingMethod::PSS), sha512.clone()],
        ),
        (
            &rsa,
            CryptographicAlgorithm::RSA,
            vec![
                padding(PaddingMethod::PKCS1_V1_5),
                hash(HashingAlgorithm::SHA_384),
            ],
        ),
        (&ec, CryptographicAlgorithm::ECDSA, vec![sha512]),
        (&edwards, CryptographicAlgorithm::ED25519, Vec::new()),
    ] {
        let pkcs8 = key.private_key_to_pkcs8().unwrap();
        let private = ground.private(algorithm.0, &pkcs8, Vec::new()).await;
        let public = ground
            .public(algorithm.0, &key.public_key_to_der().unwrap())
            .await;
        let head = [parameters(how)];
        for cuts in [&[][..], &[500], &[0, 1000], &[10, 10, 700]] {
            let parts = cut(&data, cuts);
            let fields = (&head[..], &[][..], &[][..]);
            let always = [uid(&private)];
            let (_, made) = in_parts(&ground, Operation::SIGN, fields, &parts, &always).await;
            let made = made.ok().bytes(tag::SIGNATURE_DATA);
            for parts in [vec![data.as_slice()], parts.clone()] {
                for (wrong, valid) in [
                    (0, ValidityIndicator::VALID),
                    (1, ValidityIndicator::INVALID),
                ] {
                    let mut proof = made.clone();
                    *proof.last_mut().unwrap() ^= wrong;
                    let proof = [bytes(tag::SIGNATURE_DATA, &proof)];
                    let fields = (&head[..], &proof[..], &[][..]);
                    let always = [uid(&public)];
                    let operation = Operation::SIGNATURE_VERIFY;
                    let (_, answer) = in_parts(&ground, operation, fields, &parts, &always).await;
                    let found = answer.ok().number(tag::VALIDITY_INDICATOR);
                    assert_eq!(ValidityIndicator(found), valid, "{algorithm} {cuts:?}");
                }
            }
        }
    }
    assert_eq!(ground.engine.streams.open(), 0);
}

/// The last part of what does not hold gives nothing, and neither did those before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_what_does_not_hold() {
    let ground = Ground::new().await;
    let data = [7; 100];
    for sealing in sealings(&ground).await {
        if !sealing.row.shape.is_authenticated() {
            continue;
        }
        let (sealed, answer) = sealing
            .run(&ground, Operation::ENCRYPT, &[], &[&data])
            .await;
        let mut proof = answer.ok().bytes(tag::AUTHENTICATED_ENCRYPTION_TAG);
        proof[0] ^= 1;
        let parts = cut(&sealed, &[300, 600]);
        let (clear, answer) = sealing
            .run(&ground, Operation::DECRYPT, &proof, &parts)
            .await;
        answer.fails(ResultReason::CRYPTOGRAPHIC_FAILURE);
        assert_eq!(clear, Vec::<u8>::new());
        assert_eq!(ground.engine.streams.open(), 0);
    }
}
