//! How long results are: clients ask before they give room, and an operation that has too little
//! room must go on untouched.

use crate::engine::cryptoki::{Kind, Size};
use crate::mechanism::{Row, Shape};
use crate::object::managed::Sealed;
use crate::object::service::cipher::Cipher;
use crate::object::usage;
use crate::protocol::enumeration::CryptographicAlgorithm;
use crate::protocol::tag;

/// Whole bytes of the key's Cryptographic Length, which counts bits.
pub fn key_bytes(key: &Sealed) -> Option<usize> {
    let bits = key.attributes.integer(tag::CRYPTOGRAPHIC_LENGTH)?;
    usize::try_from(bits).ok().map(|bits| bits.div_ceil(8))
}

macro_rules! lengths {
    ($($algorithm:ident = $length:literal;)*) => {
        /// Signatures whose length the algorithm tells (RFC 8032 §5; FIPS 204 table 2; FIPS 205 table 2).
        static SIGNATURES: &[(CryptographicAlgorithm, usize)] =
            &[$((CryptographicAlgorithm::$algorithm, $length),)*];
    };
}

lengths! {
    ED25519 = 64;
    ED448 = 114;
    ML_DSA_44 = 2420;
    ML_DSA_65 = 3309;
    ML_DSA_87 = 4627;
    SLH_DSA_SHA2_128S = 7856;
    SLH_DSA_SHA2_128F = 17088;
    SLH_DSA_SHA2_192S = 16224;
    SLH_DSA_SHA2_192F = 35664;
    SLH_DSA_SHA2_256S = 29792;
    SLH_DSA_SHA2_256F = 49856;
    SLH_DSA_SHAKE_128S = 7856;
    SLH_DSA_SHAKE_128F = 17088;
    SLH_DSA_SHAKE_192S = 16224;
    SLH_DSA_SHAKE_192F = 35664;
    SLH_DSA_SHAKE_256S = 29792;
    SLH_DSA_SHAKE_256F = 49856;
}

/// Of a signature; `halves`: bytes of r and of s.
pub fn signature(key: &Sealed, row: &Row, halves: Option<usize>) -> Option<Size> {
    if let Some(half) = halves {
        return Some(Size::Exactly(2 * half));
    }
    if row.shape != Shape::MessageSignature {
        return key_bytes(key).map(Size::Exactly);
    }
    let own = usage::algorithm(key)?;
    let known = SIGNATURES.iter().find(|(algorithm, _)| *algorithm == own);
    known.map(|(_, length)| Size::Exactly(*length))
}

/// Of a MAC.
pub fn mac(row: &Row) -> Size {
    let length = match row.shape {
        Shape::Hmac { hash } => crate::mechanism::hash::find(hash).map_or(64, |row| row.length),
        Shape::Cmac if row.algorithm == CryptographicAlgorithm::DES3 => 8,
        _ => 16,
    };
    Size::Exactly(length)
}

/// Of what a cipher makes.
pub fn cipher(cipher: &Cipher) -> Size {
    let shape = cipher.row.shape;
    let padded = match cipher.padding().is_none() {
        true => 0,
        false => shape.pads().unwrap_or(0),
    };
    // RFC 3394 and RFC 5649 add a block of 8 bytes, the latter after filling one up.
    let (padded, tag) = match shape {
        Shape::KeyWrap => (0, 8),
        Shape::KeyWrapPadded => (8, 8),
        _ => (padded, cipher.tag_length),
    };
    Size::Cipher {
        padded,
        tag,
        last: matches!(shape, Shape::Xts | Shape::KeyWrap | Shape::KeyWrapPadded),
    }
}

impl Size {
    /// The most that comes out of `pending` bytes that went in and did not come out yet; `last`: with
    /// the end of the data.
    pub fn most(self, kind: Kind, pending: usize, last: bool) -> usize {
        match self {
            Size::Exactly(length) | Size::UpTo(length) => length,
            Size::Cipher { last: true, .. } if !last => 0,
            // Nothing is given before its tag is verified.
            Size::Cipher { tag: 1.., .. } if !last && kind == Kind::Decrypt => 0,
            Size::Cipher { .. } if !last => pending,
            Size::Cipher { tag, .. } if kind == Kind::Decrypt => pending.saturating_sub(tag),
            Size::Cipher { padded: 0, tag, .. } => pending + tag,
            // A key is filled up only where it is not whole; data always.
            Size::Cipher {
                padded,
                tag: tag @ 1..,
                ..
            } => pending.next_multiple_of(padded) + tag,
            Size::Cipher { padded, .. } => (pending / padded + 1) * padded,
        }
    }

    /// Whether that is also the least.
    pub fn is_exact(self, kind: Kind) -> bool {
        match self {
            Size::Exactly(_) => true,
            Size::UpTo(_) => false,
            Size::Cipher { padded, .. } => kind == Kind::Encrypt || padded == 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ciphers_make_as_much_as_is_announced() {
        let plain = |padded, tag, last| Size::Cipher { padded, tag, last };
        let encrypt = |size: Size, pending| size.most(Kind::Encrypt, pending, true);
        let decrypt = |size: Size, pending| size.most(Kind::Decrypt, pending, true);
        assert_eq!(encrypt(plain(0, 0, false), 17), 17);
        let padded = plain(16, 0, false);
        assert_eq!([encrypt(padded, 15), encrypt(padded, 16)], [16, 32]);
        assert_eq!(decrypt(padded, 32), 32);
        assert!(!padded.is_exact(Kind::Decrypt) && padded.is_exact(Kind::Encrypt));
        let gcm = plain(0, 16, false);
        assert_eq!(
            [encrypt(gcm, 5), decrypt(gcm, 21), decrypt(gcm, 3)],
            [21, 5, 0]
        );
        assert_eq!(gcm.most(Kind::Decrypt, 100, false), 0);
        let wrap = plain(8, 8, true);
        assert_eq!([encrypt(wrap, 16), encrypt(wrap, 17)], [24, 32]);
        assert_eq!(wrap.most(Kind::Encrypt, 17, false), 0);
    }
}
