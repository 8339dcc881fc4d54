//! The receipt of a shredding: what was destroyed, in which tokens, and what no server can prove.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::holders::{self, One};
use super::{Ground, MastersError, refused};
use crate::audit::checkpoint::AuditKey;

/// What is signed begins so: no signature of the audit key over something else is one of a receipt.
const PURPOSE: &[u8] = b"keyward receipt 1\n";

/// What is known of a shredding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    pub deployment: String,
    pub tenant: String,
    pub tenant_number: i64,
    /// Versions of anchored masters, where not the tenant is shredded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masters: Vec<Shredded>,
    /// Times are seconds since 1970.
    pub begun: i64,
    pub done: i64,
    /// What the tokens do not have any more: versions of the KEK, labels of anchored masters.
    pub destroyed: Vec<String>,
    /// Under which everybody else's keys are now; a master that is shredded moves none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub newest: String,
    pub tokens: Vec<Token>,
    /// Backups of the token that still hold a destroyed version, as the administrator said.
    pub known_backups: Vec<String>,
    pub not_proven: Vec<String>,
}

/// A version of an anchored master.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shredded {
    pub name: String,
    pub version: u32,
    pub unique_identifier: String,
}

/// A token in which versions were destroyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    pub label: String,
    pub manufacturer: String,
    pub model: String,
    pub serial: String,
    /// Whose it is, where several tokens hold the masters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub node: String,
}

/// A receipt with its signature by the audit key of the node that made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    pub receipt: Receipt,
    /// ECDSA P-256 with SHA-256, r and s; base64.
    pub signature: String,
    /// SubjectPublicKeyInfo of the audit key, PEM.
    pub key: String,
}

/// The message under a receipt's signature: its JSON without spaces, keys in order.
fn message(receipt: &Receipt) -> Result<Vec<u8>, MastersError> {
    // A Value has its keys in order, whatever the order of the fields above.
    let value = serde_json::to_value(receipt).and_then(|value| serde_json::to_vec(&value));
    let json = value.map_err(|error| MastersError::Refused(error.to_string()))?;
    Ok([PURPOSE, &json].concat())
}

/// The tokens in which something was destroyed.
pub(super) async fn tokens(ground: Ground<'_>) -> Result<Vec<Token>, MastersError> {
    if ground.hsm.shares_masters() {
        let holders = holders::report(ground).await?;
        return Ok(holders.all.iter().map(One::token).collect());
    }
    let info = ground.hsm.info().await?;
    Ok(vec![Token {
        label: info.label,
        manufacturer: info.manufacturer,
        model: info.model,
        serial: info.serial,
        node: String::new(),
    }])
}

pub(super) async fn sign(ground: Ground<'_>, receipt: Receipt) -> Result<Signed, MastersError> {
    let signature = ground.hsm.sign_checkpoint(&message(&receipt)?).await?;
    let key = AuditKey::new(ground.hsm.audit_public_key().await?).pem();
    Ok(Signed {
        receipt,
        signature: STANDARD.encode(signature),
        key,
    })
}

/// Reads a receipt and checks that this key signed it.
///
/// # Errors
/// Refused when it is none, or was changed, or another key signed it.
pub fn open_receipt(text: &str, key: &AuditKey) -> Result<Receipt, MastersError> {
    let signed: Signed = serde_json::from_str(text)
        .map_err(|error| MastersError::Refused(format!("this is no receipt: {error}")))?;
    let signature = STANDARD.decode(&signed.signature).unwrap_or_default();
    match key.verifies(&message(&signed.receipt)?, &signature) {
        true => Ok(signed.receipt),
        false if signed.key != key.pem() => {
            refused("the receipt is signed by another key than the one that it is held against")
        }
        false => refused("the receipt was changed: its signature does not hold"),
    }
}
