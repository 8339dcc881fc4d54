//! Signed checkpoints: C2SP tlog-checkpoint (origin, size, root, extension lines) in a C2SP
//! signed-note with an ECDSA signature (type 2, key ID from the SubjectPublicKeyInfo), as the public
//! transparency logs' tools read it.
//!
//! Extension lines: `previous HASH` is the SHA-256 of the note before this one; `peaks HASH…` are the
//! roots of the complete subtrees, from which the node goes on after a restart.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use der::Encode;
use der::asn1::UintRef;
use sha2::{Digest, Sha256};

use super::merkle::{Hash, Tree};

/// Bytes of a note at most: an origin, a size and 65 hashes fit many times.
const LONGEST: usize = 1 << 16;
/// Bytes of an uncompressed point of P-256, at the end of its SubjectPublicKeyInfo.
const POINT: usize = 65;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    #[error("it is no checkpoint: {0}")]
    Form(&'static str),
    #[error("it is of the log {found:?}, expected {expected:?}")]
    Origin { found: String, expected: String },
    #[error("no signature of the key {0} is on it")]
    Unsigned(String),
    #[error("its signature is not valid: it was changed or made by somebody else")]
    Signature,
}

/// What a node's log was at a size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    /// Of the rows 1 to `size`.
    pub tree: Tree,
    /// SHA-256 of the note before.
    pub previous: Option<Hash>,
}

/// The origin of a node's log.
pub fn origin(deployment: &str, node: &str) -> String {
    format!("keyward/{deployment}/{node}")
}

/// What the next checkpoint says of this one.
pub fn digest(note: &str) -> Hash {
    Sha256::digest(note).into()
}

impl Checkpoint {
    /// The text that is signed.
    pub fn text(&self) -> String {
        let root = STANDARD.encode(self.tree.root());
        let mut text = format!("{}\n{}\n{root}\n", self.origin, self.tree.size());
        if let Some(previous) = &self.previous {
            text.push_str("previous ");
            STANDARD.encode_string(previous, &mut text);
            text.push('\n');
        }
        text.push_str("peaks");
        for peak in self.tree.peaks() {
            text.push(' ');
            STANDARD.encode_string(peak, &mut text);
        }
        text.push('\n');
        text
    }

    /// Reads a note of `origin` whose signer's key is not at hand.
    ///
    /// # Errors
    /// As [`AuditKey::open`], but never for its signature.
    pub fn unverified(origin: &str, note: &str) -> Result<Checkpoint, CheckpointError> {
        split(origin, note).map(|(checkpoint, _, _)| checkpoint)
    }

    fn read(text: &str) -> Result<Checkpoint, CheckpointError> {
        const FORM: fn(&'static str) -> CheckpointError = CheckpointError::Form;
        let mut lines = text.lines();
        let origin = lines
            .next()
            .filter(|line| !line.is_empty())
            .ok_or(FORM("no origin"))?;
        let size = lines
            .next()
            .filter(|line| *line == "0" || line.starts_with(|c: char| ('1'..='9').contains(&c)))
            .and_then(|line| line.parse::<u64>().ok())
            .ok_or(FORM("no size"))?;
        let root = lines.next().and_then(hash).ok_or(FORM("no root hash"))?;
        let (mut previous, mut peaks) = (None, Vec::new());
        for line in lines {
            match line.split_once(' ') {
                Some(("previous", text)) => {
                    previous = Some(hash(text).ok_or(FORM("no hash after `previous`"))?);
                }
                Some(("peaks", text)) => {
                    let read = text.split(' ').map(hash).collect::<Option<Vec<Hash>>>();
                    peaks = read.ok_or(FORM("no hashes after `peaks`"))?;
                }
                // Of a newer server: authentic, and not for us.
                _ => {}
            }
        }
        let tree = Tree::resume(size, peaks)
            .filter(|tree| tree.root() == root)
            .ok_or(FORM("its peaks do not make its root hash"))?;
        Ok(Checkpoint {
            origin: origin.to_owned(),
            tree,
            previous,
        })
    }
}

/// What a note says, the text that is signed, and the signatures.
fn split<'n>(
    origin: &str,
    note: &'n str,
) -> Result<(Checkpoint, &'n str, &'n str), CheckpointError> {
    if note.len() > LONGEST {
        return Err(CheckpointError::Form("it is too long"));
    }
    let blank = note
        .rfind("\n\n")
        .ok_or(CheckpointError::Form("no signature"))?;
    let (text, signatures) = note.split_at(blank + 1);
    let checkpoint = Checkpoint::read(text)?;
    if checkpoint.origin != origin {
        return Err(CheckpointError::Origin {
            found: checkpoint.origin,
            expected: origin.to_owned(),
        });
    }
    Ok((checkpoint, text, signatures))
}

fn hash(text: &str) -> Option<Hash> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

/// The public half of a node's audit key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditKey {
    /// SubjectPublicKeyInfo, DER.
    spki: Vec<u8>,
}

impl AuditKey {
    pub fn new(spki: Vec<u8>) -> AuditKey {
        AuditKey { spki }
    }

    fn id(&self) -> [u8; 4] {
        let digest: Hash = Sha256::digest(&self.spki).into();
        let [a, b, c, d, ..] = digest;
        [a, b, c, d]
    }

    /// For verifiers of others: `origin+ID+key`, C2SP signed-note.
    pub fn verifier(&self, origin: &str) -> String {
        let key = STANDARD.encode([&[2], self.spki.as_slice()].concat());
        format!("{origin}+{}+{key}", hex::encode(self.id()))
    }

