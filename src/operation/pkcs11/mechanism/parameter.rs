//! What the parameter of a CK_MECHANISM says in KMIP's Cryptographic Parameters (PKCS#11 Current
//! Mechanisms 3.0).

use token::raw::CKZ_DATA_SPECIFIED;
use zeroize::Zeroizing;

use super::super::parameters::{Malformed, Reader};
use super::Use;
use crate::mechanism::hash::{HASHES, HashRow};
use crate::mechanism::{Row, Service, Shape};
use crate::protocol::enumeration::MaskGenerator;
use crate::protocol::key_block::CryptographicParameters;
use crate::protocol::structure::Bytes;

/// CK_MECHANISM as it is sent: a parameter has its length before it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub number: u64,
    pub parameter: Option<&'a [u8]>,
}

impl<'a> Asked<'a> {
    pub fn read(input: &mut Reader<'a>) -> Result<Self, Malformed> {
        let number = input.long()?;
        let parameter = match input.flag()? {
            true => Some(input.bytes()?),
            false => None,
        };
        Ok(Asked { number, parameter })
    }
}

/// A mechanism's parameter in KMIP's words.
#[derive(Clone, Debug, Default)]
pub struct Said {
    pub parameters: CryptographicParameters,
    pub iv: Option<Bytes>,
    pub aad: Option<Bytes>,
}

/// The parameter is none of this mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadParameter;

impl From<Malformed> for BadParameter {
    fn from(_: Malformed) -> Self {
        BadParameter
    }
}

/// Additional data of authenticated encryption is kept until the data comes.
const LONGEST_AAD: usize = 1 << 16;

/// Lengths in structures are CK_ULONGs, which the profile writes in eight bytes and, where they are
/// lengths, in four. Clients do both; the whole must fit either way.
#[derive(Clone, Copy)]
enum Width {
    Long,
    Count,
}

impl Width {
    fn read(self, input: &mut Reader<'_>) -> Result<u64, Malformed> {
        match self {
            Width::Long => input.long(),
            Width::Count => input.count().map(|count| count as u64),
        }
    }
}

fn structure<T>(
    parameter: Option<&[u8]>,
    read: impl Fn(&mut Reader<'_>, Width) -> Result<T, BadParameter>,
) -> Result<T, BadParameter> {
    let parameter = parameter.ok_or(BadParameter)?;
    [Width::Long, Width::Count]
        .into_iter()
        .find_map(|width| {
            let mut input = Reader::new(parameter);
            let value = read(&mut input, width).ok()?;
            input.end().ok()?;
            Some(value)
        })
        .ok_or(BadParameter)
}

fn secret(bytes: &[u8]) -> Option<Bytes> {
    Some(Zeroizing::new(bytes.to_vec()))
}

fn number(value: u64) -> Result<Option<i32>, BadParameter> {
    i32::try_from(value).map(Some).map_err(|_| BadParameter)
}

/// A tag's length, in bytes, from bits.
fn tag_bits(bits: u64) -> Result<Option<i32>, BadParameter> {
    match bits.is_multiple_of(8) {
        true => number(bits / 8),
        false => Err(BadParameter),
    }
}

fn additional(aad: &[u8]) -> Result<Option<Bytes>, BadParameter> {
    match aad.len() {
        0 => Ok(None),
        1..=LONGEST_AAD => Ok(secret(aad)),
        _ => Err(BadParameter),
    }
}

/// An initialisation vector that is the whole parameter, with or without a count of its own.
fn vector(parameter: Option<&[u8]>, length: usize) -> Result<Option<Bytes>, BadParameter> {
    let parameter = parameter.ok_or(BadParameter)?;
    if parameter.len() == length {
        return Ok(secret(parameter));
    }
    let mut input = Reader::new(parameter);
    let counted = input.bytes()?;
    input.end()?;
    match counted.len() == length {
        true => Ok(secret(counted)),
        false => Err(BadParameter),
    }
}

fn none(parameter: Option<&[u8]>) -> Result<(), BadParameter> {
    match parameter {
        None | Some([]) => Ok(()),
        Some(_) => Err(BadParameter),
    }
}

fn hash_of(number: u64) -> Result<&'static HashRow, BadParameter> {
    HASHES
        .iter()
        .find(|row| row.token.is_some_and(|(own, _)| own == number))
        .ok_or(BadParameter)
}

fn mask_of(number: u64) -> Result<&'static HashRow, BadParameter> {
    HASHES
        .iter()
        .find(|row| row.token.is_some_and(|(_, own)| own == number))
        .ok_or(BadParameter)
}

fn hashes(parameters: &mut CryptographicParameters, hash: &HashRow, mask: &HashRow) {
    parameters.hashing_algorithm = Some(hash.algorithm);
    parameters.mask_generator = Some(MaskGenerator::MGF1);
    parameters.mask_generator_hashing_algorithm = Some(mask.algorithm);
}

impl Use {
    /// What the parameter says.
    pub fn read(&self, parameter: Option<&[u8]>) -> Result<Said, BadParameter> {
        let Use::Row { row, padding, hash } = self else {
            none(parameter)?;
            return Ok(Said::default());
        };
        let mut said = match row.service {
            Service::Cipher => cipher(row, parameter)?,
            Service::Encipherment | Service::Signature => asymmetric(row, *hash, parameter)?,
            Service::Mac => mac(row, parameter)?,
        };
        let own = &mut said.parameters;
        if row.service != Service::Mac || row.mode.is_some() {
            own.block_cipher_mode = row.mode;
        }
        own.padding_method = match row.padding {
            Some(padding) => Some(padding),
            None => (row.service == Service::Cipher).then_some(*padding),
        };
        Ok(said)
    }
}

