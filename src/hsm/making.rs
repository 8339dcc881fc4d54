//! Masters are made and destroyed in the token; in a ceremony for several of them, `ceremony`.

use token::Value::{Bytes, Flag, Number, Template};
use token::raw::{
    CKA_CLASS, CKA_EC_PARAMS, CKA_ID, CKA_KEY_TYPE, CKA_LABEL, CKA_TOKEN, CKA_UNWRAP_TEMPLATE,
    CKA_VERIFY, CKK_EC, CKO_PUBLIC_KEY,
};
use token::{Attribute, Mechanism, Session};

use super::master::{AUDIT, KEK, MasterKind, Row, mac_row, prefix};
use super::masters::scan;
use super::probe::{Probe, SENSITIVE_ONLY};
use super::{Config, HsmError, der};

/// Makes a version that comes next; who may do that at a time is settled in the database.
pub(super) fn make_next(
    session: &Session,
    config: &Config,
    probe: &Probe,
    kind: MasterKind,
    version: u32,
) -> Result<(), HsmError> {
    let newest = scan(session, config, kind)?.keys().copied().max();
    match newest {
        Some(newest) if newest == version => return Ok(()),
        Some(newest) if newest.checked_add(1) == Some(version) => {}
        _ => {
            return Err(HsmError::BadInput(format!(
                "{}-v{version} does not come next in the token",
                kind.name()
            )));
        }
    }
    match kind {
        MasterKind::Kek => make_kek(session, config, probe, version),
        MasterKind::Mac => make_secret(session, config, mac_row(config), version, None),
    }
}

pub(super) fn make_kek(
    session: &Session,
    config: &Config,
    probe: &Probe,
    version: u32,
) -> Result<(), HsmError> {
    let bound = (CKA_UNWRAP_TEMPLATE, Template(SENSITIVE_ONLY));
    let bound = probe.unwrap_template.then_some(bound);
    make_secret(session, config, &KEK, version, bound)
}

/// Destroys a version that is older than the `newest` that is used; one that is gone is no error.
pub(super) fn destroy(
    session: &Session,
    config: &Config,
    kind: MasterKind,
    version: u32,
    newest: Option<u32>,
) -> Result<(), HsmError> {
    let keys = scan(session, config, kind)?;
    if newest.is_none_or(|newest| newest <= version) {
        return Err(HsmError::BadInput(format!(
            "{}-v{version} is the newest version; what is newest is not destroyed",
            kind.name()
        )));
    }
    keys.get(&version)
        .map_or(Ok(()), |key| Ok(session.destroy(*key)?))
}

pub(super) fn make_secret(
    session: &Session,
    config: &Config,
    row: &Row,
    version: u32,
    more: Option<Attribute<'_>>,
) -> Result<(), HsmError> {
    let id = prefix(config);
    let label = format!("{id}{}{version}", row.name);
    let mut template = row.attributes(id.as_bytes(), label.as_bytes());
    template.extend(more);
    session.generate_key(Mechanism::Plain(row.generator), &template)?;
    Ok(())
}

pub(super) fn make_audit_key(session: &Session, config: &Config) -> Result<(), HsmError> {
    let label = format!("{}{}{}", prefix(config), AUDIT.name, config.node);
    make_pair(session, config, &AUDIT, &label, der::P256)
}

pub(super) fn make_pair(
    session: &Session,
    config: &Config,
    row: &Row,
    label: &str,
    curve: &[u8],
) -> Result<(), HsmError> {
    let id = prefix(config);
    let public = [
        (CKA_CLASS, Number(CKO_PUBLIC_KEY)),
        (CKA_KEY_TYPE, Number(CKK_EC)),
        (CKA_TOKEN, Flag(true)),
        (CKA_VERIFY, Flag(true)),
        (CKA_ID, Bytes(id.as_bytes())),
        (CKA_LABEL, Bytes(label.as_bytes())),
        (CKA_EC_PARAMS, Bytes(curve)),
    ];
    session.generate_pair(
        Mechanism::Plain(row.generator),
        &public,
        &row.attributes(id.as_bytes(), label.as_bytes()),
    )?;
    Ok(())
}
