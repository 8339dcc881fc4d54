//! Key derivation of NIST SP 800-108r1 §4: what each mode feeds its pseudorandom function. The
//! function itself is the caller's: an HMAC in the token, or a library's.

use zeroize::Zeroizing;

/// KMIP's NIST800-108-C, -F and -DPI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode108 {
    Counter,
    Feedback,
    DoublePipeline,
}

/// One derivation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kdf108 {
    pub mode: Mode108,
    /// Width of the counter \[i\]₂ before the fixed data, in bytes: 0 to 4. Counter mode has one always.
    pub counter: u8,
    /// Of the derived key, in bytes.
    pub length: usize,
}

impl Kdf108 {
    /// How often the function runs for the derived key, when it gives `block` bytes.
    pub fn blocks(self, block: usize) -> usize {
        self.length.div_ceil(block.max(1))
    }

    /// Whether the counter can count that far (SP 800-108r1 §4: n ≤ 2^r − 1), and is there where
    /// it must be.
    pub fn is_possible(self, block: usize) -> bool {
        let blocks = u64::try_from(self.blocks(block)).unwrap_or(u64::MAX);
        match self.counter {
            0 => self.mode != Mode108::Counter,
            width @ 1..=4 => blocks < 1 << (8 * u32::from(width)),
            _ => false,
        }
    }

    /// The derived key. `fixed` is Label ‖ 00 ‖ Context ‖ L or whatever stands for it; `iv` is K(0)
    /// of the feedback mode and may be empty. A function that gives nothing ends it early.
    pub fn run<E>(
        self,
        iv: &[u8],
        fixed: &[u8],
        mut prf: impl FnMut(&[u8]) -> Result<Zeroizing<Vec<u8>>, E>,
    ) -> Result<Zeroizing<Vec<u8>>, E> {
        // Room for one whole block more: a vector that grows leaves its old bytes behind.
        let mut output = Zeroizing::new(Vec::with_capacity(self.length + 64));
        let mut iteration = Zeroizing::new(match self.mode {
            Mode108::Counter => Vec::new(),
            Mode108::Feedback => iv.to_vec(),
            Mode108::DoublePipeline => fixed.to_vec(),
        });
        for number in 1_u32.. {
            if output.len() >= self.length {
                break;
            }
            if self.mode == Mode108::DoublePipeline {
                iteration = prf(&iteration)?;
            }
            let counter = number.to_be_bytes();
            let skipped = counter.len() - usize::from(self.counter).min(counter.len());
            let counter = counter.get(skipped..).unwrap_or_default();
            let block = prf(&Zeroizing::new([&iteration, counter, fixed].concat()))?;
            if block.is_empty() {
                break;
            }
            output.extend_from_slice(&block);
            if self.mode == Mode108::Feedback {
                iteration = block;
            }
        }
        output.truncate(self.length);
        Ok(output)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use std::convert::Infallible;

    use super::*;
    use crate::library;
    use crate::mechanism::{self, Row, Service};
    use crate::protocol::enumeration::{BlockCipherMode, CryptographicAlgorithm, HashingAlgorithm};

    /// A record of NIST's CAVP response files.
    pub(crate) struct Vector {
        pub(crate) kdf: Kdf108,
        pub(crate) prf: &'static Row,
        pub(crate) key: Vec<u8>,
        pub(crate) iv: Vec<u8>,
        pub(crate) fixed: Vec<u8>,
        pub(crate) output: Vec<u8>,
        pub(crate) name: String,
    }

    fn function(name: &str) -> &'static Row {
        let hash = match name {
            "HMAC_SHA1" => HashingAlgorithm::SHA_1,
            "HMAC_SHA224" => HashingAlgorithm::SHA_224,
            "HMAC_SHA256" => HashingAlgorithm::SHA_256,
            "HMAC_SHA384" => HashingAlgorithm::SHA_384,
            "HMAC_SHA512" => HashingAlgorithm::SHA_512,
            "CMAC_AES128" | "CMAC_AES192" | "CMAC_AES256" => {
                let (aes, cmac) = (CryptographicAlgorithm::AES, Some(BlockCipherMode::CMAC));
                return mechanism::find(Service::Mac, aes, cmac, None).unwrap();
            }
            other => panic!("PRF {other}"),
        };
        mechanism::hmac(hash).unwrap()
    }

