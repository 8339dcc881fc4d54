//! What the token can do, found by doing: mechanism lists promise more than tokens keep, and the
//! number of one mechanism differs between tokens.

use token::Value::{Bytes, Flag, Number, Template};
use token::raw::{
    CK_MECHANISM_TYPE, CKA_CLASS, CKA_ENCRYPT, CKA_EXTRACTABLE, CKA_KEY_TYPE, CKA_SENSITIVE,
    CKA_TOKEN, CKA_UNWRAP, CKA_UNWRAP_TEMPLATE, CKA_VALUE, CKA_WRAP, CKK_AES, CKK_GENERIC_SECRET,
    CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD, CKO_SECRET_KEY,
    CKR_TEMPLATE_INCONSISTENT,
};
use token::{Attribute, Handle, Mechanism, Session};

use super::HsmError;

/// RFC 5649 §6, the first example: key, 20 bytes of key data, ciphertext.
const KEY: [u8; 24] = [
    0x58, 0x40, 0xdf, 0x6e, 0x29, 0xb0, 0x2a, 0xf1, 0xab, 0x49, 0x3b, 0x70, 0x5b, 0xf1, 0x6e, 0xa1,
    0xae, 0x83, 0x38, 0xf4, 0xdc, 0xc1, 0x76, 0xa8,
];
const CLEAR: [u8; 20] = [
    0xc3, 0x7b, 0x7e, 0x64, 0x92, 0x58, 0x43, 0x40, 0xbe, 0xd1, 0x22, 0x07, 0x80, 0x89, 0x41, 0x15,
    0x50, 0x68, 0xf7, 0x38,
];
const WRAPPED: [u8; 32] = [
    0x13, 0x8b, 0xde, 0xaa, 0x9b, 0x8f, 0xa7, 0xfc, 0x61, 0xf9, 0x77, 0x42, 0xe7, 0x22, 0x48, 0xee,
    0x5a, 0xe6, 0xae, 0x53, 0x60, 0xd1, 0xae, 0x6a, 0x5f, 0x54, 0xf3, 0x73, 0xfa, 0x54, 0x3b, 0x6a,
];
/// The same with four zeros behind the key data. SoftHSM 2.6 gives this for the 20 bytes, too: it
/// lays zeros behind what is no multiple of 8 and wraps those with it.
const WRAPPED_24: [u8; 32] = [
    0xcf, 0x1e, 0x48, 0x53, 0x60, 0xe1, 0xa8, 0x12, 0x6f, 0x52, 0x4d, 0x01, 0x77, 0x16, 0x77, 0xf9,
    0x40, 0x0e, 0xdb, 0x4d, 0x07, 0x4f, 0x14, 0x11, 0x69, 0x88, 0xd7, 0x1e, 0x15, 0x88, 0xe3, 0x67,
];

