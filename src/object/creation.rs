//! How an object comes to be: which attributes a request may bring, which the server adds.

use sha2::{Digest as _, Sha256};
use ttlv::{Node, Tag, Value};

use super::managed::{Draft, Form, Sealed};
use super::{application, usage_limits};
use crate::engine::client_profile::Deviation;
use crate::engine::context::Context;
use crate::engine::directory::Caller;
use crate::engine::error::{Fault, Reason};
use crate::hsm::Hsm;
use crate::protocol::attribute::{AttributeRow, SetBy};
use crate::protocol::attributes::{Attribute, AttributeReference, Attributes};
use crate::protocol::enumeration::{HashingAlgorithm, KeyFormatType, ObjectType, State};
use crate::protocol::mask::ProtectionStorageMask;
use crate::protocol::object::{OBJECTS, Object};
use crate::protocol::structure::spoken;
use crate::protocol::tag;
use crate::protocol::version::Version;
use crate::store::record::{Blob, Class, TenantId};

/// The vendor attribute by which a client asks for a class: `x-keyward-class` in 1.x.
pub const CLASS_VENDOR: &str = "x";
pub const CLASS_NAME: &str = "keyward-class";

/// What only the server knows: no request that makes an object may bring it. ("Initially set by"
/// in the standard's tables does not tell: it names the server for attributes that Create demands.)
pub static KEPT_BY_SERVER: &[Tag] = &[
    tag::UNIQUE_IDENTIFIER,
    tag::STATE,
    tag::DIGEST,
    tag::INITIAL_DATE,
    tag::LAST_CHANGE_DATE,
    tag::DESTROY_DATE,
    tag::COMPROMISE_DATE,
    tag::COMPROMISE_OCCURRENCE_DATE,
    tag::REVOCATION_REASON,
    tag::ARCHIVE_DATE,
    tag::LEASE_TIME,
    tag::ALWAYS_SENSITIVE,
    tag::NEVER_EXTRACTABLE,
    tag::KEY_VALUE_PRESENT,
    tag::SHORT_UNIQUE_IDENTIFIER,
    tag::PROTECTION_STORAGE_MASK,
    tag::ROTATE_DATE,
    tag::ROTATE_GENERATION,
    tag::ROTATE_LATEST,
];

/// Attributes that a request sets on a new object, checked against the rules (2.1 §4, 1.4 §3).
pub fn admit(
    version: Version,
    object_type: ObjectType,
    requested: &Attributes,
) -> Result<Attributes, Fault> {
    let mut admitted = Attributes::default();
    for attribute in requested
        .iter()
        .filter(|attribute| !is_misplaced(attribute))
    {
        if let Some(row) = standard_row(attribute)? {
            if KEPT_BY_SERVER.contains(&row.tag) {
                return Err(Fault::new(
                    Reason::AttributeReadOnly,
                    format!("{} is set by the server only; leave it out", row.name),
                ));
            }
            check_value(row, object_type, version, &attribute.value)?;
            if !row.permits_many(object_type) && admitted.has(row.tag) {
                return Err(single_valued(row));
            }
        }
        let mut attribute = attribute.clone();
        if attribute.is(tag::USAGE_LIMITS) {
            usage_limits::without_count(&mut attribute.value);
        }
        application::complete(&mut attribute)?;
        admitted.add(attribute);
    }
    Ok(admitted)
}

/// A field of the standard that is no attribute, such as Storage Status Mask: keyring_okv sends that
/// among the attributes of Create.
fn is_misplaced(attribute: &Attribute) -> bool {
    match &attribute.reference {
        AttributeReference::Standard(tag) => crate::protocol::attribute::by_tag(*tag).is_none(),
        AttributeReference::Vendor(name) => {
            name.vendor.is_empty() && tag::TAGS.iter().any(|row| row.spoken == name.name)
        }
    }
}

pub fn single_valued(row: &AttributeRow) -> Fault {
    Fault::new(
        Reason::AttributeSingleValued,
        format!("{} can have one value only", row.name),
    )
}