    /// The excerpt, whose head names its source.
    pub(crate) fn vectors() -> Vec<Vector> {
        let text = include_str!("../../tests/vectors/kdf108.rsp");
        let (mut mode, mut prf, mut counter) = (Mode108::Counter, None, 4);
        let (mut key, mut iv, mut fixed) = (Vec::new(), Vec::new(), Vec::new());
        let mut found = Vec::new();
        let mut section = String::new();
        let bytes = |text: &str| hex::decode(text).unwrap();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some(header) = line.strip_prefix('[') {
                section = header.to_owned();
            }
            let (name, value) = line
                .trim_matches(['[', ']'])
                .split_once('=')
                .unwrap_or_default();
            let value = value.trim();
            match name.trim() {
                "MODE" => {
                    mode = match value {
                        "COUNTER" => Mode108::Counter,
                        "FEEDBACK" => Mode108::Feedback,
                        "DBLPIPELINE" => Mode108::DoublePipeline,
                        other => panic!("mode {other}"),
                    }
                }
                "PRF" => prf = Some(function(value)),
                "RLEN" => counter = value.trim_end_matches("_BITS").parse::<u8>().unwrap() / 8,
                "KI" => (key, iv) = (bytes(value), Vec::new()),
                "IV" => iv = bytes(value),
                "FixedInputData" => fixed = bytes(value),
                "KO" => {
                    let output = bytes(value);
                    found.push(Vector {
                        kdf: Kdf108 {
                            mode,
                            counter,
                            length: output.len(),
                        },
                        prf: prf.unwrap(),
                        key: key.clone(),
                        iv: iv.clone(),
                        fixed: fixed.clone(),
                        name: format!("{mode:?} {section} {}", output.len()),
                        output,
                    });
                }
                _ => {}
            }
        }
        found
    }

    #[test]
    fn vectors_of_nist() {
        let vectors = vectors();
        for mode in [Mode108::Counter, Mode108::Feedback, Mode108::DoublePipeline] {
            let of_mode = vectors.iter().filter(|vector| vector.kdf.mode == mode);
            assert!(of_mode.count() >= 3, "{mode:?}");
        }
        for vector in vectors {
            let prf = |input: &[u8]| library::mac::mac(vector.prf, &vector.key, b"", input);
            let output = vector.kdf.run(&vector.iv, &vector.fixed, prf).unwrap();
            assert_eq!(
                hex::encode(output.as_slice()),
                hex::encode(&vector.output),
                "{}",
                vector.name
            );
        }
    }

    #[test]
    fn counters_have_their_bounds() {
        let kdf = |mode, counter, length| Kdf108 {
            mode,
            counter,
            length,
        };
        assert!(kdf(Mode108::Counter, 1, 255 * 32).is_possible(32));
        assert!(!kdf(Mode108::Counter, 1, 255 * 32 + 1).is_possible(32));
        assert!(!kdf(Mode108::Counter, 0, 1).is_possible(32));
        assert!(kdf(Mode108::Feedback, 0, 1 << 16).is_possible(20));
        assert!(!kdf(Mode108::DoublePipeline, 5, 1).is_possible(32));
    }

    #[test]
    fn a_function_that_gives_nothing_ends_it() {
        let kdf = Kdf108 {
            mode: Mode108::Counter,
            counter: 4,
            length: 9,
        };
        let nothing = kdf.run(b"", b"x", |_| Ok::<_, Infallible>(Zeroizing::default()));
        assert!(nothing.unwrap().is_empty());
    }
}
