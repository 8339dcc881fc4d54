//! New secret keys: in the token (class *token*), or from its generator and sealed (*served*, *cached*).

use token::Value::{Flag, Number};
use token::raw::{
    CK_MECHANISM_TYPE, CK_ULONG, CKA_CLASS, CKA_EXTRACTABLE, CKA_KEY_TYPE, CKA_PRIVATE,
    CKA_SENSITIVE, CKA_TOKEN, CKA_VALUE_LEN, CKK_AES, CKK_CHACHA20, CKK_DES2, CKK_DES3,
    CKK_GENERIC_SECRET, CKM_AES_KEY_GEN, CKM_CHACHA20_KEY_GEN, CKM_DES2_KEY_GEN, CKM_DES3_KEY_GEN,
    CKM_GENERIC_SECRET_KEY_GEN, CKO_SECRET_KEY,
};
use token::{Attribute, Mechanism};

use super::use_key::KeyKind;
use super::{Hsm, HsmError, Purpose, TenantKeys};
use crate::store::record::{Blob, BlobKind, Class};

/// The longest secret that is generated, in bytes.
const LONGEST: usize = 4096;

/// A symmetric key to be made; `length` in bytes of material (triple DES: 16 or 24, parity included).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretSpec {
    pub kind: KeyKind,
    pub length: usize,
}

impl SecretSpec {
    fn check(self) -> Result<(), HsmError> {
        let fits = match self.kind {
            KeyKind::Aes => matches!(self.length, 16 | 24 | 32),
            KeyKind::TripleDes => matches!(self.length, 16 | 24),
            KeyKind::ChaCha20 => self.length == 32,
            KeyKind::Generic => (1..=LONGEST).contains(&self.length),
            _ => false,
        };
        if fits {
            return Ok(());
        }
        Err(HsmError::BadKey(format!(
            "{:?} keys of {} bytes are not made",
            self.kind, self.length
        )))
    }

    fn generator(self) -> (CK_MECHANISM_TYPE, CK_ULONG) {
        match (self.kind, self.length) {
            (KeyKind::Aes, _) => (CKM_AES_KEY_GEN, CKK_AES as CK_ULONG),
            (KeyKind::TripleDes, 16) => (CKM_DES2_KEY_GEN, CKK_DES2 as CK_ULONG),
            (KeyKind::TripleDes, _) => (CKM_DES3_KEY_GEN, CKK_DES3 as CK_ULONG),
            (KeyKind::ChaCha20, _) => (CKM_CHACHA20_KEY_GEN, CKK_CHACHA20 as CK_ULONG),
            _ => (CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET as CK_ULONG),
        }
    }
}

impl Hsm {
    /// Makes a symmetric key. `aad` is for the seal of classes served and cached.
    pub async fn generate(
        &self,
        keys: &TenantKeys,
        spec: SecretSpec,
        class: Class,
        aad: &[u8],
    ) -> Result<Blob, HsmError> {
        spec.check()?;
        if class != Class::Token {
            let mut material = self.random(spec.length).await?;
            if spec.kind == KeyKind::TripleDes {
                set_odd_parity(&mut material);
            }
            return self.seal(keys, aad, &material).await;
        }
        let version = keys.newest(Purpose::Wrap)?;
        let bytes = self
            .with_tenant_key(keys, Purpose::Wrap, version, [], move |seat, wrap, []| {
                if !seat.line.probe.exact_lengths
                    && !spec.length.is_multiple_of(8)
                    && spec.length > 64
                {
                    return Err(HsmError::Refused(format!(
                        "keys of {} bytes in the token: it keeps multiples of 8 only",
                        spec.length
                    )));
                }
                let (generator, key_type) = spec.generator();
                let mut template = wrappable(CKO_SECRET_KEY as CK_ULONG, key_type).to_vec();
                if spec.kind != KeyKind::TripleDes {
                    template.push((CKA_VALUE_LEN, Number(spec.length as CK_ULONG)));
                }
                let key = seat
                    .session
                    .generate_key(Mechanism::Plain(generator), &template)?;
                let key = seat.temporary(key);
                let wrapping = Mechanism::Plain(seat.line.probe.key_wrap_padded);
                Ok(seat.session.wrap(wrapping, wrap, key.handle)?)
            })
            .await?;
        Ok(Blob {
            kind: BlobKind::Wrapped,
            key_version: version,
            length: spec.length as u32,
            bytes,
        })
    }
}

/// Extractable for the moment until it is wrapped; it may do nothing else.
pub(super) fn wrappable(class: CK_ULONG, key_type: CK_ULONG) -> [Attribute<'static>; 6] {
    [
        (CKA_CLASS, Number(class)),
        (CKA_KEY_TYPE, Number(key_type)),
        (CKA_TOKEN, Flag(false)),
        (CKA_PRIVATE, Flag(true)),
        (CKA_SENSITIVE, Flag(true)),
        (CKA_EXTRACTABLE, Flag(true)),
    ]
}

/// The lowest bit of each byte makes its number of ones odd (SP 800-67 §3.1).
fn set_odd_parity(key: &mut [u8]) {
    for byte in key {
        *byte = *byte & 0xfe | u8::from((*byte & 0xfe).count_ones() % 2 == 0);
    }
}