/// What tenant keys and keys of class *token* are unwrapped as, whatever the caller asks. They stay
/// extractable where asked: a rotation re-wraps them under another key.
pub(super) const SENSITIVE_ONLY: &[Attribute<'static>] = &[(CKA_SENSITIVE, Flag(true))];

/// Numbers under which tokens offer RFC 5649. PKCS#11 v3.0 calls the first KWP; the second was
/// ambiguous in v2.40 and is KWP on SoftHSM.
const CANDIDATES: [CK_MECHANISM_TYPE; 2] = [CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD];

#[derive(Clone, Debug)]
pub(super) struct Probe {
    pub key_wrap_padded: CK_MECHANISM_TYPE,
    /// Wraps and unwraps what is no multiple of 8 bytes as the RFC says.
    pub exact_lengths: bool,
    pub wraps_bytes: bool,
    /// A key's CKA_UNWRAP_TEMPLATE binds what it unwraps.
    pub unwrap_template: bool,
    pub mechanisms: Vec<CK_MECHANISM_TYPE>,
}

impl Probe {
    pub(super) fn run(
        session: &Session,
        mechanisms: Vec<CK_MECHANISM_TYPE>,
    ) -> Result<Probe, HsmError> {
        let unwrapping_key = [
            (CKA_CLASS, Number(CKO_SECRET_KEY)),
            (CKA_KEY_TYPE, Number(CKK_AES)),
            (CKA_TOKEN, Flag(false)),
            (CKA_WRAP, Flag(true)),
            (CKA_UNWRAP, Flag(true)),
            (CKA_ENCRYPT, Flag(true)),
            (CKA_VALUE, Bytes(&KEY)),
        ];
        let key = session.create(&unwrapping_key)?;
        let mut whole = CLEAR.to_vec();
        whole.extend([0; 4]);
        let found = CANDIDATES
            .into_iter()
            .find(|number| round_trip(session, *number, key, &whole, &WRAPPED_24));
        let exact_lengths =
            found.is_some_and(|number| round_trip(session, number, key, &CLEAR, &WRAPPED));
        let wraps_bytes = session
            .encrypt(Mechanism::Plain(CKM_AES_KEY_WRAP), key, &[7; 16], 8)
            .is_ok_and(|wrapped| wrapped.len() == 24);
        session.destroy(key)?;
        let unwrap_template =
            found.is_some_and(|number| binds(session, number, &unwrapping_key).unwrap_or(false));
        let key_wrap_padded = found.ok_or_else(|| {
            HsmError::Refused(
                "AES Key Wrap with Padding (RFC 5649), without which it cannot hold Keyward's keys"
                    .into(),
            )
        })?;
        Ok(Probe {
            key_wrap_padded,
            exact_lengths,
            wraps_bytes,
            unwrap_template,
            mechanisms,
        })
    }
}

/// Whether a key that may unwrap sensitive keys only refuses to unwrap a readable one.
fn binds(
    session: &Session,
    number: CK_MECHANISM_TYPE,
    unwrapping_key: &[Attribute<'_>],
) -> Result<bool, token::Error> {
    let mut bound = unwrapping_key.to_vec();
    bound.push((CKA_UNWRAP_TEMPLATE, Template(SENSITIVE_ONLY)));
    let bound = session.create(&bound)?;
    let readable = session.unwrap(
        Mechanism::Plain(number),
        bound,
        &WRAPPED_24,
        &[
            (CKA_CLASS, Number(CKO_SECRET_KEY)),
            (CKA_KEY_TYPE, Number(CKK_GENERIC_SECRET)),
            (CKA_TOKEN, Flag(false)),
            (CKA_EXTRACTABLE, Flag(true)),
            (CKA_SENSITIVE, Flag(false)),
        ],
    );
    session.destroy(bound)?;
    match readable {
        Ok(key) => {
            let sensitive = session.flag(key, CKA_SENSITIVE)?;
            session.destroy(key)?;
            Ok(sensitive)
        }
        Err(error) => Ok(error.code() == Some(CKR_TEMPLATE_INCONSISTENT)),
    }
}

/// Whether the mechanism gives exactly these bytes for that clear text, and takes them back.
fn round_trip(
    session: &Session,
    number: CK_MECHANISM_TYPE,
    key: Handle,
    clear: &[u8],
    wrapped: &[u8],
) -> bool {
    let run = || {
        let mut template = vec![
            (CKA_CLASS, Number(CKO_SECRET_KEY)),
            (CKA_KEY_TYPE, Number(CKK_GENERIC_SECRET)),
            (CKA_TOKEN, Flag(false)),
            (CKA_EXTRACTABLE, Flag(true)),
            (CKA_SENSITIVE, Flag(false)),
        ];
        let mechanism = Mechanism::Plain(number);
        let back = session.unwrap(mechanism, key, wrapped, &template)?;
        let value = session.attribute(back, CKA_VALUE);
        session.destroy(back)?;
        template.push((CKA_VALUE, Bytes(clear)));
        let secret = session.create(&template)?;
        let given = session.wrap(mechanism, key, secret);
        session.destroy(secret)?;
        Ok::<_, token::Error>(value?.as_slice() == clear && given? == wrapped)
    };
    run().unwrap_or(false)
}