/// The row of a standard attribute; None for vendor attributes and for tags that are no attributes.
pub fn standard_row(attribute: &Attribute) -> Result<Option<&'static AttributeRow>, Fault> {
    match &attribute.reference {
        AttributeReference::Standard(tag) => Ok(crate::protocol::attribute::by_tag(*tag)),
        AttributeReference::Vendor(name) if name.vendor.is_empty() => Err(Fault::new(
            Reason::InvalidAttribute,
            format!(
                "{:?} is no attribute of the standard; custom ones begin with x-",
                name.name
            ),
        )),
        // 1.4 §3.36: y- attributes are the server's.
        AttributeReference::Vendor(name) if name.vendor == "y" => Err(Fault::new(
            Reason::AttributeReadOnly,
            format!(
                "y-{} is the server's to set; a client's custom attributes begin with x-",
                name.name
            ),
        )),
        AttributeReference::Vendor(_) => Ok(None),
    }
}

/// Whether a value fits the attribute and the attribute the type of object.
pub fn check_value(
    row: &AttributeRow,
    object_type: ObjectType,
    version: Version,
    value: &Value<'_>,
) -> Result<(), Fault> {
    // "Applies to" is narrower before 2.0 than what clients of 1.x send; the newest table decides too.
    if !row.applies_to(object_type, version) && !row.applies_to(object_type, Version::NEWEST) {
        return Err(Fault::new(
            Reason::InvalidAttribute,
            format!(
                "{} does not apply to objects of type {object_type}",
                row.name
            ),
        ));
    }
    if !row.shape.accepts(value.kind(), version) {
        return Err(Fault::new(
            Reason::InvalidAttributeValue,
            format!("{} is not of type {}", row.name, value.kind().name()),
        ));
    }
    if let Value::Structure(given) = value
        && let crate::protocol::attribute::Shape::Structure(fields) = row.shape
    {
        for field in fields {
            let missing = field.required.at(version) == crate::protocol::attribute::Required::Yes
                && given.iter().all(|item| item.tag != field.tag);
            if missing && row.set_by != SetBy::ClientOrServerIfDataOmitted {
                return Err(Fault::new(
                    Reason::InvalidAttributeValue,
                    format!("{} lacks its field {}", row.name, spoken(field.tag)),
                ));
            }
        }
    }
    Ok(())
}

/// Where a new object comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Made by this server, with the token's generator.
    Generated,
    /// Computed by this server from another object.
    Derived,
    /// The client's (Register).
    Registered,
    /// Another server's, which says what it knows (Import).
    Imported,
    /// The same, but this server took it out of its wrapping: what it was before is not known.
    Unwrapped,
}

/// What the server knows of the new object.
#[derive(Debug)]
pub struct Birth<'a> {
    pub object_type: ObjectType,
    pub unique_identifier: &'a str,
    pub class: Class,
    /// Key Format Type of what is kept, where there is a key block.
    pub format: Option<KeyFormatType>,
    /// Bytes over which the Digest goes; None where the server cannot see them.
    pub digestible: Option<&'a [u8]>,
    pub origin: Origin,
}

/// Who makes an object, when and where: a request's context, or an administrator's command.
#[derive(Clone, Copy, Debug)]
pub struct Maker<'a> {
    pub hsm: &'a Hsm,
    pub tenant: TenantId,
    pub owner: &'a str,
    /// Seconds since 1970.
    pub now: i64,
    /// In seconds.
    pub lease_time: u32,
}

