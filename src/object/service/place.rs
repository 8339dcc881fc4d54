//! Where a mechanism is computed: in the token, or in the server's memory by the library.

use std::ops::Deref;
use std::sync::Arc;

use openssl::pkey::{PKey, Private, Public};
use token::LockedBytes;
use zeroize::Zeroizing;

use super::{bad, unsupported};
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::hsm::HsmError;
use crate::library;
use crate::mechanism::Row;
use crate::object::delivery::{self, Wish};
use crate::object::managed::Sealed;
use crate::protocol::enumeration::{KeyFormatType, KeyWrapType, ObjectType};
use crate::protocol::key_block::KeyValue;
use crate::protocol::object::Object;
use crate::store::record::Class;

/// Who computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Token,
    /// The key is in clear in the server's memory for this call.
    Library,
}

impl Place {
    fn name(self) -> &'static str {
        match self {
            Place::Token => "token",
            Place::Library => "library",
        }
    }
}

/// A key's bytes in clear: for one call, or those that the node keeps for class *cached*.
#[derive(Debug)]
pub enum Clear {
    Once(Zeroizing<Vec<u8>>),
    Kept(Arc<LockedBytes>),
}

impl Deref for Clear {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Clear::Once(bytes) => bytes,
            Clear::Kept(bytes) => bytes,
        }
    }
}

/// Whether a key is used in the server's memory although the token could: its class is *cached*,
/// and its tenant still allows that.
pub fn is_cached(context: &Context, key: &Sealed) -> bool {
    key.class == Class::Cached && context.caller.tenant.settings.classes.cached
}

/// Public keys are no secret; a key of class *token* is used there or nowhere, one of class *cached*
/// by the library where that has the mechanism; any other is used in the token where that has the
/// mechanism, else by the library (DESIGN §4.3).
pub fn of(context: &mut Context, key: &Sealed, row: &Row) -> Result<Place, Fault> {
    let open = matches!(
        key.object_type(),
        ObjectType::PUBLIC_KEY | ObjectType::CERTIFICATE
    );
    let token = context.engine.hsm.has(row);
    let place = match (open, key.class) {
        (true, _) if row.library.is_some() => Place::Library,
        (false, Class::Cached) if row.library.is_some() && is_cached(context, key) => {
            Place::Library
        }
        (false, _) if token => Place::Token,
        (false, Class::Served | Class::Cached) if row.library.is_some() => Place::Library,
        (false, Class::Token) => {
            return Err(Fault::new(
                Reason::UnsupportedCryptographicParameters,
                format!(
                    "the token does not have {}, and a key of class token is used nowhere else",
                    row.name
                ),
            ));
        }
        _ => return Err(unsupported(row.name)),
    };
    noted(context, row, place);
    Ok(place)
}

/// For the audit record.
pub fn noted(context: &mut Context, row: &Row, place: Place) {
    context.computed(row.name, place.name());
}

/// Whether the library is to do what the token refused: its mechanism list promises more than it
/// keeps (a curve, a length, a hash). Never for a key of class *token*.
pub fn falls_back(
    context: &mut Context,
    key: &Sealed,
    row: &'static Row,
    error: &HsmError,
) -> bool {
    let other = matches!(error, HsmError::Refused(_) | HsmError::BadKey(_));
    let may = other && key.class != Class::Token && row.library.is_some();
    if may {
        tracing::debug!(mechanism = row.name, %error, "the token does not do it with this key; the library does");
        noted(context, row, Place::Library);
    }
    may
}

/// The key's bytes in another form, in clear: for the library only.
pub async fn material(
    context: &mut Context,
    key: &Sealed,
    format: KeyFormatType,
) -> Result<Clear, Fault> {
    if key.blob.is_none() {
        return Err(Fault::new(
            Reason::KeyValueNotPresent,
            "this server has only the key's meta-data",
        ));
    }
    if key.class == Class::Token {
        return Err(unsupported("a key of class token outside the token"));
    }
    let cached = is_cached(context, key);
    if cached && let Some(bytes) = context.engine.cached_key(key, format) {
        return Ok(Clear::Kept(bytes));
    }
    let wish = Wish {
        format: Some(format),
        wrap_type: Some(KeyWrapType::NOT_WRAPPED),
        compression: None,
        wrapping: None,
    };
    let whole = Box::pin(delivery::open(context, key, &wish)).await?;
    match whole.key_block().and_then(|block| block.key_value.as_ref()) {
        Some(KeyValue::Plain { material, .. }) => {
            let bytes = material.bytes();
            if cached {
                context.engine.cache_key(key, format, bytes);
            }
            Ok(Clear::Once(bytes.clone()))
        }
        _ => Err(Fault::new(
            Reason::KeyFormatTypeNotSupported,
            "the key cannot be brought into the form that this operation needs",
        )),
    }
}

/// A vector for the use of a key: of the token's generator, or the library's where the key's use is
/// to ask no token.
pub async fn vector(
    context: &Context,
    key: &Sealed,
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, Fault> {
    match is_cached(context, key) {
        true => Ok(library::random(length)?),
        false => Ok(context.engine.hsm.vector(length).await?),
    }
}

/// The public key of a public key object or certificate.
pub async fn public_key(context: &mut Context, key: &Sealed) -> Result<PKey<Public>, Fault> {
    match key.object_type() {
        ObjectType::PUBLIC_KEY => {
            let info = material(context, key, KeyFormatType::X_509).await?;
            Ok(library::public_key::public(&info)?)
        }
        ObjectType::CERTIFICATE => {
            let wish = Wish {
                format: None,
                wrap_type: None,
                compression: None,
                wrapping: None,
            };
            match Box::pin(delivery::open(context, key, &wish)).await? {
                Object::Certificate(certificate) => Ok(library::public_key::certified(
                    &certificate.certificate_value,
                )?),
                _ => Err(bad("the object is no certificate")),
            }
        }
        other => Err(Fault::new(
            Reason::InvalidObjectType,
            format!("a {other} cannot be used for this; expected a public key or a certificate"),
        )),
    }
}

/// The private key, for the library.
pub async fn private_key(context: &mut Context, key: &Sealed) -> Result<PKey<Private>, Fault> {
    let pkcs8 = material(context, key, KeyFormatType::PKCS_8).await?;
    Ok(library::public_key::private(&pkcs8)?)
}