fn cipher(row: &Row, parameter: Option<&[u8]>) -> Result<Said, BadParameter> {
    let mut said = Said::default();
    match row.shape {
        Shape::Codebook { .. } | Shape::KeyWrap | Shape::KeyWrapPadded => none(parameter)?,
        // CK_AES_CTR_PARAMS
        Shape::Counter => {
            let (bits, block) = structure(parameter, |input, width| {
                Ok((width.read(input)?, secret(input.take(16)?)))
            })?;
            said.parameters.counter_length = number(bits)?;
            said.iv = block;
        }
        // CK_GCM_PARAMS
        Shape::Gcm => {
            let (iv, aad, tag) = structure(parameter, |input, width| {
                let iv = input.bytes()?;
                width.read(input)?;
                Ok((secret(iv), additional(input.bytes()?)?, width.read(input)?))
            })?;
            said.iv = iv;
            said.aad = aad;
            said.parameters.tag_length = tag_bits(tag)?;
        }
        // CK_CCM_PARAMS
        Shape::Ccm => {
            let (nonce, aad, tag) = structure(parameter, |input, width| {
                width.read(input)?;
                let nonce = secret(input.bytes()?);
                Ok((nonce, additional(input.bytes()?)?, width.read(input)?))
            })?;
            said.iv = nonce;
            said.aad = aad;
            said.parameters.tag_length = number(tag)?;
        }
        // CK_SALSA20_CHACHA20_POLY1305_PARAMS
        Shape::ChaCha20Poly1305 => {
            let (nonce, aad) = structure(parameter, |input, _| {
                Ok((secret(input.bytes()?), additional(input.bytes()?)?))
            })?;
            said.iv = nonce;
            said.aad = aad;
        }
        shape => said.iv = vector(parameter, shape.iv())?,
    }
    Ok(said)
}

fn asymmetric(
    row: &Row,
    hash: Option<&'static HashRow>,
    parameter: Option<&[u8]>,
) -> Result<Said, BadParameter> {
    let mut said = Said::default();
    let own = &mut said.parameters;
    own.hashing_algorithm = hash.map(|hash| hash.algorithm);
    match row.shape {
        // CK_RSA_PKCS_OAEP_PARAMS
        Shape::RsaOaep => {
            let (digest, mask, source, label) = structure(parameter, |input, _| {
                let numbers = (input.long()?, input.long()?, input.long()?);
                Ok((numbers.0, numbers.1, numbers.2, secret(input.bytes()?)))
            })?;
            if source > CKZ_DATA_SPECIFIED {
                return Err(BadParameter);
            }
            hashes(own, hash_of(digest)?, mask_of(mask)?);
            own.p_source = label.filter(|label| !label.is_empty());
        }
        // CK_RSA_PKCS_PSS_PARAMS
        Shape::RsaPss => {
            let (digest, mask, salt) = structure(parameter, |input, width| {
                Ok((input.long()?, input.long()?, width.read(input)?))
            })?;
            let digest = hash_of(digest)?;
            if hash.is_some_and(|hash| hash != digest) {
                return Err(BadParameter);
            }
            hashes(own, digest, mask_of(mask)?);
            own.salt_length = number(salt)?;
        }
        _ => none(parameter)?,
    }
    Ok(said)
}

fn mac(row: &Row, parameter: Option<&[u8]>) -> Result<Said, BadParameter> {
    none(parameter)?;
    let mut said = Said::default();
    if let Shape::Hmac { hash } = row.shape {
        said.parameters.hashing_algorithm = Some(hash);
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::super::parameters::Writer;
    use super::super::{ENTRIES, Entry, find};
    use super::*;
    use crate::engine::cryptoki::Kind;
    use proptest::prelude::*;
    use token::raw::{CKM_AES_CBC, CKM_AES_GCM};

    fn one(number: u64, kind: Kind) -> &'static Entry {
        find(number, kind).next().unwrap()
    }

    #[test]
    fn a_vector_stands_alone_or_with_its_count() {
        let cbc = one(CKM_AES_CBC, Kind::Encrypt).does;
        let iv = [7; 16];
        let counted = Writer::default().count(16).raw(&iv).done();
        for parameter in [&iv[..], &counted] {
            let said = cbc.read(Some(parameter)).unwrap();
            assert_eq!(said.iv.unwrap().as_slice(), iv);
        }
        for bad in [None, Some(&iv[..15]), Some(&counted[..19])] {
            assert_eq!(cbc.read(bad).unwrap_err(), BadParameter);
        }
    }

    #[test]
    fn lengths_in_structures_have_either_width() {
        let gcm = one(CKM_AES_GCM, Kind::Encrypt).does;
        let begin = || Writer::default().count(12).raw(&[1; 12]);
        let long = begin().long(96).count(3).raw(b"aad").long(128).done();
        let short = begin().count(96).count(3).raw(b"aad").count(128).done();
        for parameter in [long, short] {
            let said = gcm.read(Some(&parameter)).unwrap();
            assert_eq!(said.iv.unwrap().as_slice(), [1; 12]);
            assert_eq!(said.aad.unwrap().as_slice(), b"aad");
            assert_eq!(said.parameters.tag_length, Some(16));
        }
        let odd = begin().long(96).count(0).long(127).done();
        assert!(gcm.read(Some(&odd)).is_err(), "tags have whole bytes");
    }

    proptest! {
        /// Whatever a client sends is read or refused.
        #[test]
        fn parameters_are_read_or_refused(place in any::<prop::sample::Index>(), parameter: Option<Vec<u8>>) {
            let entry = place.get(&ENTRIES);
            if let Ok(said) = entry.does.read(parameter.as_deref()) {
                let length = parameter.map_or(0, |parameter| parameter.len());
                prop_assert!(said.iv.map_or(0, |iv| iv.len()) <= length);
            }
        }
    }
}
