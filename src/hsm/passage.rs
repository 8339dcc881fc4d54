//! Bytes through the token's wall: wrapped under a managed key, or under a key of one moment.

use token::Value::{Bytes, Flag, Number};
use token::raw::{
    CK_ULONG, CKA_CLASS, CKA_DECRYPT, CKA_ENCRYPT, CKA_EXTRACTABLE, CKA_KEY_TYPE,
    CKA_PARAMETER_SET, CKA_SEED, CKA_SENSITIVE, CKA_TOKEN, CKA_UNWRAP, CKA_VALUE, CKA_VALUE_LEN,
    CKA_WRAP, CKK_AES, CKK_GENERIC_SECRET, CKM_AES_KEY_GEN, CKO_SECRET_KEY, CKP_ML_DSA_44,
    CKP_ML_DSA_65, CKP_ML_DSA_87, CKP_SLH_DSA_SHA2_128F, CKP_SLH_DSA_SHA2_128S,
    CKP_SLH_DSA_SHA2_192F, CKP_SLH_DSA_SHA2_192S, CKP_SLH_DSA_SHA2_256F, CKP_SLH_DSA_SHA2_256S,
    CKP_SLH_DSA_SHAKE_128F, CKP_SLH_DSA_SHAKE_128S, CKP_SLH_DSA_SHAKE_192F, CKP_SLH_DSA_SHAKE_192S,
    CKP_SLH_DSA_SHAKE_256F, CKP_SLH_DSA_SHAKE_256S,
};
use token::{Attribute, Handle, Mechanism, Session};
use zeroize::Zeroizing;

use super::HsmError;
use super::line::Seat;
use super::tenant::{decrypting, unwrapping};
use crate::object::format::{Format, FormatError, Hint, Named, NamedPrivate, PrivateKey};

/// Parameter sets of PKCS#11 v3.2 for algorithms whose private keys no token unwraps yet.
static PARAMETER_SETS: &[(Named, CK_ULONG)] = &[
    (Named::MlDsa44, CKP_ML_DSA_44),
    (Named::MlDsa65, CKP_ML_DSA_65),
    (Named::MlDsa87, CKP_ML_DSA_87),
    (Named::SlhDsaSha2_128s, CKP_SLH_DSA_SHA2_128S),
    (Named::SlhDsaSha2_128f, CKP_SLH_DSA_SHA2_128F),
    (Named::SlhDsaSha2_192s, CKP_SLH_DSA_SHA2_192S),
    (Named::SlhDsaSha2_192f, CKP_SLH_DSA_SHA2_192F),
    (Named::SlhDsaSha2_256s, CKP_SLH_DSA_SHA2_256S),
    (Named::SlhDsaSha2_256f, CKP_SLH_DSA_SHA2_256F),
    (Named::SlhDsaShake128s, CKP_SLH_DSA_SHAKE_128S),
    (Named::SlhDsaShake128f, CKP_SLH_DSA_SHAKE_128F),
    (Named::SlhDsaShake192s, CKP_SLH_DSA_SHAKE_192S),
    (Named::SlhDsaShake192f, CKP_SLH_DSA_SHAKE_192F),
    (Named::SlhDsaShake256s, CKP_SLH_DSA_SHAKE_256S),
    (Named::SlhDsaShake256f, CKP_SLH_DSA_SHAKE_256F),
];

