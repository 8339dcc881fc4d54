//! Key Block and what it holds (2.1 §3.1–3.5, 1.4 §2.1.3–2.1.6).

use ttlv::{Kind, Node, Tag, Value};
use zeroize::Zeroizing;

use super::attributes::Attributes;
use super::enumeration::{
    BlockCipherMode, CryptographicAlgorithm, DigitalSignatureAlgorithm, EncodingOption,
    HashingAlgorithm, KeyCompressionType, KeyFormatType, KeyRoleType, MaskGenerator, PaddingMethod,
    WrappingMethod,
};
use super::identifier::Identifier;
use super::structure::{Bytes, Inexpressible, Item, Malformed, wrong_type};
use super::tag;
use super::version::Version;
use crate::structure;

structure! {
    /// 2.1 §3.1, 1.4 §2.1.3. Key Value is absent in meta-data-only objects (since 1.2) and in what the store keeps.
    pub struct KeyBlock {
        key_format_type: KeyFormatType = KEY_FORMAT_TYPE;
        key_compression_type: Option<KeyCompressionType> = KEY_COMPRESSION_TYPE;
        key_value: Option<KeyValue> = KEY_VALUE;
        cryptographic_algorithm: Option<CryptographicAlgorithm> = CRYPTOGRAPHIC_ALGORITHM;
        cryptographic_length: Option<i32> = CRYPTOGRAPHIC_LENGTH;
        key_wrapping_data: Option<KeyWrappingData> = KEY_WRAPPING_DATA;
    }

    /// 2.1 §3.4, 1.4 §2.1.5.
    pub struct KeyWrappingData {
        wrapping_method: WrappingMethod = WRAPPING_METHOD;
        encryption_key_information: Option<EncryptionKeyInformation> = ENCRYPTION_KEY_INFORMATION;
        mac_signature_key_information: Option<MacSignatureKeyInformation> = MAC_SIGNATURE_KEY_INFORMATION;
        mac_signature: Option<Bytes> = MAC_SIGNATURE;
        iv_counter_nonce: Option<Bytes> = IV_COUNTER_NONCE;
        encoding_option: Option<EncodingOption> = ENCODING_OPTION, since V1_1;
    }

    /// 2.1 §3.4.
    pub struct EncryptionKeyInformation {
        unique_identifier: Identifier = UNIQUE_IDENTIFIER;
        cryptographic_parameters: Option<CryptographicParameters> = CRYPTOGRAPHIC_PARAMETERS;
    }

    /// 2.1 §3.4.
    pub struct MacSignatureKeyInformation {
        unique_identifier: Identifier = UNIQUE_IDENTIFIER;
        cryptographic_parameters: Option<CryptographicParameters> = CRYPTOGRAPHIC_PARAMETERS;
    }

    /// 2.1 §7.13, 1.4 §2.1.6: how a client wants a key wrapped.
    pub struct KeyWrappingSpecification {
        wrapping_method: WrappingMethod = WRAPPING_METHOD;
        encryption_key_information: Option<EncryptionKeyInformation> = ENCRYPTION_KEY_INFORMATION;
        mac_signature_key_information: Option<MacSignatureKeyInformation> = MAC_SIGNATURE_KEY_INFORMATION;
        attribute_name: Vec<String> = ATTRIBUTE_NAME;
        encoding_option: Option<EncodingOption> = ENCODING_OPTION, since V1_1;
    }

    /// 2.1 §4.15, 1.4 §3.6.
    #[derive(Default)]
    pub struct CryptographicParameters {
        block_cipher_mode: Option<BlockCipherMode> = BLOCK_CIPHER_MODE;
        padding_method: Option<PaddingMethod> = PADDING_METHOD;
        hashing_algorithm: Option<HashingAlgorithm> = HASHING_ALGORITHM;
        key_role_type: Option<KeyRoleType> = KEY_ROLE_TYPE;
        digital_signature_algorithm: Option<DigitalSignatureAlgorithm> = DIGITAL_SIGNATURE_ALGORITHM, since V1_2;
        cryptographic_algorithm: Option<CryptographicAlgorithm> = CRYPTOGRAPHIC_ALGORITHM, since V1_2;
        random_iv: Option<bool> = RANDOM_IV, since V1_2;
        iv_length: Option<i32> = IV_LENGTH, since V1_2;
        tag_length: Option<i32> = TAG_LENGTH, since V1_2;
        fixed_field_length: Option<i32> = FIXED_FIELD_LENGTH, since V1_2;
        invocation_field_length: Option<i32> = INVOCATION_FIELD_LENGTH, since V1_2;
        counter_length: Option<i32> = COUNTER_LENGTH, since V1_2;
        initial_counter_value: Option<i32> = INITIAL_COUNTER_VALUE, since V1_2;
        salt_length: Option<i32> = SALT_LENGTH, since V1_4;
        mask_generator: Option<MaskGenerator> = MASK_GENERATOR, since V1_4;
        mask_generator_hashing_algorithm: Option<HashingAlgorithm> = MASK_GENERATOR_HASHING_ALGORITHM, since V1_4;
        p_source: Option<Bytes> = P_SOURCE, since V1_4;
        trailer_field: Option<i32> = TRAILER_FIELD, since V1_4;
    }
}

