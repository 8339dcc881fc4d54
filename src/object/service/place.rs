//! Where a mechanism is computed: in the token, or in the server's memory by the library.

use openssl::pkey::{PKey, Private, Public};
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

/// Public keys are no secret; a key of class *token* is used there or nowhere; any other is used
/// there where the token has the mechanism, else by the library (DESIGN §4.3).
pub fn of(context: &mut Context, key: &Sealed, row: &Row) -> Result<Place, Fault> {
    let open = matches!(
        key.object_type(),
        ObjectType::PUBLIC_KEY | ObjectType::CERTIFICATE
    );
    let token = context.engine.hsm.has(row);
    let place = match (open, key.class) {
        (true, _) if row.library.is_some() => Place::Library,
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
) -> Result<Zeroizing<Vec<u8>>, Fault> {
    if key.blob.is_none() {
        return Err(Fault::new(
            Reason::KeyValueNotPresent,
            "this server has only the key's meta-data",
        ));
    }
    if key.class == Class::Token {
        return Err(unsupported("a key of class token outside the token"));
    }
    let wish = Wish {
        format: Some(format),
        wrap_type: Some(KeyWrapType::NOT_WRAPPED),
        compression: None,
        wrapping: None,
    };
    let whole = Box::pin(delivery::open(context, key, &wish)).await?;
    match whole.key_block().and_then(|block| block.key_value.as_ref()) {
        Some(KeyValue::Plain { material, .. }) => Ok(material.bytes().clone()),
        _ => Err(Fault::new(
            Reason::KeyFormatTypeNotSupported,
            "the key cannot be brought into the form that this operation needs",
        )),
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
