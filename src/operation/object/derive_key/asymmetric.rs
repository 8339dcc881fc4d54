//! The method Asymmetric Key (1.4 §9.1.3.2.21, 2.1 §11.14): what a private key and another's public
//! key agree on.

use super::{Derived, apart};
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::hsm::{Encoding, KeyKind, TokenKdf, UseKey};
use crate::object::agreement::{self, AgreementError};
use crate::object::managed::Sealed;
use crate::object::{delivery, derivation, material, usage};
use crate::protocol::enumeration::{
    CryptographicAlgorithm, KeyFormatType, KeyWrapType, ObjectType,
};
use crate::protocol::key_block::{CryptographicParameters, KeyValue};
use crate::protocol::structure::Bytes;
use crate::store::record::Class;

/// What a request may call it; left out, the keys say which.
static AGREEMENTS: &[CryptographicAlgorithm] = &[
    CryptographicAlgorithm::ECDH,
    CryptographicAlgorithm::DH,
    CryptographicAlgorithm::EC,
];

impl From<AgreementError> for Fault {
    fn from(error: AgreementError) -> Self {
        let reason = match error {
            AgreementError::Private(_) | AgreementError::Different => {
                Reason::BadCryptographicParameters
            }
            AgreementError::Public(_) | AgreementError::Zero => Reason::CryptographicFailure,
        };
        Fault::new(reason, error.to_string())
    }
}

/// The agreed secret, its first bytes left out where less is asked for. A private key of class
/// *token* agrees in the token, any other one in the library.
pub(super) async fn agreed(
    context: &mut Context,
    bases: &[Sealed],
    asked: &CryptographicParameters,
    length: usize,
) -> Result<Derived, Fault> {
    let of = |kind| bases.iter().find(|base| base.object_type() == kind);
    let (Some(private), Some(public)) = (of(ObjectType::PRIVATE_KEY), of(ObjectType::PUBLIC_KEY))
    else {
        return Err(Fault::new(
            Reason::InvalidField,
            "the bases are not a private key and a public key",
        ));
    };
    if let Some(algorithm) = asked.cryptographic_algorithm
        && !AGREEMENTS.contains(&algorithm)
    {
        return Err(Fault::new(
            Reason::UnsupportedCryptographicParameters,
            format!("keys are not agreed on by {algorithm}; expected ECDH or DH"),
        ));
    }
    let spki = bytes(context, public, KeyFormatType::X_509).await?;
    if private.class == Class::Token {
        return in_token(context, private, &spki, length).await;
    }
    let pkcs8 = bytes(context, private, KeyFormatType::PKCS_8).await?;
    // A prime of 8192 bits takes long.
    let secret = apart::run(move || agreement::agree(&pkcs8, &spki)).await??;
    Ok(Derived::Clear(derivation::shortened(&secret, length)?))
}

/// A key's bytes in the structure that any algorithm has.
async fn bytes(context: &mut Context, key: &Sealed, format: KeyFormatType) -> Result<Bytes, Fault> {
    let wish = delivery::Wish {
        format: Some(format),
        wrap_type: Some(KeyWrapType::NOT_WRAPPED),
        compression: None,
        wrapping: None,
    };
    let whole = delivery::open(context, key, &wish).await?;
    match whole.key_block().and_then(|block| block.key_value.as_ref()) {
        Some(KeyValue::Plain { material, .. }) => Ok(material.bytes().clone()),
        _ => Err(Fault::new(
            Reason::KeyValueNotPresent,
            "this server has only the key's meta-data",
        )),
    }
}

async fn in_token(
    context: &Context,
    private: &Sealed,
    spki: &[u8],
    length: usize,
) -> Result<Derived, Fault> {
    let Some(point) = agreement::point(spki)? else {
        return Err(Fault::new(
            Reason::UnsupportedCryptographicParameters,
            "a private key of class token agrees on elliptic curves only, in the token",
        ));
    };
    let blob = private.blob.as_ref().ok_or_else(|| {
        Fault::new(
            Reason::KeyValueNotPresent,
            "this server has only the key's meta-data",
        )
    })?;
    // Half of an uncompressed point behind its first byte: the field.
    derivation::within(length, point.len() / 2)?;
    let binding = material::binding(&context.engine.deployment, private);
    let using = UseKey {
        tenant: private.tenant,
        unique_identifier: &private.unique_identifier,
        version: private.version(),
        kind: usage::private_kind(private).unwrap_or(KeyKind::EcPrivate),
        encoding: Encoding::Direct,
        blob,
        aad: &binding,
        keys: &context.caller.tenant.keys,
    };
    let hsm = &context.engine.hsm;
    let blob = hsm
        .derive_wrapped(&using, TokenKdf::Ecdh, [&point, b""], length)
        .await?;
    Ok(Derived::InToken(blob))
}