/// 2.1 §3.2: the key with its attributes, or, wrapped, the bytes that hold it.
#[derive(Clone, PartialEq)]
pub enum KeyValue {
    Wrapped(Bytes),
    Plain {
        material: KeyMaterial,
        attributes: Option<Attributes>,
    },
}

/// 2.1 §3.3: bytes, or the fields of a transparent key.
#[derive(Clone, PartialEq)]
pub enum KeyMaterial {
    Bytes(Bytes),
    /// TTLV of the Key Material structure.
    Transparent(Bytes),
}

impl std::fmt::Debug for KeyValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyValue")
    }
}

impl std::fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyMaterial")
    }
}

impl KeyMaterial {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        match &node.value {
            Value::ByteString(bytes) => Ok(KeyMaterial::Bytes(Zeroizing::new(bytes.to_vec()))),
            Value::Structure(_) => {
                let mut out = Zeroizing::new(Vec::with_capacity(ttlv::binary::encoded_len(node)));
                ttlv::binary::encode(node, &mut out);
                Ok(KeyMaterial::Transparent(out))
            }
            _ => Err(wrong_type(node, Kind::ByteString)),
        }
    }

    /// The stored bytes, whichever form.
    pub fn bytes(&self) -> &Bytes {
        match self {
            KeyMaterial::Bytes(bytes) | KeyMaterial::Transparent(bytes) => bytes,
        }
    }

    pub fn to_node(&self) -> Node<'_> {
        match self {
            KeyMaterial::Bytes(bytes) => Node::bytes(tag::KEY_MATERIAL, bytes.as_slice()),
            // Written by `read` or by the server's own conversion: what does not decode is an empty structure.
            KeyMaterial::Transparent(bytes) => {
                ttlv::binary::decode(bytes, &ttlv::Limits::default())
                    .unwrap_or_else(|_| Node::structure(tag::KEY_MATERIAL, Vec::new()))
            }
        }
    }
}

impl KeyValue {
    pub fn bytes(material: Bytes) -> Self {
        KeyValue::Plain {
            material: KeyMaterial::Bytes(material),
            attributes: None,
        }
    }
}

impl Item for KeyValue {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        match &node.value {
            Value::ByteString(bytes) => Ok(KeyValue::Wrapped(Zeroizing::new(bytes.to_vec()))),
            Value::Structure(_) => {
                let material = node
                    .child(tag::KEY_MATERIAL)
                    .ok_or_else(|| Malformed::Missing("Key Material".to_owned()))?;
                Ok(KeyValue::Plain {
                    material: KeyMaterial::read(material)?,
                    attributes: node
                        .child(tag::ATTRIBUTES)
                        .map(Attributes::read)
                        .transpose()?,
                })
            }
            _ => Err(wrong_type(node, Kind::Structure)),
        }
    }

    fn write(&self, version: Version) -> Result<Value<'_>, Inexpressible> {
        Ok(match self {
            KeyValue::Wrapped(bytes) => Value::ByteString(bytes.as_slice().into()),
            KeyValue::Plain {
                material,
                attributes,
            } => {
                let mut items = vec![material.to_node()];
                if let Some(attributes) = attributes {
                    items.push(Node::new(tag::ATTRIBUTES, attributes.write(version)?));
                }
                Value::Structure(items)
            }
        })
    }
}

/// Tag of a Key Material structure's only field for transparent symmetric keys (2.1 §3.3.1).
pub const TRANSPARENT_SYMMETRIC_FIELD: Tag = tag::KEY;
