//! Private keys in PKCS#12 containers: opened when they are registered, made when they are asked for (1.4 §4.11,
//! 2.1 §6.1.19, §4.39). The password is a Secret Data object that the PKCS#12 Password Link names.

use tokio::sync::Semaphore;
use ttlv::Value;
use zeroize::Zeroizing;

use super::admission;
use super::creation::{self, Origin};
use super::format::{
    Certificate as X509, Container, ContainerError, Format, Hint, LONGEST_CHAIN, PrivateKey,
};
use super::inspection;
use super::managed::{Managed, Sealed};
use super::usage;
use super::{conversion, material};
use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{
    CertificateType, KeyFormatType, LinkType, ObjectType, SecretDataType, State,
};
use crate::protocol::key_block::{KeyMaterial, KeyValue};
use crate::protocol::object::{Certificate, Object};
use crate::protocol::tag;

/// The name in a container where the object has none (2.1 §4.39).
const ALIAS: &str = "alias";

impl From<ContainerError> for Fault {
    fn from(error: ContainerError) -> Self {
        let reason = match error {
            ContainerError::Password => Reason::BadPassword,
            ContainerError::Rounds | ContainerError::NotItsCertificate => Reason::InvalidField,
            ContainerError::Format(error) => return error.into(),
        };
        Fault::new(reason, error.to_string())
    }
}

/// A private key that comes in a container becomes a PKCS#8 one; answers the certificates that were with it, the
/// key's first. Everything else stays as it is.
pub async fn open(
    context: &mut Context,
    object: &mut Object,
    attributes: &mut Attributes,
) -> Result<Vec<Vec<u8>>, Fault> {
    let Object::PrivateKey(key) = object else {
        return Ok(Vec::new());
    };
    let block = &mut key.key_block;
    if block.key_format_type != KeyFormatType::PKCS_12 || block.key_wrapping_data.is_some() {
        return Ok(Vec::new());
    }
    let der = match &block.key_value {
        Some(KeyValue::Plain {
            material: KeyMaterial::Bytes(bytes),
            ..
        }) => bytes.clone(),
        // Only the attributes are given.
        None => return Ok(Vec::new()),
        Some(_) => {
            return Err(Fault::new(
                Reason::InvalidField,
                "the Key Material of a PKCS#12 container is a byte string",
            ));
        }
    };
    let password = password(context, attributes).await?;
    let opened = run(move || Container::open(&der, &password)).await?;
    let pkcs8 = opened.private_key.ok_or_else(|| {
        Fault::new(
            Reason::InvalidField,
            "the PKCS#12 container holds no private key",
        )
    })?;
    name(attributes, opened.friendly_name)?;
    let parsed = PrivateKey::parse(Format::Pkcs8, &pkcs8, Hint::default())?;
    block.key_format_type = KeyFormatType::PKCS_8;
    block.cryptographic_algorithm = block
        .cryptographic_algorithm
        .or_else(|| inspection::key_algorithm(parsed.algorithm()));
    block.cryptographic_length = block
        .cryptographic_length
        .or_else(|| parsed.bits().and_then(|bits| i32::try_from(bits).ok()));
    block.key_value = Some(KeyValue::bytes(pkcs8));
    Ok(opened.chain)
}

/// The friendly name: the client's must be the one found; without one the one found is recorded (2.1 §4.39).
fn name(attributes: &mut Attributes, found: Option<String>) -> Result<(), Fault> {
    let Some(found) = found else {
        return Ok(());
    };
    if let Some(Value::TextString(wanted)) = attributes.get(tag::PKCS_12_FRIENDLY_NAME)
        && wanted.to_lowercase() != found.to_lowercase()
    {
        return Err(Fault::new(
            Reason::InvalidField,
            "the first private key of the PKCS#12 container has another friendly name; send a container with that key alone",
        ));
    }
    attributes.set_if_absent(tag::PKCS_12_FRIENDLY_NAME, Value::TextString(found.into()));
    Ok(())
}

