//! The method Asymmetric Key (1.4 §9.1.3.2.21, 2.1 §11.14): what a private key and another's public
//! key agree on.

use super::{Derived, apart};
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::hsm::TokenKdf;
use crate::object::agreement::{self, AgreementError};
use crate::object::managed::Sealed;
use crate::object::service::place;
use crate::object::{derivation, usage};
use crate::protocol::enumeration::{CryptographicAlgorithm, KeyFormatType, ObjectType};
use crate::protocol::key_block::CryptographicParameters;
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
    let spki = place::material(context, public, KeyFormatType::X_509).await?;
    if private.class == Class::Token {
        return in_token(context, private, &spki, length).await;
    }
    let pkcs8 = place::material(context, private, KeyFormatType::PKCS_8).await?;
    context.computed("key agreement", "library");
    // A prime of 8192 bits takes long.
    let secret = apart::run(move || agreement::agree(&pkcs8, &spki)).await??;
    Ok(Derived::Clear(derivation::shortened(&secret, length)?))
}

async fn in_token(
    context: &mut Context,
    private: &Sealed,
    spki: &[u8],
    length: usize,
) -> Result<Derived, Fault> {
    let unsupported = || {
        Fault::new(
            Reason::UnsupportedCryptographicParameters,
            "a private key of class token agrees on elliptic curves only, in the token",
        )
    };
    let (point, field) = agreement::point(spki)?.ok_or_else(unsupported)?;
    derivation::within(length, field)?;
    let kind = usage::private_kind(private).ok_or_else(unsupported)?;
    let ready = usage::ready(context, private, kind).await?;
    let using = ready.key(context, private)?;
    let hsm = &context.engine.hsm;
    let blob = hsm
        .derive_wrapped(&using, TokenKdf::Ecdh, [&point, b""], length)
        .await?;
    context.computed("ECDH", "token");
    Ok(Derived::InToken(blob))
}