/// Adds what the standard has the server set at creation or registration.
fn complete(maker: &Maker<'_>, birth: &Birth<'_>, attributes: &mut Attributes) {
    let now = Value::DateTime(maker.now);
    let imported = matches!(birth.origin, Origin::Imported | Origin::Unwrapped);
    attributes.set(
        tag::UNIQUE_IDENTIFIER,
        Value::TextString(birth.unique_identifier.to_owned().into()),
    );
    attributes.set(tag::OBJECT_TYPE, Value::Enumeration(birth.object_type.0));
    if has_states(birth.object_type) {
        attributes.set_if_absent(tag::STATE, Value::Enumeration(State::PRE_ACTIVE.0));
    }
    if !imported {
        attributes.remove(tag::LAST_CHANGE_DATE);
        attributes.remove(tag::SHORT_UNIQUE_IDENTIFIER);
    }
    attributes.set_if_absent(tag::INITIAL_DATE, now.clone());
    attributes.set_if_absent(tag::LAST_CHANGE_DATE, now.clone());
    attributes.set_if_absent(
        tag::SHORT_UNIQUE_IDENTIFIER,
        short_identifier(birth.unique_identifier),
    );
    attributes.set_if_absent(tag::LEASE_TIME, Value::Interval(maker.lease_time));
    attributes.set_if_absent(tag::FRESH, Value::Boolean(true));
    if birth.origin == Origin::Generated {
        attributes.set_if_absent(tag::RANDOM_NUMBER_GENERATOR, maker.hsm.generator());
    }
    if matches!(birth.origin, Origin::Generated | Origin::Derived) {
        attributes.set_if_absent(tag::ORIGINAL_CREATION_DATE, now);
    }
    if let Some(format) = birth.format {
        attributes.set(tag::KEY_FORMAT_TYPE, Value::Enumeration(format.0));
    }
    if let Some(bytes) = birth.digestible {
        attributes.remove(tag::DIGEST);
        attributes.add(Attribute::standard(
            tag::DIGEST,
            digest(bytes, birth.format),
        ));
    }
    attributes.set(
        tag::PROTECTION_STORAGE_MASK,
        Value::Integer(protection(maker.hsm, birth.class).to_integer()),
    );
    if is_cryptographic(birth.object_type) {
        attributes.set_if_absent(tag::CRYPTOGRAPHIC_USAGE_MASK, Value::Integer(0));
    }
    protection_flags(birth, attributes);
    if birth.format.is_some() {
        let present = birth.digestible.is_some() || birth.class == Class::Token;
        attributes.set(tag::KEY_VALUE_PRESENT, Value::Boolean(present));
    }
    if birth.object_type == ObjectType::TEMPLATE {
        // It has none of what only keys and secrets have (1.4 §3, "Applies to").
        let version = newest_with(birth.object_type);
        attributes.0.retain(|attribute| {
            let row = attribute.reference.row();
            row.is_none_or(|row| row.applies_to(birth.object_type, version))
        });
    }
}

/// Protection Storage Mask of a class (2.1 §4.43): only what stays in the token has the token's
/// protection; anything else is in clear in the server's memory for moments.
pub fn protection(hsm: &Hsm, class: Class) -> ProtectionStorageMask {
    match class {
        Class::Token => hsm.protection(),
        Class::Served | Class::Cached => ProtectionStorageMask::SOFTWARE,
    }
}

/// The object as it will be kept: the requester's, with its attributes completed.
pub fn keep(
    context: &Context,
    birth: &Birth<'_>,
    skeleton: Object,
    material: (Form, Option<Blob>),
    mut attributes: Attributes,
) -> Draft {
    let imported = matches!(birth.origin, Origin::Imported | Origin::Unwrapped);
    if !imported
        && has_states(birth.object_type)
        && context.caller.deviates(Deviation::ActiveWhenMade)
    {
        attributes.set_if_absent(tag::ACTIVATION_DATE, Value::DateTime(context.now));
    }
    let maker = Maker {
        hsm: &context.engine.hsm,
        tenant: context.tenant(),
        owner: &context.caller.identity.name,
        now: context.now,
        lease_time: context.engine.settings.lease_time,
    };
    kept(&maker, birth, skeleton, material, attributes)
}

/// [`keep`] without a request.
pub fn kept(
    maker: &Maker<'_>,
    birth: &Birth<'_>,
    skeleton: Object,
    (form, blob): (Form, Option<Blob>),
    mut attributes: Attributes,
) -> Draft {
    complete(maker, birth, &mut attributes);
    let mut draft = Draft::new(
        maker.tenant,
        maker.owner,
        birth.unique_identifier.to_owned(),
        birth.class,
        skeleton,
        form,
        blob,
    );
    draft.attributes = attributes;
    draft.made_here = birth.origin == Origin::Generated;
    draft
}

