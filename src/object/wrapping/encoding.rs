//! Encoding Option (1.4 §9.1.3.2.32, 2.1 §11.18): the bytes that are wrapped.

use crate::engine::error::{Fault, Reason};
use crate::object::managed::{Form, Sealed};
use crate::protocol::attributes::{AttributeReference, Attributes, VendorName};
use crate::protocol::enumeration::EncodingOption;
use crate::protocol::key_block::{KeyBlock, KeyMaterial, KeyValue};
use crate::protocol::structure::{Bytes, Item};
use crate::protocol::tag;
use crate::protocol::version::Version;

/// "If not present, the wrapped Key Value structure SHALL be TTLV encoded."
pub(super) fn option(given: Option<EncodingOption>) -> EncodingOption {
    given.unwrap_or(EncodingOption::TTLV_ENCODING)
}

/// The bytes that are wrapped: Key Material, or TTLV of the Key Value with its attributes.
pub(super) fn encode(
    value: &KeyValue,
    encoding: EncodingOption,
    attributes: Option<Attributes>,
    version: Version,
) -> Result<Bytes, Fault> {
    let KeyValue::Plain { material, .. } = value else {
        return Err(Fault::new(
            Reason::WrongKeyLifecycleState,
            "the key is wrapped already",
        ));
    };
    match (encoding, material) {
        (EncodingOption::NO_ENCODING, KeyMaterial::Bytes(bytes)) if attributes.is_none() => {
            Ok(bytes.clone())
        }
        (EncodingOption::NO_ENCODING, _) => Err(Fault::new(
            Reason::EncodingOptionError,
            "No Encoding wraps bytes only: ask with TTLV Encoding for transparent keys and for attributes",
        )),
        (EncodingOption::TTLV_ENCODING, _) => {
            let value = KeyValue::Plain {
                material: material.clone(),
                attributes,
            };
            let node = ttlv::Node::new(tag::KEY_VALUE, value.write(version)?);
            let node = crate::protocol::seam::key_value(version, node);
            let mut out = Bytes::new(Vec::with_capacity(ttlv::binary::encoded_len(&node)));
            ttlv::binary::encode(&node, &mut out);
            Ok(out)
        }
        (other, _) => Err(Fault::new(
            Reason::EncodingOptionError,
            format!("the encoding option {other} is not supported"),
        )),
    }
}

/// What the bytes were before they were encoded.
pub(super) fn decode(clear: Bytes, encoding: EncodingOption) -> Result<KeyValue, Fault> {
    match encoding {
        EncodingOption::NO_ENCODING => Ok(KeyValue::bytes(clear)),
        EncodingOption::TTLV_ENCODING => {
            let node = ttlv::binary::decode(&clear, &ttlv::Limits::default()).map_err(|_| {
                Fault::new(
                    Reason::EncodingOptionError,
                    "what was unwrapped is no TTLV-encoded Key Value",
                )
            })?;
            Ok(KeyValue::read(&node)?)
        }
        other => Err(Fault::new(
            Reason::EncodingOptionError,
            format!("the encoding option {other} is not supported"),
        )),
    }
}

/// The byte string of a wrapped Key Value, alone or, as TC-WRAP-3 has it, inside a structure.
pub(super) fn wrapped_bytes(block: &KeyBlock) -> Result<Bytes, Fault> {
    match &block.key_value {
        Some(KeyValue::Wrapped(bytes)) => Ok(bytes.clone()),
        Some(KeyValue::Plain {
            material: KeyMaterial::Bytes(bytes),
            attributes: None,
        }) => Ok(bytes.clone()),
        _ => Err(Fault::new(
            Reason::EncodingOptionError,
            "the wrapped key is not a byte string",
        )),
    }
}

/// Whether wrapped Key Material stands inside a Key Value structure instead of being the Key Value.
/// 1.4 §2.1.4 says a byte string, and TC-SENSITIVE has one for a sensitive key; but what was
/// registered wrapped in a structure comes back in one (TC-WRAP-3), and clients of 1.x that ask
/// for No Encoding read nothing else (PyKMIP; `docs/decisions/protocol.md`).
pub(super) fn stands_in_structure(
    version: Version,
    object: &Sealed,
    encoding: EncodingOption,
) -> bool {
    let registered_so = object.form == Form::Bytes
        && object
            .skeleton
            .key_block()
            .is_some_and(|block| block.key_wrapping_data.is_some());
    let sensitive = object.attributes.boolean(tag::SENSITIVE) == Some(true);
    let old = encoding == EncodingOption::NO_ENCODING && version < Version::V2_0 && !sensitive;
    registered_so || old
}

/// The attributes that a specification names, as they are now.
pub(super) fn named(object: &Sealed, names: &[String], now: i64) -> Option<Attributes> {
    if names.is_empty() {
        return None;
    }
    let all = crate::operation::attribute::get_attributes::as_of(object, now);
    let references =
        names
            .iter()
            .filter_map(|name| match crate::protocol::attribute::by_name(name) {
                Some(row) => Some(AttributeReference::Standard(row.tag)),
                None => name.split_once('-').map(|(vendor, name)| {
                    AttributeReference::Vendor(VendorName {
                        vendor: vendor.to_owned(),
                        name: name.to_owned(),
                    })
                }),
            });
    Some(Attributes(
        references
            .flat_map(|reference| all.all(&reference).cloned().collect::<Vec<_>>())
            .collect(),
    ))
}