/// Registers the certificates of a container, each linked to its issuer's, and links the key to its own.
pub async fn register_chain(
    context: &mut Context,
    chain: Vec<Vec<u8>>,
    origin: Origin,
    key: &mut Attributes,
) -> Result<(), Fault> {
    let mut issuer: Option<String> = None;
    let last = chain.len().saturating_sub(1);
    for (place, der) in chain.into_iter().rev().enumerate() {
        let unique_identifier = creation::new_identifier();
        let mut attributes = Attributes::default();
        if let Some(issuer) = &issuer {
            for link in [
                LinkType::CERTIFICATE_LINK,
                LinkType::PKCS_12_CERTIFICATE_LINK,
            ] {
                creation::link(&mut attributes, link.0, issuer);
            }
        }
        if place == last
            && let Some(name) = key.get(tag::PKCS_12_FRIENDLY_NAME)
        {
            attributes.set(tag::PKCS_12_FRIENDLY_NAME, name.clone());
        }
        if let Ok(parsed) = X509::parse(&der) {
            // TC-PKCS12-2 shows the serial number of these without its DER header; other cases have it.
            attributes.set(
                tag::X_509_CERTIFICATE_IDENTIFIER,
                inspection::certificate_identifier(&parsed, &parsed.serial),
            );
        }
        let object = Object::Certificate(Certificate {
            certificate_type: CertificateType::X_509,
            certificate_value: der.into(),
        });
        // A new object, also where the key replaces one.
        Box::pin(admission::admit(
            context,
            &unique_identifier,
            object,
            attributes,
            origin,
            None,
        ))
        .await?;
        issuer = Some(unique_identifier);
    }
    if let Some(own) = issuer {
        creation::link(key, LinkType::PKCS_12_CERTIFICATE_LINK.0, &own);
    }
    Ok(())
}

/// Puts a private key (as PKCS#8) or a certificate that is about to leave into a container.
pub async fn make(context: &mut Context, object: &Sealed, whole: &mut Object) -> Result<(), Fault> {
    let password = password(context, &object.attributes).await?;
    let friendly_name = match object.attributes.get(tag::PKCS_12_FRIENDLY_NAME) {
        Some(Value::TextString(name)) => name.to_string(),
        _ => ALIAS.to_owned(),
    };
    let private_key = match whole.key_block() {
        Some(block) => match &block.key_value {
            Some(KeyValue::Plain { material, .. }) => {
                let key = conversion::private_key(block, &object.attributes, material)?;
                Some(key.write(Format::Pkcs8)?)
            }
            _ => {
                return Err(Fault::new(
                    Reason::KeyFormatTypeNotSupported,
                    "a wrapped key cannot be put into a PKCS#12 container",
                ));
            }
        },
        None => None,
    };
    let container = Container {
        private_key,
        chain: chain(context, object).await?,
        friendly_name: Some(friendly_name),
    };
    let made = Zeroizing::new(run(move || container.make(&password)).await?);
    if let Some(value) = whole.value_mut() {
        *value = made;
    } else if let Some(block) = whole.key_block_mut() {
        block.key_format_type = KeyFormatType::PKCS_12;
        block.key_value = Some(KeyValue::bytes(made));
        // Both stand in the container (2.1 §3.1; TC-PKCS12-1).
        block.cryptographic_algorithm = None;
        block.cryptographic_length = None;
    }
    Ok(())
}

/// Whether an object can be given in a container.
pub fn is_for(object: &Managed) -> bool {
    match &object.skeleton {
        Object::PrivateKey(_) => true,
        Object::Certificate(certificate) => certificate.certificate_type == CertificateType::X_509,
        _ => false,
    }
}

/// Containers that are computed at a time: each takes a processor for as long as its rounds last.
static PLACES: Semaphore = Semaphore::const_new(2);

async fn run<T: Send + 'static>(
    job: impl FnOnce() -> Result<T, ContainerError> + Send + 'static,
) -> Result<T, Fault> {
    let _place = PLACES.acquire().await;
    match tokio::task::spawn_blocking(job).await {
        Ok(result) => Ok(result?),
        Err(error) => {
            tracing::error!(%error, "PKCS#12");
            Err(Fault::new(
                Reason::Internal,
                "the container was not computed",
            ))
        }
    }
}

