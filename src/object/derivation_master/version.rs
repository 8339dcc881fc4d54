//! One version of a master as an object: its key and its attributes.

use ttlv::{Node, Value};

use super::super::creation::{self, Birth, Maker, Origin};
use super::super::managed::{Draft, Form};
use super::super::{material, state};
use super::make::{MasterError, Spec};
use super::{
    ANCHORED, COUNTER_HMAC_SHA256, LABEL, METHOD, NAME, PREFIX, SCOPE, VERSION, attribute, prefix,
};
use crate::engine::directory;
use crate::hsm::{Answer, Hsm, HsmError, KeyKind, Next, SecretSpec};
use crate::protocol::attributes::{Attribute, Attributes};
use crate::protocol::enumeration::{
    CryptographicAlgorithm, HashingAlgorithm, KeyFormatType, NameType, ObjectType, State,
};
use crate::protocol::key_block::KeyBlock;
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::object::{Object, SymmetricKey};
use crate::protocol::tag;
use crate::store::Store;
use crate::store::record::{Blob, Class};

pub(super) fn name_value(name: &str) -> Value<'static> {
    Value::Structure(vec![
        Node::text(tag::NAME_VALUE, name.to_owned()),
        Node::new(
            tag::NAME_TYPE,
            Value::Enumeration(NameType::UNINTERPRETED_TEXT_STRING.0),
        ),
    ])
}

/// One version: generated in the token and wrapped or left there, active from now on, for MAC and derivation only.
pub(super) async fn make(
    store: &Store,
    hsm: &Hsm,
    deployment: &str,
    spec: &Spec,
    version: u32,
    now: i64,
) -> Result<(Draft, Vec<Answer>), MasterError> {
    let identifier = uuid::Uuid::now_v7();
    let unique_identifier = identifier.to_string();
    let class = Class::Token;
    let object_type = ObjectType::SYMMETRIC_KEY;
    let keys = directory::keys(store, hsm, spec.tenant).await?;
    let binding = material::bound_to(
        deployment,
        spec.tenant,
        &unique_identifier,
        object_type,
        class,
    );
    let secret = SecretSpec {
        kind: KeyKind::Generic,
        length: super::LENGTH,
    };
    let (blob, answers) = match spec.anchored {
        true => anchor(hsm, spec, &unique_identifier, version).await?,
        false => {
            let blob = hsm.generate(&keys, secret, class, &binding).await?;
            (blob, Vec::new())
        }
    };
    let attributes = attributes(spec, version, *identifier.as_bytes(), now)?;
    let skeleton = Object::SymmetricKey(SymmetricKey {
        key_block: KeyBlock {
            key_format_type: KeyFormatType::RAW,
            key_compression_type: None,
            key_value: None,
            cryptographic_algorithm: Some(CryptographicAlgorithm::HMAC_SHA256),
            cryptographic_length: Some(256),
            key_wrapping_data: None,
        },
    });
    let birth = Birth {
        object_type,
        unique_identifier: &unique_identifier,
        class,
        format: Some(KeyFormatType::RAW),
        digestible: None,
        origin: Origin::Generated,
    };
    let maker = Maker {
        hsm,
        tenant: spec.tenant,
        owner: &spec.owner,
        now,
        lease_time: crate::engine::settings::Settings::default().lease_time,
    };
    let material = (Form::Bytes, Some(blob));
    let draft = creation::kept(&maker, &birth, skeleton, material, attributes);
    Ok((draft, answers))
}

/// The key as a token object; answers for other machines' tokens.
async fn anchor(
    hsm: &Hsm,
    spec: &Spec,
    unique_identifier: &str,
    version: u32,
) -> Result<(Blob, Vec<Answer>), MasterError> {
    let made = async {
        if !hsm.shares_masters() {
            let made = hsm.make_anchored(spec.tenant, unique_identifier, version);
            return Ok((made.await?, Vec::new()));
        }
        let label = hsm.anchored_label(spec.tenant, unique_identifier, version);
        let next = vec![Next::Anchored(spec.tenant, label)];
        let (here, elsewhere) = (spec.tokens.clone(), spec.elsewhere.clone());
        let answers = hsm.bring(next, here, elsewhere).await?;
        let blob = hsm.anchored_blob(spec.tenant, unique_identifier, version);
        Ok((blob, answers))
    };
    match made.await {
        // The token has no room: its words say what to do.
        Err(HsmError::BadInput(why)) => Err(MasterError::Refused(why)),
        other => Ok(other?),
    }
}

/// From now on it derives.
pub(super) fn activate(attributes: &mut Attributes, now: i64) {
    attributes.set(tag::ACTIVATION_DATE, Value::DateTime(now));
    state::set(attributes, State::ACTIVE);
}

fn attributes(
    spec: &Spec,
    version: u32,
    identifier: [u8; 16],
    now: i64,
) -> Result<Attributes, MasterError> {
    let number = i32::try_from(version)
        .map_err(|_| MasterError::Refused("there are no more versions".to_owned()))?;
    let mask = CryptographicUsageMask::MAC_GENERATE | CryptographicUsageMask::DERIVE_KEY;
    let algorithm = Value::Enumeration(CryptographicAlgorithm::HMAC_SHA256.0);
    // For clients that name no algorithm (PyKMIP's mac() without one).
    let parameters = Value::Structure(vec![
        Node::new(
            tag::HASHING_ALGORITHM,
            Value::Enumeration(HashingAlgorithm::SHA_256.0),
        ),
        Node::new(tag::CRYPTOGRAPHIC_ALGORITHM, algorithm.clone()),
    ]);
    let versioned = format!("{}/v{version}", spec.name);
    let mut attributes = Attributes::default();
    for (tag, value) in [
        (tag::NAME, name_value(&spec.name)),
        (tag::NAME, name_value(&versioned)),
        (tag::CRYPTOGRAPHIC_ALGORITHM, algorithm),
        (tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(256)),
        (tag::CRYPTOGRAPHIC_PARAMETERS, parameters),
        (
            tag::CRYPTOGRAPHIC_USAGE_MASK,
            Value::Integer(mask.to_integer()),
        ),
        (tag::SENSITIVE, Value::Boolean(true)),
        (tag::EXTRACTABLE, Value::Boolean(false)),
        (tag::QUANTUM_SAFE, Value::Boolean(true)),
    ] {
        attributes.add(Attribute::standard(tag, value));
    }
    match spec.elsewhere.is_empty() {
        true => activate(&mut attributes, now),
        // Nobody uses it before all tokens have it.
        false => state::set(&mut attributes, State::PRE_ACTIVE),
    }
    let text = |text: &str| Value::TextString(text.to_owned().into());
    let prefix = prefix(spec.label, spec.tenant.0, identifier, version);
    attributes.add(attribute(METHOD, text(COUNTER_HMAC_SHA256)));
    attributes.add(attribute(NAME, text(&spec.name)));
    attributes.add(attribute(VERSION, Value::Integer(number)));
    attributes.add(attribute(LABEL, text(spec.label.word())));
    for scope in &spec.scopes {
        attributes.add(attribute(SCOPE, text(scope)));
    }
    if spec.anchored {
        attributes.add(attribute(ANCHORED, Value::Boolean(true)));
    }
    attributes.add(attribute(PREFIX, Value::ByteString(prefix.into())));
    Ok(attributes)
}
