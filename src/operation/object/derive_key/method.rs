//! Derivation methods, a row each (1.4 §9.1.3.2.21, 2.1 §11.14). Which versions have a method stands
//! in the table of its enumeration.

use std::ops::RangeInclusive;

use super::{DeriveKeyRequest, Derived, apart, asymmetric, pseudorandom};
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::hsm::Mode108;
use crate::mechanism::hash::{self, HashRow};
use crate::object::derivation;
use crate::object::managed::Sealed;
use crate::object::service::cipher;
use crate::object::usage;
use crate::protocol::enumeration::{DerivationMethod, Enumeration, HashingAlgorithm, ObjectType};
use crate::protocol::key_block::CryptographicParameters;
use crate::protocol::structure::Bytes;
use crate::protocol::version::Version;

/// What a method derives from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bases {
    /// One key or secret; a second one may stand for the Derivation Data.
    Secrets,
    Secret,
    /// A private key and another's public key, in either order.
    Pair,
}

/// The Derivation Data that a method needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Data {
    Optional,
    Required,
    /// Date, region and service.
    Three,
    None,
}

pub(super) struct MethodRow {
    pub(super) method: DerivationMethod,
    pub(super) bases: Bases,
    data: Data,
    /// Salt and Iteration Count, or neither.
    counted: bool,
}

macro_rules! methods {
    ($($method:ident = $bases:ident, $data:ident, $counted:ident;)*) => {
        static METHODS: &[MethodRow] = &[$(MethodRow {
            method: DerivationMethod::$method,
            bases: Bases::$bases,
            data: Data::$data,
            counted: stringify!($counted).len() == "counted".len(),
        },)*];
    };
}

methods! {
    PBKDF2 = Secret, Optional, counted;
    HASH = Secrets, Optional, plain;
    HMAC = Secrets, Required, plain;
    ENCRYPT = Secrets, Required, plain;
    NIST800_108_C = Secrets, Required, plain;
    NIST800_108_F = Secrets, Required, plain;
    NIST800_108_DPI = Secrets, Required, plain;
    ASYMMETRIC_KEY = Pair, None, plain;
    AWS_SIGNATURE_VERSION_4 = Secret, Three, plain;
    HKDF = Secrets, Optional, plain;
}

impl Bases {
    pub(super) fn count(self) -> RangeInclusive<usize> {
        match self {
            Bases::Secrets => 1..=2,
            Bases::Secret => 1..=1,
            Bases::Pair => 2..=2,
        }
    }

    pub(super) fn spoken(self) -> &'static str {
        match self {
            Bases::Secrets => "one, and a second one that holds the derivation data",
            Bases::Secret => "one",
            Bases::Pair => "two, a private key and another's public key",
        }
    }

    pub(super) fn types(self) -> &'static [ObjectType] {
        match self {
            Bases::Secrets | Bases::Secret => &[ObjectType::SYMMETRIC_KEY, ObjectType::SECRET_DATA],
            Bases::Pair => &[ObjectType::PRIVATE_KEY, ObjectType::PUBLIC_KEY],
        }
    }
}

/// The row of a method that the message's version has.
pub(super) fn row(version: Version, method: DerivationMethod) -> Result<&'static MethodRow, Fault> {
    METHODS
        .iter()
        .find(|row| row.method == method && DerivationMethod::TABLE.is_in(method.0, version))
        .ok_or_else(|| {
            // 1.4 §11.7.
            Fault::new(
                Reason::InvalidField,
                format!("{method} is no derivation method of this protocol version"),
            )
        })
}

/// What goes into a method besides its first base.
pub(super) struct Inputs<'a> {
    pub(super) base: &'a Sealed,
    pub(super) asked: CryptographicParameters,
    /// Of the request, or the bytes of the second base.
    pub(super) data: Option<Bytes>,
    /// Of the derived object, in bytes.
    pub(super) length: usize,
}

impl Inputs<'_> {
    /// What was checked to be there when the row was read.
    pub(super) fn data(&self) -> &[u8] {
        self.data
            .as_ref()
            .map(|data| data.as_slice())
            .unwrap_or_default()
    }
}

fn invalid(what: impl Into<std::borrow::Cow<'static, str>>) -> Fault {
    Fault::new(Reason::InvalidField, what)
}