/// The password: of the one Secret Data object that is linked, and active (1.4 §11.4, 2.1 §12).
async fn password(
    context: &mut Context,
    attributes: &Attributes,
) -> Result<Zeroizing<String>, Fault> {
    let bad = |what| Fault::new(Reason::BadPassword, what);
    let links = links(attributes, LinkType::PKCS_12_PASSWORD_LINK);
    let [identifier] = links.as_slice() else {
        return Err(bad(
            "PKCS#12 needs exactly one PKCS#12 Password Link, to a Secret Data object",
        ));
    };
    let secret = context
        .object_named(identifier, Permission::Get, Destroyed::Refused)
        .await?;
    let is_password = matches!(&secret.skeleton, Object::SecretData(data)
        if data.secret_data_type == SecretDataType::PASSWORD);
    if !is_password {
        return Err(bad(
            "the PKCS#12 Password Link names no Secret Data object of type Password",
        ));
    }
    if secret.state(context.now) != State::ACTIVE {
        return Err(Fault::new(
            Reason::PasswordNotActive,
            "the Secret Data object of the PKCS#12 Password Link is not active; activate it",
        ));
    }
    let bytes = Box::pin(usage::raw_bytes(context, &secret)).await?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(bad("the PKCS#12 password is not UTF-8")),
    }
}

/// The certificate chain of a private key: by its own PKCS#12 Certificate Link (TC-PKCS12-1), else by its public
/// key's; then by each certificate's link to its issuer's. Of a certificate, its own.
async fn chain(context: &mut Context, object: &Sealed) -> Result<Vec<Vec<u8>>, Fault> {
    let mut next = match object.object_type() {
        ObjectType::CERTIFICATE => Some(object.unique_identifier.clone()),
        _ => match next_of(&object.attributes, &object.unique_identifier)? {
            Some(certificate) => Some(certificate),
            None => match links(&object.attributes, LinkType::PUBLIC_KEY_LINK).first() {
                Some(public) => {
                    let public = context
                        .object_named(public, Permission::GetAttributes, Destroyed::Allowed)
                        .await?;
                    next_of(&public.attributes, &public.unique_identifier)?
                }
                None => None,
            },
        },
    };
    let mut chain: Vec<Vec<u8>> = Vec::new();
    while let Some(identifier) = next.take() {
        let certificate = context
            .object_named(&identifier, Permission::Get, Destroyed::Refused)
            .await?;
        let (Object::Certificate(_), Some(blob)) = (&certificate.skeleton, &certificate.blob)
        else {
            return Err(Fault::new(
                Reason::InvalidField,
                "a link of the certificate chain leads to what is no certificate",
            ));
        };
        let binding = material::binding(&context.engine.deployment, &certificate);
        let keys = &context.caller.tenant.keys;
        let der = context.engine.hsm.open_sealed(keys, &binding, blob).await?;
        if chain.contains(&*der) {
            break;
        }
        if chain.len() >= LONGEST_CHAIN {
            return Err(Fault::new(
                Reason::InvalidField,
                format!("the certificate chain is longer than {LONGEST_CHAIN}"),
            ));
        }
        chain.push(der.to_vec());
        next = next_of(&certificate.attributes, &identifier)?;
    }
    Ok(chain)
}

/// The next certificate. "It is an error if there is more than one valid certificate chain" (2.1 §6.1.19).
fn next_of(attributes: &Attributes, own: &str) -> Result<Option<String>, Fault> {
    let mut found = links(attributes, LinkType::PKCS_12_CERTIFICATE_LINK);
    if found.is_empty() {
        found = links(attributes, LinkType::CERTIFICATE_LINK);
    }
    // A root may link to itself.
    found.retain(|identifier| identifier != own);
    found.dedup();
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        _ => Err(Fault::new(
            Reason::InvalidField,
            "there is more than one certificate chain; leave one PKCS#12 Certificate Link on each object",
        )),
    }
}

fn links(attributes: &Attributes, link_type: LinkType) -> Vec<String> {
    attributes
        .values(tag::LINK)
        .filter_map(|link| {
            let Value::Structure(fields) = link else {
                return None;
            };
            let field = |tag| fields.iter().find(|field| field.tag == tag);
            match (
                &field(tag::LINK_TYPE)?.value,
                &field(tag::LINKED_OBJECT_IDENTIFIER)?.value,
            ) {
                (Value::Enumeration(number), Value::TextString(text)) if *number == link_type.0 => {
                    Some(text.to_string())
                }
                _ => None,
            }
        })
        .collect()
}
