//! A client's credential gives way to another one (2.1 §6.1.48): the new certificate's mapping and
//! the end of the old one's stand in one commit.

use rustls_pki_types::CertificateDer;

use super::context::{Context, unsound};
use super::directory::{fingerprint_key, key_of_fingerprint};
use super::entity::{self, EntityError, Verified};
use super::error::{Fault, Reason};
use super::tenant::Mapping;
use crate::store::record::{EntityKind, TenantId};

fn fault(error: EntityError) -> Fault {
    match error {
        EntityError::Store(error) => error.into(),
        EntityError::Unsound(error) => unsound("mapping", &error),
    }
}

/// Whether a certificate (DER) can be a credential at `now`, in seconds since 1970.
fn usable(certificate: &CertificateDer<'_>, now: i64) -> Result<(), Fault> {
    let (rest, parsed) = x509_parser::parse_x509_certificate(certificate)
        .map_err(|_| Fault::new(Reason::InvalidField, "the certificate is no X.509 (DER)"))?;
    let validity = parsed.validity();
    let valid = validity.not_before.timestamp() <= now && now <= validity.not_after.timestamp();
    if !rest.is_empty() || !valid {
        return Err(Fault::new(
            Reason::InvalidField,
            "the certificate is not valid now, or more than one; send one that is",
        ));
    }
    Ok(())
}

/// Makes `certificate` (DER) the caller's credential, in the place of the one that it shows.
///
/// # Errors
/// Invalid Field where it cannot be a credential, Permission Denied where it is or was one, or
/// where the one that is shown has expired.
pub async fn replace(context: &mut Context, certificate: &[u8]) -> Result<(), Fault> {
    let certificate = CertificateDer::from(certificate);
    usable(&certificate, context.now)?;
    let shown = context
        .caller
        .credential
        .ok_or_else(|| Fault::new(Reason::PermissionDenied, "the caller shows no certificate"))?;
    if shown.not_after.is_some_and(|end| end < context.now) {
        return Err(Fault::new(
            Reason::PermissionDenied,
            "the certificate that this connection shows has expired; an administrator can register another",
        ));
    }
    let (old, new) = (
        key_of_fingerprint(&shown.fingerprint),
        fingerprint_key(&certificate),
    );
    if mapping(context, &new).await?.is_some() {
        return Err(Fault::new(
            Reason::PermissionDenied,
            "the certificate is or was a credential here; send a new one",
        ));
    }
    let before = mapping(context, &old).await?;
    if before
        .as_ref()
        .is_some_and(|row| row.body.retired.is_some())
    {
        // Another request was first.
        return Err(Fault::new(
            Reason::PermissionDenied,
            "the certificate that this connection shows is no credential any more",
        ));
    }
    let version = before.map_or(0, |row| row.version) + 1;
    put(context, &new, 1, None).await?;
    put(context, &old, version, Some(context.now)).await
}

async fn mapping(context: &Context, key: &str) -> Result<Option<Verified<Mapping>>, Fault> {
    let rows = context.engine.rows();
    rows.read(EntityKind::Mapping, TenantId(0), key)
        .await
        .map_err(fault)
}

async fn put(
    context: &mut Context,
    key: &str,
    version: i64,
    retired: Option<i64>,
) -> Result<(), Fault> {
    let body = Mapping {
        tenant: context.tenant().0,
        identity: context.caller.identity.name.clone(),
        retired,
    };
    let hsm = &context.engine.hsm;
    let row = entity::put(hsm, EntityKind::Mapping, TenantId(0), key, version, &body)
        .await
        .map_err(fault)?;
    context.put(row);
    Ok(())
}