/// The derivation data: the request's, or the bytes of a second base (2.1 §7.12).
async fn data(
    context: &mut Context,
    request: &DeriveKeyRequest,
    bases: &[Sealed],
    row: &MethodRow,
) -> Result<Option<Bytes>, Fault> {
    let given = &request.derivation_parameters.derivation_data;
    match (row.data, given.as_slice(), bases.get(1)) {
        (Data::None, [], _) | (Data::Three, [_, _, _], _) => Ok(None),
        (Data::None, ..) => Err(invalid(format!("{} takes no Derivation Data", row.method))),
        (Data::Three, ..) => Err(invalid(format!(
            "{} takes three Derivation Data: date, region and service",
            row.method
        ))),
        // 1.4 §11.7: ambiguous.
        (_, [_, ..], Some(_)) => Err(Fault::new(
            Reason::InvalidMessage,
            "Derivation Data and a second base are both given; give one of them",
        )),
        (_, [data], None) => Ok(Some(data.clone())),
        (_, [], Some(second)) => usage::raw_bytes(context, second).await.map(Some),
        (Data::Optional, [], None) => Ok(None),
        (Data::Required, [], None) => Err(invalid(format!(
            "{} needs Derivation Data, or a second base that holds it",
            row.method
        ))),
        (_, several, None) => Err(invalid(format!(
            "there are {} Derivation Data; {} takes one",
            several.len(),
            row.method
        ))),
    }
}

/// Derives `length` bytes.
pub(super) async fn derive(
    context: &mut Context,
    request: &DeriveKeyRequest,
    bases: &[Sealed],
    length: usize,
) -> Result<Derived, Fault> {
    let row = row(context.version, request.derivation_method)?;
    let given = &request.derivation_parameters;
    let base = bases
        .first()
        .ok_or_else(|| invalid("there is no base key"))?;
    if row.counted && (given.salt.is_none() || given.iteration_count.is_none()) {
        return Err(invalid(format!(
            "{} needs a Salt and an Iteration Count",
            row.method
        )));
    }
    let inputs = Inputs {
        base,
        asked: usage::parameters(base, given.cryptographic_parameters.as_ref())?,
        data: data(context, request, bases, row).await?,
        length,
    };
    let iv = given.initialization_vector.clone().unwrap_or_default();
    match request.derivation_method {
        DerivationMethod::PBKDF2 => pbkdf2(context, request, &inputs).await,
        DerivationMethod::HASH => hash(context, &inputs).await,
        DerivationMethod::ENCRYPT => encrypt(context, &inputs, &iv).await,
        // With a Salt, even an empty one, PyKMIP and its kin mean HKDF (RFC 5869).
        DerivationMethod::HMAC if given.salt.is_none() => {
            pseudorandom::hmac(context, &inputs).await
        }
        DerivationMethod::HMAC | DerivationMethod::HKDF => {
            let salt = given.salt.clone().unwrap_or_default();
            pseudorandom::hkdf(context, &inputs, &salt).await
        }
        DerivationMethod::NIST800_108_C => {
            pseudorandom::kdf108(context, &inputs, Mode108::Counter, &iv).await
        }
        DerivationMethod::NIST800_108_F => {
            pseudorandom::kdf108(context, &inputs, Mode108::Feedback, &iv).await
        }
        DerivationMethod::NIST800_108_DPI => {
            pseudorandom::kdf108(context, &inputs, Mode108::DoublePipeline, &iv).await
        }
        DerivationMethod::ASYMMETRIC_KEY => {
            asymmetric::agreed(context, bases, &inputs.asked, length).await
        }
        DerivationMethod::AWS_SIGNATURE_VERSION_4 => aws(context, request, &inputs).await,
        other => Err(invalid(format!(
            "the derivation method {other} is not known"
        ))),
    }
}

/// A hash that the library computes over what is, or may be, in the server's memory.
pub(super) fn library_hash(number: HashingAlgorithm) -> Result<&'static HashRow, Fault> {
    // No new keys come from MD5.
    let row = hash::find(number).filter(|row| row.algorithm != HashingAlgorithm::MD5);
    row.ok_or_else(|| {
        Fault::new(
            Reason::UnsupportedCryptographicParameters,
            format!("derivation with {number} is not supported"),
        )
    })
}

