//! The few DER structures around keys: SubjectPublicKeyInfo (RFC 5280 §4.1, RFC 8017 §A.1.1,
//! RFC 5480 §2), and the length of a structure that a token padded.

/// Object identifiers as `namedCurve` parameters (RFC 5480 §2.1.1.1), tag and length included.
pub(super) const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
pub(super) const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
pub(super) const P521: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23];
/// id-ecPublicKey.
const EC_PUBLIC_KEY: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// AlgorithmIdentifier of rsaEncryption with its NULL.
const RSA_ENCRYPTION: &[u8] = &[
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;

pub(super) fn rsa_public_key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let numbers = [integer(modulus), integer(exponent)].concat();
    public_key(RSA_ENCRYPTION, &element(SEQUENCE, &numbers))
}

pub(super) fn ec_public_key(curve: &[u8], point: &[u8]) -> Vec<u8> {
    public_key(&element(SEQUENCE, &[EC_PUBLIC_KEY, curve].concat()), point)
}

fn public_key(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let bits = element(BIT_STRING, &[&[0], key].concat());
    element(SEQUENCE, &[algorithm, &bits].concat())
}

/// An unsigned number, big-endian.
fn integer(number: &[u8]) -> Vec<u8> {
    let start = number
        .iter()
        .position(|byte| *byte != 0)
        .unwrap_or(number.len());
    let number = number.get(start..).unwrap_or_default();
    let sign: &[u8] = if number.first().is_none_or(|byte| byte & 0x80 != 0) {
        &[0]
    } else {
        &[]
    };
    element(INTEGER, &[sign, number].concat())
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let start = length
        .iter()
        .position(|byte| *byte != 0)
        .unwrap_or(length.len() - 1);
    let length = length.get(start..).unwrap_or_default();
    let mut out = Vec::with_capacity(content.len() + length.len() + 2);
    out.push(tag);
    if content.len() >= 0x80 {
        out.push(0x80 | length.len() as u8);
    }
    out.extend_from_slice(length);
    out.extend_from_slice(content);
    out
}

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

/// An uncompressed curve point (SEC 1 §2.3.3) from CKA_EC_POINT, which tokens give bare or, as
/// the standard says, in an OCTET STRING. `size` is a coordinate's length in bytes.
pub(super) fn point(attribute: &[u8], size: usize) -> Option<&[u8]> {
    let bare = |bytes: &[u8]| bytes.len() == 2 * size + 1 && bytes.first() == Some(&4);
    if bare(attribute) {
        return Some(attribute);
    }
    if attribute.first() != Some(&OCTET_STRING) || whole_length(attribute)? != attribute.len() {
        return None;
    }
    let inner = attribute.get(attribute.len().checked_sub(2 * size + 1)?..)?;
    bare(inner).then_some(inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;

    #[test]
    fn integers_are_minimal_and_positive() {
        assert_eq!(integer(&[0, 0, 1]), [2, 1, 1]);
        assert_eq!(integer(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(integer(&[]), [2, 1, 0]);
    }

    #[test]
    fn long_lengths_take_the_long_form() {
        let long = element(4, &[7; 300]);
        assert_eq!(long[..4], [4, 0x82, 1, 44]);
        assert_eq!(
            whole_length(&[long.clone(), vec![0; 5]].concat()),
            Some(304)
        );
        assert_eq!(whole_length(&long[..100]), None);
        assert_eq!(element(4, &[7; 128])[..3], [4, 0x81, 128]);
    }

    #[test]
    fn points_come_bare_or_in_an_octet_string() {
        let bare = [&[4_u8][..], &[9; 64]].concat();
        assert_eq!(point(&bare, 32), Some(bare.as_slice()));
        assert_eq!(
            point(&element(OCTET_STRING, &bare), 32),
            Some(bare.as_slice())
        );
        assert_eq!(point(&bare[1..], 32), None);
    }
}