/// A PKCS#8 private key enters wrapped under a key of this moment: the token parses it itself. Where tokens have no such
/// form it enters as its bytes.
pub(super) fn import_private(
    seat: &Seat<'_>,
    anchor: &Session,
    pkcs8: &[u8],
    template: &[Attribute<'_>],
) -> Result<Handle, HsmError> {
    let refused = |error: token::Error| {
        HsmError::BadKey(format!("the token does not take this private key: {error}"))
    };
    let bad = |error: FormatError| HsmError::BadKey(error.to_string());
    let mut plain = None;
    if let Ok(PrivateKey::Named(key)) = PrivateKey::parse(Format::Pkcs8, pkcs8, Hint::default()) {
        let set = PARAMETER_SETS.iter().find(|(named, _)| *named == key.named);
        if let Some((_, set)) = set {
            return create_private(anchor, &key, *set, template).map_err(refused);
        }
        // Tokens read version 1 only: no attributes and no public key (RFC 5958 §2).
        let key = PrivateKey::Named(key);
        plain = Some(key.write(Format::Pkcs8).map_err(bad)?);
    }
    let pkcs8 = plain.as_deref().map_or(pkcs8, Vec::as_slice);
    let wrapping = Mechanism::Plain(seat.line.probe.key_wrap_padded);
    let passage = passage_key(seat)?;
    let passage = seat.temporary(passage);
    let wrapped = wrap_clear(seat, wrapping, passage.handle, pkcs8)?;
    anchor
        .unwrap(wrapping, passage.handle, &wrapped, template)
        .map_err(refused)
}

fn create_private(
    anchor: &Session,
    key: &NamedPrivate,
    set: CK_ULONG,
    template: &[Attribute<'_>],
) -> Result<Handle, token::Error> {
    let (seed, expanded) = key.seed_and_expanded();
    let mut template = template.to_vec();
    template.push((CKA_PARAMETER_SET, Number(set)));
    if let Some(seed) = seed {
        template.push((CKA_SEED, Bytes(seed)));
    }
    if let Some(value) = expanded.or(key.raw()) {
        template.push((CKA_VALUE, Bytes(value)));
    }
    anchor.create(&template)
}

/// An AES key that lives for one job and carries material through the token's wall.
pub(super) fn passage_key(seat: &Seat<'_>) -> Result<Handle, HsmError> {
    let bytes = seat.line.probe.wraps_bytes;
    Ok(seat.session.generate_key(
        Mechanism::Plain(CKM_AES_KEY_GEN),
        &[
            (CKA_CLASS, Number(CKO_SECRET_KEY as CK_ULONG)),
            (CKA_KEY_TYPE, Number(CKK_AES as CK_ULONG)),
            (CKA_TOKEN, Flag(false)),
            (CKA_SENSITIVE, Flag(true)),
            (CKA_EXTRACTABLE, Flag(false)),
            (CKA_VALUE_LEN, Number(32)),
            (CKA_WRAP, Flag(true)),
            (CKA_UNWRAP, Flag(true)),
            (CKA_ENCRYPT, Flag(bytes)),
            (CKA_DECRYPT, Flag(bytes)),
        ],
    )?)
}

/// Wraps bytes: as encryption where the token has it, else as a secret of the moment.
pub(super) fn wrap_clear(
    seat: &Seat<'_>,
    mechanism: Mechanism<'_>,
    key: Handle,
    clear: &[u8],
) -> Result<Vec<u8>, HsmError> {
    if seat.line.probe.wraps_bytes {
        return Ok(std::mem::take(
            &mut *seat.session.encrypt(mechanism, key, clear, 16)?,
        ));
    }
    let secret = seat
        .session
        .create(&readable_secret(&[(CKA_VALUE, Bytes(clear))]))?;
    let secret = seat.temporary(secret);
    Ok(seat.session.wrap(mechanism, key, secret.handle)?)
}

/// The reverse. Tokens without exact lengths return up to 7 zeros too many.
pub(super) fn unwrap_clear(
    seat: &Seat<'_>,
    mechanism: Mechanism<'_>,
    key: Handle,
    wrapped: &[u8],
) -> Result<Zeroizing<Vec<u8>>, HsmError> {
    const FAILED: HsmError = HsmError::Integrity("the wrapped bytes are not what this key wrapped");
    if seat.line.probe.wraps_bytes {
        return seat
            .session
            .decrypt(mechanism, key, wrapped)
            .map_err(|error| decrypting(error, FAILED));
    }
    let secret = seat
        .session
        .unwrap(mechanism, key, wrapped, &readable_secret(&[]))
        .map_err(unwrapping)?;
    let secret = seat.temporary(secret);
    Ok(seat.session.attribute(secret.handle, CKA_VALUE)?)
}

fn readable_secret<'a>(more: &[Attribute<'a>]) -> Vec<Attribute<'a>> {
    let mut template = vec![
        (CKA_CLASS, Number(CKO_SECRET_KEY as CK_ULONG)),
        (CKA_KEY_TYPE, Number(CKK_GENERIC_SECRET as CK_ULONG)),
        (CKA_TOKEN, Flag(false)),
        (CKA_SENSITIVE, Flag(false)),
        (CKA_EXTRACTABLE, Flag(true)),
    ];
    template.extend_from_slice(more);
    template
}
