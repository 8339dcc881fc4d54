//! Known answers of masters: what tells whether two tokens hold the same ones. A key that wraps
//! wraps a constant, a key that signs signs one; only the SHA-256 of the answer leaves the token,
//! because under a key encryption key the answer itself would be a wrapped key that everybody knows.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use token::Value::{Bytes, Flag, Number};
use token::raw::{
    CK_ULONG, CKA_CLASS, CKA_EXTRACTABLE, CKA_KEY_TYPE, CKA_SENSITIVE, CKA_TOKEN, CKA_VALUE,
    CKK_AES, CKK_GENERIC_SECRET, CKM_SHA256_HMAC, CKO_SECRET_KEY,
};
use token::{Handle, Mechanism, Session};

use super::HsmError;
use super::line::Temporary;
use super::master::{self, ANCHORED};
use super::probe::Probe;

const CONSTANT: [u8; 32] = *b"keyward: do two tokens hold one?";

/// By name of the master (`kek-v1`, `mac-v1`): SHA-256 of what it answers.
pub(super) type Held = BTreeMap<String, [u8; 32]>;

/// Answers of all masters of a deployment; `prefix` is its CKA_ID.
pub(super) fn held(session: &Session, probe: &Probe, prefix: &str) -> Result<Held, HsmError> {
    let mut held = Held::new();
    for key in master::find(session, prefix, CKO_SECRET_KEY)? {
        let label = master::label(session, key)?;
        if let Some(name) = label.strip_prefix(prefix) {
            held.insert(name.to_owned(), answer(session, probe, key)?);
        }
    }
    Ok(held)
}

/// The same with anchored masters, each of which has its tenant's CKA_ID.
pub(super) fn all(session: &Session, probe: &Probe, prefix: &str) -> Result<Held, HsmError> {
    let mut held = self::held(session, probe, prefix)?;
    let anchored = format!("{prefix}{}", ANCHORED.name);
    for key in master::find_all(session, ANCHORED.class)? {
        let label = master::label(session, key)?;
        if let (true, Some(name)) = (label.starts_with(&anchored), label.strip_prefix(prefix)) {
            held.insert(name.to_owned(), answer(session, probe, key)?);
        }
    }
    Ok(held)
}

/// What one master answers.
pub(super) fn answer(session: &Session, probe: &Probe, key: Handle) -> Result<[u8; 32], HsmError> {
    let answer = if session.number(key, CKA_KEY_TYPE)? == CKK_AES {
        let constant = session.create(&[
            (CKA_CLASS, Number(CKO_SECRET_KEY as CK_ULONG)),
            (CKA_KEY_TYPE, Number(CKK_GENERIC_SECRET as CK_ULONG)),
            (CKA_TOKEN, Flag(false)),
            (CKA_SENSITIVE, Flag(false)),
            (CKA_EXTRACTABLE, Flag(true)),
            (CKA_VALUE, Bytes(&CONSTANT)),
        ])?;
        let constant = Temporary::new(session, constant);
        session.wrap(
            Mechanism::Plain(probe.key_wrap_padded),
            key,
            constant.handle,
        )?
    } else {
        session
            .sign(Mechanism::Plain(CKM_SHA256_HMAC), key, &CONSTANT, 32)?
            .to_vec()
    };
    Ok(Sha256::digest(answer).into())
}
