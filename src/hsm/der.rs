//! What little DER the token room reads itself: the length of a structure that a token padded, and bytes that tokens
//! give bare or in an OCTET STRING.

/// Object identifier of P-256 as CKA_EC_PARAMS wants it (RFC 5480 §2.1.1.1), tag and length included.
pub(super) const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// The same of P-384.
pub(super) const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
const OCTET_STRING: u8 = 0x04;

/// A whole element's length, header included; None if the bytes do not start with one.
pub(super) fn whole_length(bytes: &[u8]) -> Option<usize> {
    let first = *bytes.get(1)?;
    let total = if first < 0x80 {
        2 + usize::from(first)
    } else {
        let count = usize::from(first & 0x7f);
        if count == 0 || count > 4 {
            return None;
        }
        let length = bytes
            .get(2..2 + count)?
            .iter()
            .fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
        2 + count + length
    };
    (total <= bytes.len()).then_some(total)
}

/// What CKA_EC_POINT holds, `length` bytes long: tokens give it bare or, as the standard says for curves in short
/// Weierstrass form, in an OCTET STRING. What is neither comes back as it is.
pub(super) fn bare(attribute: &[u8], length: usize) -> &[u8] {
    let header = attribute.len().saturating_sub(length);
    let wrapped = header > 0
        && attribute.first() == Some(&OCTET_STRING)
        && whole_length(attribute) == Some(attribute.len());
    match attribute.get(header..) {
        Some(inner) if wrapped => inner,
        _ => attribute,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "tests")]
    use super::*;

    #[test]
    fn lengths_short_and_long() {
        let mut long = vec![4, 0x82, 1, 44];
        long.resize(309, 7);
        assert_eq!(whole_length(&long), Some(304));
        assert_eq!(whole_length(&long[..100]), None);
        assert_eq!(whole_length(&[4, 2, 1, 1, 0]), Some(4));
    }

    #[test]
    fn points_come_bare_or_in_an_octet_string() {
        let point = [&[4_u8][..], &[9; 64]].concat();
        assert_eq!(bare(&point, 65), point);
        let wrapped = [&[4, 65][..], &point].concat();
        assert_eq!(bare(&wrapped, 65), point);
        assert_eq!(bare(&point[1..], 65), &point[1..]);
        // An Edwards point that happens to begin like an OCTET STRING.
        let edwards = [&[4, 30][..], &[9; 30]].concat();
        assert_eq!(bare(&edwards, 32), edwards);
    }
}