/// PKCS#5: SHA-1 unless the parameters say otherwise (TC-DERIVEKEY-3). The password is the base, or
/// where that is a key, the Derivation Data (1.4 §4.6).
async fn pbkdf2(
    context: &mut Context,
    request: &DeriveKeyRequest,
    inputs: &Inputs<'_>,
) -> Result<Derived, Fault> {
    let given = &request.derivation_parameters;
    let number = inputs.asked.hashing_algorithm;
    let algorithm = library_hash(number.unwrap_or(HashingAlgorithm::SHA_1))?;
    let password = match (&inputs.data, inputs.base.object_type()) {
        (None, _) => usage::raw_bytes(context, inputs.base).await?,
        (Some(data), ObjectType::SYMMETRIC_KEY) => data.clone(),
        (Some(_), _) => {
            return Err(Fault::new(
                Reason::InvalidMessage,
                "the password is both the base and the Derivation Data; leave one out",
            ));
        }
    };
    let salt = given.salt.clone().unwrap_or_default();
    let (rounds, length) = (given.iteration_count.unwrap_or(0), inputs.length);
    context.computed("PBKDF2", "library");
    let derived =
        apart::run(move || derivation::pbkdf2(algorithm, &password, &salt, rounds, length)).await?;
    Ok(Derived::Clear(derived?))
}

/// Over the data or, without any, over the key itself, which then must be one that the server may see.
async fn hash(context: &mut Context, inputs: &Inputs<'_>) -> Result<Derived, Fault> {
    let number = inputs.asked.hashing_algorithm;
    let algorithm = library_hash(number.unwrap_or(HashingAlgorithm::SHA_256))?;
    let key = match inputs.data {
        Some(_) => None,
        None => Some(usage::raw_bytes(context, inputs.base).await?),
    };
    context.computed("HASH", "library");
    let derived = derivation::hash_key(
        algorithm,
        key.as_ref().map(|key| key.as_slice()),
        inputs.data.as_ref().map(|data| data.as_slice()),
        inputs.length,
    )?;
    Ok(Derived::Clear(derived))
}

/// The ciphertext without vector and tag, cut to length.
async fn encrypt(context: &mut Context, inputs: &Inputs<'_>, iv: &[u8]) -> Result<Derived, Fault> {
    // 1.4 §4.6: the Block Cipher Mode is the client's, or the key's, to say.
    if inputs.asked.block_cipher_mode.is_none() {
        return Err(invalid(
            "neither the Cryptographic Parameters nor the base's attributes name a Block Cipher Mode",
        ));
    }
    let (base, data) = (inputs.base, inputs.data());
    let cipher = cipher::asked(base, &inputs.asked)?;
    cipher.permitted(context, base, !iv.is_empty())?;
    let ciphertext = cipher.encrypt(context, base, iv, b"", data).await?;
    let derived = derivation::truncated(&ciphertext.data, inputs.length)?;
    Ok(Derived::Clear(derived))
}

async fn aws(
    context: &mut Context,
    request: &DeriveKeyRequest,
    inputs: &Inputs<'_>,
) -> Result<Derived, Fault> {
    let [date, region, service] = request.derivation_parameters.derivation_data.as_slice() else {
        return Err(invalid("date, region and service are needed"));
    };
    let secret = usage::raw_bytes(context, inputs.base).await?;
    context.computed("AWS-SIGV4", "library");
    let parts = [date.as_slice(), region.as_slice(), service.as_slice()];
    let derived = derivation::aws_signature(&secret, parts, inputs.length)?;
    Ok(Derived::Clear(derived))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_of_the_standard_has_a_row() {
        for known in DerivationMethod::TABLE.rows {
            let rows = METHODS.iter().filter(|row| row.method.0 == known.value);
            assert_eq!(rows.count(), 1, "{}", known.name);
        }
        assert_eq!(METHODS.len(), DerivationMethod::TABLE.rows.len());
    }

    #[test]
    fn a_method_is_there_since_its_version() {
        let there = |version, method| row(version, method).is_ok();
        assert!(there(Version::V1_0, DerivationMethod::NIST800_108_DPI));
        assert!(!there(Version::V1_3, DerivationMethod::ASYMMETRIC_KEY));
        assert!(there(Version::V1_4, DerivationMethod::ASYMMETRIC_KEY));
        assert!(!there(Version::V1_4, DerivationMethod::HKDF));
        assert!(there(
            Version::V2_0,
            DerivationMethod::AWS_SIGNATURE_VERSION_4
        ));
        assert!(!there(Version::V2_1, DerivationMethod(0x8000_0001)));
    }
}