/// Sensitive, Extractable and what remembers them (2.1 §4.3, §4.23, §4.33, §4.55).
fn protection_flags(birth: &Birth<'_>, attributes: &mut Attributes) {
    attributes.set_if_absent(tag::SENSITIVE, Value::Boolean(birth.class == Class::Token));
    attributes.set_if_absent(tag::EXTRACTABLE, Value::Boolean(true));
    let sensitive = attributes.boolean(tag::SENSITIVE).unwrap_or(false);
    let extractable = attributes.boolean(tag::EXTRACTABLE).unwrap_or(true);
    // What came out of a wrapping was once elsewhere (DESIGN §4.3).
    let known = birth.origin != Origin::Unwrapped;
    attributes.set(tag::ALWAYS_SENSITIVE, Value::Boolean(sensitive && known));
    attributes.set(
        tag::NEVER_EXTRACTABLE,
        Value::Boolean(!extractable && known),
    );
}

/// Digest over the kept bytes, with SHA-256 (1.4 §3.17, 2.1 §4.21).
pub fn digest(bytes: &[u8], format: Option<KeyFormatType>) -> Value<'static> {
    let mut fields = vec![
        Node::new(
            tag::HASHING_ALGORITHM,
            Value::Enumeration(HashingAlgorithm::SHA_256.0),
        ),
        Node::bytes(tag::DIGEST_VALUE, Sha256::digest(bytes).to_vec()),
    ];
    if let Some(format) = format {
        fields.push(Node::new(
            tag::KEY_FORMAT_TYPE,
            Value::Enumeration(format.0),
        ));
    }
    Value::Structure(fields)
}

/// Short Unique Identifier (2.1 §4.56): SHA-256 of the Unique Identifier.
fn short_identifier(identifier: &str) -> Value<'static> {
    Value::ByteString(Sha256::digest(identifier.as_bytes()).to_vec().into())
}

/// The newest version that has objects of this type: its table says which attributes they have.
fn newest_with(object_type: ObjectType) -> Version {
    OBJECTS
        .iter()
        .find(|(known, ..)| *known == object_type)
        .and_then(|(.., versions)| versions.until)
        .unwrap_or(Version::NEWEST)
}

/// Objects with a life cycle (2.1 §4.57 "Applies to").
pub fn has_states(object_type: ObjectType) -> bool {
    crate::protocol::attribute::by_tag(tag::STATE)
        .is_some_and(|row| row.applies_to(object_type, newest_with(object_type)))
}

/// Managed Cryptographic Objects (2.1 §2).
pub fn is_cryptographic(object_type: ObjectType) -> bool {
    crate::protocol::attribute::by_tag(tag::CRYPTOGRAPHIC_USAGE_MASK)
        .is_some_and(|row| row.applies_to(object_type, newest_with(object_type)))
}

/// A new Unique Identifier: 128 random bits in UUID form, ordered by time.
pub fn new_identifier() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// Adds a Link, unless it is there.
pub fn link(attributes: &mut Attributes, link_type: u32, to: &str) {
    let value = Value::Structure(vec![
        Node::new(tag::LINK_TYPE, Value::Enumeration(link_type)),
        Node::text(tag::LINKED_OBJECT_IDENTIFIER, to.to_owned()),
    ]);
    if attributes.values(tag::LINK).all(|other| *other != value) {
        attributes.add(Attribute::standard(tag::LINK, value));
    }
}

/// The class that a request asks for; *served* when it does not (DESIGN §4.3).
pub fn class_asked(attributes: &Attributes) -> Result<Class, Fault> {
    Ok(class_named(attributes)?.unwrap_or(Class::Served))
}

