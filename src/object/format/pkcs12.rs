//! PKCS #12 containers (RFC 7292) with one private key and its certificate chain, read and made by OpenSSL.

use der::asn1::{AnyRef, UintRef};
use der::{Decode, Reader, SliceReader, Tag, Tagged};
use openssl::pkcs12::Pkcs12;
use openssl::pkey::PKey;
use openssl::stack::Stack;
use openssl::x509::{X509, X509Ref};
use zeroize::Zeroizing;

use super::FormatError;

/// Rounds of key derivation in containers made here.
const ROUNDS: u32 = 100_000;
/// Most rounds that are computed for a container of somebody else, all parts together: some seconds.
const MOST_ROUNDS: u64 = 5_000_000;
/// Deepest nesting that is searched for rounds; containers in use have about a dozen.
const DEEPEST: usize = 32;
/// Most certificates of a chain.
pub(crate) const LONGEST_CHAIN: usize = 16;

/// What a container holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Container {
    /// PKCS#8, DER; None where there are certificates only.
    pub private_key: Option<Zeroizing<Vec<u8>>>,
    /// The key's certificate first, each followed by its issuer's as far as they are there; DER.
    pub chain: Vec<Vec<u8>>,
    /// Friendly name of the key's certificate.
    pub friendly_name: Option<String>,
}

/// Never shows the key.
impl std::fmt::Debug for Container {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Container")
            .field("chain", &self.chain.len())
            .field("friendly_name", &self.friendly_name)
            .finish_non_exhaustive()
    }
}

/// Why a container was not opened or made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContainerError {
    #[error(
        "the password does not open the PKCS#12 container; link the Secret Data object that has it"
    )]
    Password,
    #[error(
        "the PKCS#12 container asks for more rounds of key derivation than the {MOST_ROUNDS} that this server computes"
    )]
    Rounds,
    #[error("the certificate that the private key links to is another key's")]
    NotItsCertificate,
    #[error(transparent)]
    Format(#[from] FormatError),
}

const NO_CONTAINER: ContainerError =
    ContainerError::Format(FormatError::Malformed("it is not a DER PKCS#12 container"));
const NOT_READ: ContainerError = ContainerError::Format(FormatError::NotPossible(
    "its PKCS#12 container is protected in a way that this server does not compute",
));
const NOT_MADE: ContainerError = ContainerError::Format(FormatError::NotPossible(
    "no PKCS#12 container can be made of it",
));

impl Container {
    /// Opens a container; blocks for as long as its rounds take. Of several private keys the first is read.
    pub fn open(der: &[u8], password: &str) -> Result<Container, ContainerError> {
        // Where the length is odd OpenSSL would read less than all.
        let container = Pkcs12::from_der(der).map_err(|_| NO_CONTAINER)?;
        if rounds(der, DEEPEST) > MOST_ROUNDS {
            return Err(ContainerError::Rounds);
        }
        if password.contains('\0') {
            return Err(ContainerError::Password);
        }
        let parsed = container.parse2(password).map_err(|errors| {
            let is_password = errors
                .errors()
                .iter()
                .any(|error| error.reason() == Some("mac verify failure"));
            match is_password {
                true => ContainerError::Password,
                false => NOT_READ,
            }
        })?;
        let private_key = match &parsed.pkey {
            Some(key) => Some(Zeroizing::new(
                key.private_key_to_pkcs8().map_err(|_| NOT_READ)?,
            )),
            None => None,
        };
        let others: Vec<X509> = parsed.ca.into_iter().flatten().collect();
        let first = parsed.cert;
        let friendly_name = first
            .as_ref()
            .and_then(|certificate| certificate.alias())
            .and_then(|name| std::str::from_utf8(name).ok())
            .map(str::to_owned);
        Ok(Container {
            private_key,
            chain: chain(first, others).map_err(|_| NOT_READ)?,
            friendly_name,
        })
    }

    /// Makes a container: keys and certificates under AES-256 with PBKDF2, HMAC-SHA-256 over all. Blocks for some
    /// hundred milliseconds.
    pub fn make(&self, password: &str) -> Result<Vec<u8>, ContainerError> {
        let name = self.friendly_name.as_deref().unwrap_or_default();
        if password.contains('\0') || name.contains('\0') {
            return Err(ContainerError::Password);
        }
        let mut certificates = Vec::with_capacity(self.chain.len());
        for der in &self.chain {
            certificates.push(X509::from_der(der).map_err(|_| NOT_MADE)?);
        }
        let key = match &self.private_key {
            Some(pkcs8) => Some(PKey::private_key_from_pkcs8(pkcs8).map_err(|_| NOT_MADE)?),
            None => None,
        };
        let mut builder = Pkcs12::builder();
        builder.name(name).key_iter(ROUNDS).mac_iter(ROUNDS);
        builder.mac_md(openssl::hash::MessageDigest::sha256());
        let mut others = certificates.into_iter();
        let first = others.next();
        if let Some(key) = &key {
            builder.pkey(key);
        }
        if let Some(first) = &first {
            let same = key.as_ref().is_none_or(|key| {
                first
                    .public_key()
                    .is_ok_and(|certified| certified.public_eq(key))
            });
            if !same {
                return Err(ContainerError::NotItsCertificate);
            }
            builder.cert(first);
        }
        let mut stack = Stack::new().map_err(|_| NOT_MADE)?;
        for certificate in others {
            stack.push(certificate).map_err(|_| NOT_MADE)?;
        }
        builder.ca(stack);
        builder
            .build2(password)
            .and_then(|container| container.to_der())
            .map_err(|_| NOT_MADE)
    }
}

