//! Hash functions by name: for the Digest attribute (KMIP 2.1 §4.21) and for derivation.
//!
//! Digest's input, as the standard says and the OASIS cases confirm: the Key Material byte string; for a transparent
//! format the TTLV of the Key Material structure with its own header (TC-IMPEXP-4); the Certificate Value; the Opaque
//! Data Value. Key Block, Key Value and attributes are never part of it.

use hmac::{Hmac, KeyInit, Mac, SimpleHmac};
use sha1::Digest;
use zeroize::Zeroizing;

use super::{FormatError, Malformed};

/// One row per hash: KMIP's Hashing Algorithm number (KMIP 2.1 §11.21), type, its HMAC (SHA-3 has no block interface for
/// the faster one), output length in bytes.
macro_rules! hashes {
    ($($name:ident $number:literal $type:ty, $hmac:ty, $length:literal;)*) => {
        /// The hash functions this server computes. MD2, MD4 and MD5 are not among them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum HashAlgorithm { $($name),* }

        impl HashAlgorithm {
            pub const ALL: &'static [HashAlgorithm] = &[$(HashAlgorithm::$name),*];

            /// The number in KMIP's Hashing Algorithm enumeration.
            pub fn number(self) -> u32 {
                match self { $(HashAlgorithm::$name => $number),* }
            }

            /// Length of the hash, in bytes.
            pub fn output_len(self) -> usize {
                match self { $(HashAlgorithm::$name => $length),* }
            }
        }

        pub fn hash(algorithm: HashAlgorithm, data: &[u8]) -> Vec<u8> {
            match algorithm { $(HashAlgorithm::$name => <$type>::digest(data).to_vec()),* }
        }

        /// HMAC (RFC 2104) over `data`, with a key of any length.
        pub fn hmac(algorithm: HashAlgorithm, key: &[u8], data: &[u8]) -> Result<Zeroizing<Vec<u8>>, FormatError> {
            match algorithm { $(HashAlgorithm::$name => one_hmac::<$hmac>(key, data)),* }
        }

        /// PBKDF2 (RFC 8018 §5.2) with HMAC, filling `output`; false where it did not.
        pub(crate) fn fill_pbkdf2(algorithm: HashAlgorithm, password: &[u8], salt: &[u8], iterations: u32, output: &mut [u8]) -> bool {
            match algorithm {
                $(HashAlgorithm::$name => ::pbkdf2::pbkdf2::<$hmac>(password, salt, iterations, output).is_ok()),*
            }
        }

        /// HKDF (RFC 5869), filling `output`; false where it is longer than 255 hashes.
        pub(crate) fn fill_hkdf(algorithm: HashAlgorithm, key: &[u8], salt: &[u8], info: &[u8], output: &mut [u8]) -> bool {
            match algorithm {
                $(HashAlgorithm::$name => ::hkdf::GenericHkdf::<$hmac>::new(Some(salt), key).expand(info, output).is_ok()),*
            }
        }
    };
}

hashes! {
    Sha1 0x04 sha1::Sha1, Hmac<sha1::Sha1>, 20;
    Sha224 0x05 sha2::Sha224, Hmac<sha2::Sha224>, 28;
    Sha256 0x06 sha2::Sha256, Hmac<sha2::Sha256>, 32;
    Sha384 0x07 sha2::Sha384, Hmac<sha2::Sha384>, 48;
    Sha512 0x08 sha2::Sha512, Hmac<sha2::Sha512>, 64;
    Sha512_224 0x0C sha2::Sha512_224, Hmac<sha2::Sha512_224>, 28;
    Sha512_256 0x0D sha2::Sha512_256, Hmac<sha2::Sha512_256>, 32;
    Sha3_224 0x0E sha3::Sha3_224, SimpleHmac<sha3::Sha3_224>, 28;
    Sha3_256 0x0F sha3::Sha3_256, SimpleHmac<sha3::Sha3_256>, 32;
    Sha3_384 0x10 sha3::Sha3_384, SimpleHmac<sha3::Sha3_384>, 48;
    Sha3_512 0x11 sha3::Sha3_512, SimpleHmac<sha3::Sha3_512>, 64;
}

impl HashAlgorithm {
    pub fn from_number(number: u32) -> Option<HashAlgorithm> {
        HashAlgorithm::ALL
            .iter()
            .copied()
            .find(|algorithm| algorithm.number() == number)
    }
}

fn one_hmac<M: Mac + KeyInit>(key: &[u8], data: &[u8]) -> Result<Zeroizing<Vec<u8>>, FormatError> {
    let mut mac = <M as KeyInit>::new_from_slice(key)
        .map_err(|_| Malformed("HMAC does not take a key of this length"))?;
    mac.update(data);
    Ok(Zeroizing::new(mac.finalize().into_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// FIPS 180-4 and FIPS 202 example values: the hashes of "abc".
    const ABC: &[(HashAlgorithm, &str)] = &[
        (
            HashAlgorithm::Sha1,
            "a9993e364706816aba3e25717850c26c9cd0d89d",
        ),
        (
            HashAlgorithm::Sha224,
            "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
        ),
        (
            HashAlgorithm::Sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        (
            HashAlgorithm::Sha384,
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        ),
        (
            HashAlgorithm::Sha512,
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
        (
            HashAlgorithm::Sha512_224,
            "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa",
        ),
        (
            HashAlgorithm::Sha512_256,
            "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23",
        ),
        (
            HashAlgorithm::Sha3_224,
            "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf",
        ),
        (
            HashAlgorithm::Sha3_256,
            "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
        ),
        (
            HashAlgorithm::Sha3_384,
            "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25",
        ),
        (
            HashAlgorithm::Sha3_512,
            "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
        ),
    ];

    #[test]
    fn known_hashes() {
        assert_eq!(ABC.len(), HashAlgorithm::ALL.len());
        for (algorithm, expected) in ABC {
            assert_eq!(hex::encode(hash(*algorithm, b"abc")), *expected);
            assert_eq!(expected.len(), 2 * algorithm.output_len());
            assert_eq!(
                HashAlgorithm::from_number(algorithm.number()),
                Some(*algorithm)
            );
        }
        assert_eq!(HashAlgorithm::from_number(3), None);
    }

    /// RFC 4231 test case 2; SHA-1 from RFC 2202, SHA-3 from NIST's example values.
    #[test]
    fn known_hmacs() {
        let mac = |algorithm| {
            hex::encode(
                hmac(algorithm, b"Jefe", b"what do ya want for nothing?")
                    .unwrap()
                    .as_slice(),
            )
        };
        assert_eq!(
            mac(HashAlgorithm::Sha1),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
        );
        assert_eq!(
            mac(HashAlgorithm::Sha224),
            "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44"
        );
        assert_eq!(
            mac(HashAlgorithm::Sha256),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            mac(HashAlgorithm::Sha3_256),
            "c7d4072e788877ae3596bbb0da73b887c9171f93095b294ae857fbe2645e1ba5"
        );
    }
}
