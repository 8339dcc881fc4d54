//! Passwords: what is kept of them, and how one that a client shows is compared with it.

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::library::{LibraryError, digest};
use crate::mechanism::hash::{self, HashRow};
use crate::protocol::enumeration::HashingAlgorithm;

/// Bytes of salt and of what Argon2id makes.
const SALT: usize = 16;
const OUTPUT: usize = 32;

/// Bytes of the longest password.
pub const LONGEST: usize = 1024;
/// Characters of the shortest that an administrator may set.
pub const SHORTEST: usize = 8;

/// The cost of one verification. Rows are never changed, for verifiers name theirs; the last one
/// makes new verifiers.
#[derive(Clone, Copy, Debug)]
struct Cost {
    number: u8,
    /// KiB.
    memory: u32,
    passes: u32,
    lanes: u32,
}

/// What is kept is sealed by the token besides, so a stolen database alone cannot be guessed at.
static COSTS: &[Cost] = &[Cost {
    number: 1,
    memory: 19_456,
    passes: 2,
    lanes: 1,
}];

#[derive(Debug, thiserror::Error)]
#[error("the verifier of a password cannot be used: {0}")]
pub struct Unusable(String);

/// What is kept of a password. Stored under the tenant's seal key only.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verifier {
    cost: u8,
    #[serde(with = "hex::serde")]
    salt: [u8; SALT],
    #[serde(with = "hex::serde")]
    output: [u8; OUTPUT],
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Verifier({})", self.cost)
    }
}

impl Cost {
    fn run(self, password: &[u8], salt: &[u8]) -> Result<Zeroizing<[u8; OUTPUT]>, Unusable> {
        let unusable = |error: argon2::Error| Unusable(error.to_string());
        let parameters = Params::new(self.memory, self.passes, self.lanes, Some(OUTPUT));
        let argon = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            parameters.map_err(unusable)?,
        );
        let mut output = Zeroizing::new([0; OUTPUT]);
        argon
            .hash_password_into(password, salt, output.as_mut_slice())
            .map_err(unusable)?;
        Ok(output)
    }
}

fn newest() -> Result<Cost, Unusable> {
    let none = || Unusable("there is no cost".to_owned());
    COSTS.last().copied().ok_or_else(none)
}

impl Verifier {
    /// Takes tens of milliseconds and [`Cost::memory`]: not for the threads that serve.
    pub fn make(password: &str, salt: [u8; SALT]) -> Result<Verifier, Unusable> {
        let cost = newest()?;
        Ok(Verifier {
            cost: cost.number,
            salt,
            output: *cost.run(password.as_bytes(), &salt)?,
        })
    }

    /// As long as [`Verifier::make`].
    pub fn accepts(&self, password: &str) -> Result<bool, Unusable> {
        let cost = COSTS.iter().find(|cost| cost.number == self.cost);
        let unknown = || Unusable(format!("its cost {} is not known", self.cost));
        let output = cost
            .ok_or_else(unknown)?
            .run(password.as_bytes(), &self.salt)?;
        Ok(bool::from(output.as_slice().ct_eq(&self.output)))
    }

    /// Does what `accepts` does where there is nobody whose password it could be, so that time does
    /// not tell who exists.
    pub fn accept_nothing(password: &str) -> Result<bool, Unusable> {
        newest()?.run(password.as_bytes(), &[0; SALT])?;
        Ok(false)
    }
}

/// The hash functions in which Hashed Password is served; the standard's default is the first.
const HASHES: [HashingAlgorithm; 3] = [
    HashingAlgorithm::SHA_256,
    HashingAlgorithm::SHA_384,
    HashingAlgorithm::SHA_512,
];

fn hash(row: &'static HashRow, parts: [&[u8]; 2]) -> Result<Zeroizing<Vec<u8>>, LibraryError> {
    let whole = Zeroizing::new(parts.concat());
    digest::hash(row, &whole).map(Zeroizing::new)
}

/// What Hashed Password is verified with (2.1 §9.11): S1 and, for the client shows S2 itself, its
/// hash. Whoever reads it can pretend to know the password, so it is kept only where it was asked for.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hashed {
    algorithm: u32,
    #[serde(with = "hex::serde")]
    first: Vec<u8>,
    #[serde(with = "hex::serde")]
    second: Vec<u8>,
}

impl std::fmt::Debug for Hashed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hashed({})", self.algorithm)
    }
}

/// What a client shows of a hashed password.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    pub algorithm: HashingAlgorithm,
    /// The value of Timestamp as it was sent.
    pub timestamp: i64,
    pub hashed: &'a [u8],
}