/// The certificate, its issuer's, and so on; what belongs to no chain stays behind.
fn chain(
    first: Option<X509>,
    mut others: Vec<X509>,
) -> Result<Vec<Vec<u8>>, openssl::error::ErrorStack> {
    let mut out = Vec::new();
    let mut next = first;
    while let Some(certificate) = next.take() {
        out.push(certificate.to_der()?);
        let issuer = certificate.issuer_name().to_der()?;
        let own = certificate.subject_name().to_der()?;
        if issuer == own || out.len() >= LONGEST_CHAIN {
            break;
        }
        let is_issuer = |other: &X509Ref| {
            other
                .subject_name()
                .to_der()
                .is_ok_and(|subject| subject == issuer)
                && other
                    .public_key()
                    .is_ok_and(|key| certificate.verify(&key).unwrap_or(false))
        };
        if let Some(place) = others.iter().position(|other| is_issuer(other)) {
            next = Some(others.swap_remove(place));
        }
    }
    Ok(out)
}

/// The number of rounds in what is not encrypted: an INTEGER that follows an OCTET STRING, the salt, in a SEQUENCE
/// (RFC 7292 §4, RFC 8018 §A.2 and §A.3). What is encrypted once more inside of that cannot be counted before.
fn rounds(der: &[u8], depth: usize) -> u64 {
    let Some(depth) = depth.checked_sub(1) else {
        return 0;
    };
    let Ok(mut reader) = SliceReader::new(der) else {
        return 0;
    };
    let mut sum: u64 = 0;
    let mut after_salt = false;
    while !reader.is_finished() {
        let Ok(item) = AnyRef::decode(&mut reader) else {
            return sum;
        };
        match item.tag() {
            Tag::Integer if after_salt => sum = sum.saturating_add(number(item)),
            Tag::OctetString | Tag::Sequence | Tag::Set | Tag::ContextSpecific { .. } => {
                sum = sum.saturating_add(rounds(item.value(), depth));
            }
            _ => {}
        }
        after_salt = item.tag() == Tag::OctetString;
    }
    sum
}

/// More than 8 bytes are as good as the most.
fn number(item: AnyRef<'_>) -> u64 {
    item.decode_as::<UintRef<'_>>().map_or(u64::MAX, |number| {
        let bytes = number.as_bytes();
        match bytes.len() {
            0..=8 => bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
            _ => u64::MAX,
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::super::fixtures::{EC, NO_SUBJECT, PKCS12, PKCS12_OLD};
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        STANDARD.decode(text).unwrap()
    }

    #[test]
    fn containers_of_openssl_s_tools_open() {
        for (container, name, chain) in [(PKCS12, "alias", 3), (PKCS12_OLD, "Old Key", 1)] {
            let opened = Container::open(&bytes(container), "secret").unwrap();
            assert_eq!(opened.friendly_name.as_deref(), Some(name));
            assert_eq!(opened.chain.len(), chain);
            let key = opened.private_key.as_ref().unwrap();
            let key = PKey::private_key_from_pkcs8(key).unwrap();
            let first = X509::from_der(opened.chain.first().unwrap()).unwrap();
            assert!(first.public_key().unwrap().public_eq(&key));
            let wrong = Container::open(&bytes(container), "Secret");
            assert_eq!(wrong, Err(ContainerError::Password));
            let again = opened.make("another").unwrap();
            assert_eq!(Container::open(&again, "another").unwrap(), opened);
            assert!(Container::open(&again, "secret").is_err());
        }
    }

    #[test]
    fn what_cannot_be_opened_or_made() {
        assert_eq!(Container::open(b"no container", ""), Err(NO_CONTAINER));
        assert_eq!(
            Container::open(&bytes(PKCS12), "sec\0ret"),
            Err(ContainerError::Password)
        );
        // The certificate of another key.
        let p256 = EC.iter().find(|row| row.0 == "P-384").unwrap();
        let odd = Container {
            private_key: Some(Zeroizing::new(hex::decode(p256.3).unwrap())),
            chain: vec![hex::decode(NO_SUBJECT).unwrap()],
            friendly_name: None,
        };
        assert_eq!(odd.make("x"), Err(ContainerError::NotItsCertificate));
    }

    #[test]
    fn rounds_are_counted_before_they_are_computed() {
        let container = bytes(PKCS12);
        assert_eq!(rounds(&container, DEEPEST), 3 * 2048);
        // 02 02 08 00 is how 2048 stands in the container: the outermost count comes last.
        let at = container
            .windows(4)
            .rposition(|window| window == [2, 2, 8, 0])
            .unwrap();
        let mut many = container.clone();
        *many.get_mut(at + 2).unwrap() = 0x7f;
        assert_eq!(rounds(&many, DEEPEST), 2 * 2048 + 0x7f00);
        assert_eq!(
            rounds(&[0x30, 13, 4, 1, 0, 2, 8, 1, 0, 0, 0, 0, 0, 0, 0], 4),
            1 << 56
        );
    }

    proptest! {
        #[test]
        fn nothing_panics(data in proptest::collection::vec(any::<u8>(), 0..300), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let _ = Container::open(&data, "secret");
            let mut container = bytes(PKCS12_OLD);
            let at = at.index(container.len());
            *container.get_mut(at).unwrap() = byte;
            prop_assume!(rounds(&container, DEEPEST) < 10_000);
            let _ = Container::open(&container, "secret");
        }
    }
}