/// The class of a new object: the one that its attributes name, else that of the client's profile,
/// else the tenant's, else *served* (DESIGN §4.3).
///
/// # Errors
/// Permission Denied for class *cached* where the tenant does not allow it.
pub fn class_of_new(caller: &Caller, attributes: &Attributes) -> Result<Class, Fault> {
    let named = class_named(attributes)?;
    let class = named.unwrap_or_else(|| preferred(caller));
    match (class, caller.tenant.settings.classes.cached) {
        (Class::Cached, false) if named.is_some() => Err(Fault::new(
            Reason::PermissionDenied,
            "the tenant does not allow keys of class cached; an administrator can: keyward tenant class NAME --allow cached",
        )),
        (Class::Cached, false) => Ok(Class::Served),
        (class, _) => Ok(class),
    }
}

fn preferred(caller: &Caller) -> Class {
    if caller.deviates(Deviation::KeysInToken) {
        return Class::Token;
    }
    if caller.deviates(Deviation::KeysCached) {
        return Class::Cached;
    }
    let preferred = caller.tenant.settings.classes.preferred;
    preferred.unwrap_or(Class::Served)
}

/// The same for material that came in clear, or that the server computed: it has been outside the
/// token, and goes there only where the request says so.
///
/// # Errors
/// As [`class_of_new`].
pub fn class_of_clear(
    caller: &Caller,
    object_type: ObjectType,
    attributes: &Attributes,
) -> Result<Class, Fault> {
    let used = matches!(
        object_type,
        ObjectType::SYMMETRIC_KEY | ObjectType::SECRET_DATA | ObjectType::PRIVATE_KEY
    );
    match class_of_new(caller, attributes)? {
        Class::Token => class_asked(attributes),
        Class::Cached if !used => Ok(Class::Served),
        class => Ok(class),
    }
}

/// Whether an attribute is the one that names the class.
pub fn names_class(reference: &AttributeReference) -> bool {
    matches!(reference, AttributeReference::Vendor(name)
        if name.vendor == CLASS_VENDOR && name.name == CLASS_NAME)
}

/// The class that attributes name, if they do.
pub fn class_named(attributes: &Attributes) -> Result<Option<Class>, Fault> {
    let named = attributes
        .iter()
        .find(|attribute| names_class(&attribute.reference));
    let Some(Value::TextString(name)) = named.map(|attribute| &attribute.value) else {
        return Ok(None);
    };
    match Class::named(name) {
        Some(class) => Ok(Some(class)),
        None => Err(Fault::new(
            Reason::InvalidAttributeValue,
            format!("x-keyward-class is {name:?}; expected \"token\", \"served\" or \"cached\""),
        )),
    }
}

/// A derived object is no less protected than its strictest base (DESIGN §4.3): sensitive, not
/// extractable and of class *token* where one of them is. Answers the class.
pub fn inherit(
    caller: &Caller,
    bases: &[Sealed],
    object_type: ObjectType,
    attributes: &mut Attributes,
) -> Result<Class, Fault> {
    let in_token = bases.iter().any(|base| {
        // A public key has nothing to protect.
        base.class == Class::Token && base.object_type() != ObjectType::PUBLIC_KEY
    });
    let sensitive = |base: &Sealed| base.attributes.boolean(tag::SENSITIVE) == Some(true);
    let stays = |base: &Sealed| base.attributes.boolean(tag::EXTRACTABLE) == Some(false);
    // A key of class token leaves only wrapped, whatever its attribute says.
    if in_token || bases.iter().any(sensitive) {
        attributes.set(tag::SENSITIVE, Value::Boolean(true));
    }
    if bases.iter().any(stays) {
        attributes.set(tag::EXTRACTABLE, Value::Boolean(false));
    }
    let cached = |base: &Sealed| base.class == Class::Cached;
    match class_of_clear(caller, object_type, attributes)? {
        _ if in_token => Ok(Class::Token),
        // Nobody said of the base that it may stay in memory.
        Class::Cached if !bases.iter().all(cached) => Ok(Class::Served),
        asked => Ok(asked),
    }
}

/// A required attribute of a request.
pub fn required<T>(value: Option<T>, tag: Tag) -> Result<T, Fault> {
    value.ok_or_else(|| {
        Fault::new(
            Reason::InvalidMessage,
            format!("the attribute {} is missing", spoken(tag)),
        )
    })
}