    /// The SubjectPublicKeyInfo in PEM, for openssl.
    pub fn pem(&self) -> String {
        let text = STANDARD.encode(&self.spki);
        let mut pem = "-----BEGIN PUBLIC KEY-----\n".to_owned();
        for (place, letter) in text.chars().enumerate() {
            if place > 0 && place % 64 == 0 {
                pem.push('\n');
            }
            pem.push(letter);
        }
        pem.push_str("\n-----END PUBLIC KEY-----\n");
        pem
    }

    /// The note of a text and its signature by this key, r ‖ s.
    ///
    /// # Errors
    /// When the signature is not this key's: a token that signs with another one must not go unseen.
    pub fn note(
        &self,
        origin: &str,
        text: &str,
        signature: &[u8],
    ) -> Result<String, CheckpointError> {
        self.point(&ECDSA_P256_SHA256_FIXED)
            .verify(text.as_bytes(), signature)
            .map_err(|_| CheckpointError::Signature)?;
        let (r, s) = signature
            .split_at_checked(32)
            .ok_or(CheckpointError::Signature)?;
        let number = |bytes| UintRef::new(bytes).map_err(|_| CheckpointError::Signature);
        // ECDSA-Sig-Value (RFC 3279 §2.2.3).
        let der = [number(r)?, number(s)?]
            .to_der()
            .map_err(|_| CheckpointError::Signature)?;
        let signature = STANDARD.encode([self.id().as_slice(), &der].concat());
        Ok(format!("{text}\n\u{2014} {origin} {signature}\n"))
    }

    /// Whether this key signed a message: r ‖ s of P-256 over its SHA-256.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.point(&ECDSA_P256_SHA256_FIXED)
            .verify(message, signature)
            .is_ok()
    }

    fn point(
        &self,
        algorithm: &'static aws_lc_rs::signature::EcdsaVerificationAlgorithm,
    ) -> UnparsedPublicKey<&[u8]> {
        let start = self.spki.len().saturating_sub(POINT);
        UnparsedPublicKey::new(algorithm, self.spki.get(start..).unwrap_or_default())
    }

    /// Reads a note that this key signed for `origin`. Signatures of others (witnesses) may be on it.
    pub fn open(&self, origin: &str, note: &str) -> Result<Checkpoint, CheckpointError> {
        let (checkpoint, text, signatures) = split(origin, note)?;
        let signature = signatures
            .lines()
            .filter_map(|line| line.strip_prefix("\u{2014} ")?.split_once(' '))
            .filter(|(name, _)| *name == origin)
            .filter_map(|(_, signature)| STANDARD.decode(signature).ok())
            .find_map(|bytes| bytes.strip_prefix(self.id().as_slice()).map(<[u8]>::to_vec))
            .ok_or_else(|| CheckpointError::Unsigned(hex::encode(self.id())))?;
        self.point(&ECDSA_P256_SHA256_ASN1)
            .verify(text.as_bytes(), &signature)
            .map_err(|_| CheckpointError::Signature)?;
        Ok(checkpoint)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::merkle::leaf_hash;
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

    const ORIGIN: &str = "keyward/deployment/node";

    fn pair() -> (EcdsaKeyPair, AuditKey) {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        // RFC 5480 §2: the header of a P-256 SubjectPublicKeyInfo.
        let header = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
        let spki = [
            hex::decode(header).unwrap(),
            pair.public_key().as_ref().to_vec(),
        ]
        .concat();
        (pair, AuditKey::new(spki))
    }

    fn sample(rows: u32) -> Checkpoint {
        let mut tree = Tree::default();
        (0..rows).for_each(|row| tree.append(leaf_hash(&row.to_be_bytes())));
        Checkpoint {
            origin: ORIGIN.to_owned(),
            tree,
            previous: Some([7; 32]),
        }
    }

    fn signed(checkpoint: &Checkpoint, pair: &EcdsaKeyPair, key: &AuditKey) -> String {
        let text = checkpoint.text();
        let signature = pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        key.note(ORIGIN, &text, signature.as_ref()).unwrap()
    }

    #[test]
    fn what_was_signed_is_read() {
        let (pair, key) = pair();
        for rows in [1, 2, 7, 300] {
            let checkpoint = sample(rows);
            let note = signed(&checkpoint, &pair, &key);
            assert_eq!(key.open(ORIGIN, &note).unwrap(), checkpoint);
            let mut lines = note.lines();
            assert_eq!(lines.next(), Some(ORIGIN));
            assert_eq!(lines.next(), Some(rows.to_string().as_str()));
            let witnessed = format!("{note}\u{2014} witness.example AAAAAAAA\n");
            assert_eq!(key.open(ORIGIN, &witnessed).unwrap(), checkpoint);
        }
    }

    #[test]
    fn whatever_is_changed_is_refused() {
        let (pair, key) = pair();
        let note = signed(&sample(5), &pair, &key);
        for place in 0..note.len() {
            let mut bytes = note.clone().into_bytes();
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1;
            }
            let Ok(changed) = String::from_utf8(bytes) else {
                continue;
            };
            assert!(key.open(ORIGIN, &changed).is_err(), "byte {place}");
        }
        assert!(key.open("keyward/deployment/other", &note).is_err());
        let (_, stranger) = self::pair();
        assert!(matches!(
            stranger.open(ORIGIN, &note),
            Err(CheckpointError::Unsigned(_))
        ));
        let foreign = pair.sign(&SystemRandom::new(), b"another text").unwrap();
        let refused = key.note(ORIGIN, &sample(5).text(), foreign.as_ref());
        assert_eq!(refused, Err(CheckpointError::Signature));
    }

    #[test]
    fn the_key_is_shown_in_both_forms() {
        let (_, key) = pair();
        assert!(key.verifier(ORIGIN).starts_with("keyward/deployment/node+"));
        let pem = key.pem();
        assert_eq!(pem.lines().count(), 4, "{pem}");
    }
}
