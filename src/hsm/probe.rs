//! What the token can do, found by doing: mechanism lists promise more than tokens keep, and the
//! number of one mechanism differs between tokens.

use token::Value::{Bytes, Flag, Number};
use token::raw::{
    CK_MECHANISM_TYPE, CKA_CLASS, CKA_ENCRYPT, CKA_EXTRACTABLE, CKA_KEY_TYPE, CKA_SENSITIVE,
    CKA_TOKEN, CKA_UNWRAP, CKA_VALUE, CKA_WRAP, CKK_AES, CKK_GENERIC_SECRET, CKM_AES_KEY_WRAP,
    CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD, CKO_SECRET_KEY,
};
use token::{Handle, Mechanism, Session};

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

/// Numbers under which tokens offer RFC 5649. PKCS#11 v3.0 calls the first KWP; the second was
/// ambiguous in v2.40 and is KWP on SoftHSM.
const CANDIDATES: [CK_MECHANISM_TYPE; 2] = [CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD];

#[derive(Clone, Debug)]
pub(super) struct Probe {
    pub key_wrap_padded: CK_MECHANISM_TYPE,
    pub exact_lengths: bool,
    pub wraps_bytes: bool,
    pub mechanisms: Vec<CK_MECHANISM_TYPE>,
}

impl Probe {
    pub(super) fn run(
        session: &Session,
        mechanisms: Vec<CK_MECHANISM_TYPE>,
    ) -> Result<Probe, HsmError> {
        let key = session.create(&[
            (CKA_CLASS, Number(CKO_SECRET_KEY)),
            (CKA_KEY_TYPE, Number(CKK_AES)),
            (CKA_TOKEN, Flag(false)),
            (CKA_WRAP, Flag(true)),
            (CKA_UNWRAP, Flag(true)),
            (CKA_ENCRYPT, Flag(true)),
            (CKA_VALUE, Bytes(&KEY)),
        ])?;
        let secret = session.create(&[
            (CKA_CLASS, Number(CKO_SECRET_KEY)),
            (CKA_KEY_TYPE, Number(CKK_GENERIC_SECRET)),
            (CKA_TOKEN, Flag(false)),
            (CKA_EXTRACTABLE, Flag(true)),
            (CKA_SENSITIVE, Flag(false)),
            (CKA_VALUE, Bytes(&CLEAR)),
        ])?;
        let found = CANDIDATES.into_iter().find_map(|number| {
            unwrapped_length(session, number, key, secret).map(|length| (number, length))
        });
        let wraps_bytes = session
            .encrypt(Mechanism::Plain(CKM_AES_KEY_WRAP), key, &[7; 16], 8)
            .is_ok_and(|wrapped| wrapped.len() == 24);
        session.destroy(secret)?;
        session.destroy(key)?;
        let (key_wrap_padded, length) = found.ok_or_else(|| {
            HsmError::Refused(
                "AES Key Wrap with Padding (RFC 5649), without which it cannot hold Keyward's keys"
                    .into(),
            )
        })?;
        Ok(Probe {
            key_wrap_padded,
            exact_lengths: length == CLEAR.len(),
            wraps_bytes,
            mechanisms,
        })
    }
}

/// None unless the mechanism gives the RFC's bytes and takes them back.
fn unwrapped_length(
    session: &Session,
    number: CK_MECHANISM_TYPE,
    key: Handle,
    secret: Handle,
) -> Option<usize> {
    let mechanism = Mechanism::Plain(number);
    if session.wrap(mechanism, key, secret).ok()? != WRAPPED {
        return None;
    }
    let template = [
        (CKA_CLASS, Number(CKO_SECRET_KEY)),
        (CKA_KEY_TYPE, Number(CKK_GENERIC_SECRET)),
        (CKA_TOKEN, Flag(false)),
        (CKA_EXTRACTABLE, Flag(true)),
        (CKA_SENSITIVE, Flag(false)),
    ];
    let back = session.unwrap(mechanism, key, &WRAPPED, &template).ok()?;
    let value = session.attribute(back, CKA_VALUE).ok();
    session.destroy(back).ok()?;
    let value = value?;
    value.starts_with(&CLEAR).then_some(value.len())
}