impl Hashed {
    /// For every hash function that is served.
    pub fn make(username: &str, password: &str) -> Result<Vec<Hashed>, Unusable> {
        let (username, password) = (username.as_bytes(), password.as_bytes());
        let one = |row: &'static HashRow| {
            let second = hash(row, [password, username])?;
            Ok(Hashed {
                algorithm: row.algorithm.0,
                first: hash(row, [username, password])?.to_vec(),
                second: hash(row, [&second, &[]])?.to_vec(),
            })
        };
        HASHES
            .into_iter()
            .filter_map(hash::find)
            .map(one)
            .collect::<Result<_, LibraryError>>()
            .map_err(|error| Unusable(error.to_string()))
    }

    /// The Server Hashed Password that proves to the client that the server knows it, too (2.1
    /// §8.5); None when the password is wrong.
    pub fn answer(all: &[Hashed], shown: &Shown<'_>) -> Option<Zeroizing<Vec<u8>>> {
        let kept = all
            .iter()
            .find(|kept| kept.algorithm == shown.algorithm.0)?;
        let row = hash::find(shown.algorithm)?;
        let timestamp = shown.timestamp.to_be_bytes();
        let first = hash(row, [&kept.first, &timestamp]).ok()?;
        let (proof, second) = shown.hashed.split_at_checked(first.len())?;
        let second = hash(row, [second, &[]]).ok()?;
        let right = proof.ct_eq(&first) & second.ct_eq(&kept.second);
        if !bool::from(right) {
            return None;
        }
        let known = Zeroizing::new([kept.first.as_slice(), &kept.second].concat());
        hash(row, [&timestamp, &known]).ok()
    }
}

/// A one-time password as it is kept: random enough that its hash can be.
pub fn one_time(code: &str) -> [u8; 32] {
    Sha256::digest(code.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;

    #[test]
    fn a_verifier_accepts_its_password_and_no_other() {
        let kept = Verifier::make("correct horse", [7; SALT]).unwrap();
        assert!(kept.accepts("correct horse").unwrap());
        assert!(!kept.accepts("correct horsf").unwrap());
        assert!(!kept.accepts("").unwrap());
        assert!(!Verifier::accept_nothing("correct horse").unwrap());
        let other = Verifier::make("correct horse", [8; SALT]).unwrap();
        assert_ne!(kept.output, other.output, "salted");
        let text = serde_json::to_string(&kept).unwrap();
        let read: Verifier = serde_json::from_str(&text).unwrap();
        assert!(read.accepts("correct horse").unwrap());
        assert!(!format!("{kept:?}").contains(&hex::encode(kept.output)));
    }

    /// RFC 9106 §5.3 has a secret and associated data; this is the reference implementation's own
    /// vector without them (version 0x13, 64 MiB, 2 passes, 1 lane).
    #[test]
    fn argon2id_is_the_standards() {
        let cost = Cost {
            number: 0,
            memory: 65_536,
            passes: 2,
            lanes: 1,
        };
        let output = cost.run(b"password", b"somesalt").unwrap();
        assert_eq!(
            hex::encode(*output),
            "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"
        );
    }

    #[test]
    fn costs_are_numbered_in_order_and_never_below_what_is_recommended() {
        for (place, cost) in COSTS.iter().enumerate() {
            assert_eq!(usize::from(cost.number), place + 1);
            // OWASP's smallest.
            assert!(cost.memory >= 19_456 && cost.passes >= 2 && cost.lanes >= 1);
        }
    }

    #[test]
    fn a_hashed_password_is_the_standards_formula() {
        let digest = |parts: &[&[u8]]| Sha256::digest(parts.concat()).to_vec();
        let (first, second) = (digest(&[b"fred", b"pw"]), digest(&[b"pw", b"fred"]));
        let timestamp = 1_700_000_000_000_000_i64.to_be_bytes();
        let mut hashed = digest(&[&first, &timestamp]);
        hashed.extend_from_slice(&second);
        let kept = Hashed::make("fred", "pw").unwrap();
        let shown = Shown {
            algorithm: HashingAlgorithm::SHA_256,
            timestamp: i64::from_be_bytes(timestamp),
            hashed: &hashed,
        };
        let answer = Hashed::answer(&kept, &shown).unwrap();
        let expected = digest(&[&timestamp, &first, &digest(&[&second])]);
        assert_eq!(*answer, expected);
        let later = Shown {
            timestamp: shown.timestamp + 1,
            ..shown
        };
        assert!(Hashed::answer(&kept, &later).is_none(), "bound to its time");
        let mut wrong = hashed.clone();
        wrong[40] ^= 1;
        for hashed in [&wrong[..], &hashed[..32], &hashed[..5], &[]] {
            let shown = Shown { hashed, ..shown };
            assert!(Hashed::answer(&kept, &shown).is_none());
        }
        let other = Shown {
            algorithm: HashingAlgorithm::MD5,
            ..shown
        };
        assert!(Hashed::answer(&kept, &other).is_none());
    }
}
