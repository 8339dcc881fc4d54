//! Wrapping Method (1.4 §9.1.3.2.4, 2.1 §11.62): what is done in which order, and how bytes are put
//! under a key.

use zeroize::Zeroizing;

use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::hsm::{CipherParameters, KeyKind, UseKey, WrapMethod};
use crate::object::managed::Sealed;
use crate::object::usage;
use crate::protocol::enumeration::{
    BlockCipherMode, CryptographicAlgorithm, PaddingMethod, WrappingMethod,
};
use crate::protocol::key_block::{
    CryptographicParameters, EncryptionKeyInformation, MacSignatureKeyInformation,
};
use crate::protocol::structure::Bytes;

/// Over which bytes a MAC or signature goes: those before, or those after encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    Clear,
    Wrapped,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct MethodRow {
    pub method: WrappingMethod,
    pub encrypts: bool,
    pub authenticates: Option<Over>,
}

macro_rules! methods {
    ($($method:ident: $encrypts:literal, $authenticates:expr;)*) => {
        static METHODS: &[MethodRow] = &[$(MethodRow {
            method: WrappingMethod::$method,
            encrypts: $encrypts,
            authenticates: $authenticates,
        }),*];
    };
}

methods! {
    ENCRYPT: true, None;
    MAC_SIGN: false, Some(Over::Clear);
    ENCRYPT_THEN_MAC_SIGN: true, Some(Over::Wrapped);
    MAC_SIGN_THEN_ENCRYPT: true, Some(Over::Clear);
}

/// A wrapping as it is to be done or undone: method and keys fit together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan<'a> {
    pub encryption: Option<&'a EncryptionKeyInformation>,
    pub authentication: Option<(&'a MacSignatureKeyInformation, Over)>,
}

fn named(what: &str, method: WrappingMethod, wanted: bool) -> Fault {
    let relation = if wanted {
        "needs one and none is named"
    } else {
        "uses none and one is named"
    };
    Fault::new(
        Reason::InvalidField,
        format!("{what}: the wrapping method {method} {relation}"),
    )
}

impl<'a> Plan<'a> {
    /// # Errors
    /// For methods that are not done here, and where a key is missing or would not be used: who
    /// names a key counts on its protection.
    pub fn new(
        method: WrappingMethod,
        encryption: Option<&'a EncryptionKeyInformation>,
        authentication: Option<&'a MacSignatureKeyInformation>,
    ) -> Result<Plan<'a>, Fault> {
        let row = METHODS
            .iter()
            .find(|row| row.method == method)
            .ok_or_else(|| not_done(method))?;
        if row.encrypts != encryption.is_some() {
            return Err(named("Encryption Key Information", method, row.encrypts));
        }
        let authentication = match (row.authenticates, authentication) {
            (Some(over), Some(information)) => Some((information, over)),
            (None, None) => None,
            (wanted, _) => {
                let what = "MAC/Signature Key Information";
                return Err(named(what, method, wanted.is_some()));
            }
        };
        Ok(Plan {
            encryption,
            authentication,
        })
    }

    /// The MAC or signature that goes over these bytes, if one does.
    pub fn over(&self, over: Over) -> Option<&'a MacSignatureKeyInformation> {
        self.authentication
            .filter(|(_, own)| *own == over)
            .map(|(information, _)| information)
    }
}

fn not_done(method: WrappingMethod) -> Fault {
    Fault::new(
        Reason::FeatureNotSupported,
        match method {
            // The standard names it and says nothing else: not which field holds the header of the
            // key block, nor how its usages and KMIP's attributes agree.
            WrappingMethod::TR_31 => {
                "the wrapping method TR-31 is not supported; take Encrypt with NIST Key Wrap, or Encrypt then MAC/sign".to_owned()
            }
            other => format!("the wrapping method {other} is not supported"),
        },
    )
}

/// How bytes are put under a key.
enum Cipher {
    KeyWrap(WrapMethod),
    /// Block cipher mode with an initialisation vector, PKCS#5 padding where the mode needs blocks.
    Mode(CipherParameters, usize),
}

/// RFC 3394 when nothing is said: what clients expect (CLIENTS: the wrong default broke VAST).
fn mode(parameters: &CryptographicParameters) -> BlockCipherMode {
    parameters
        .block_cipher_mode
        .unwrap_or(BlockCipherMode::NIST_KEY_WRAP)
}

fn unsupported(mode: BlockCipherMode) -> Fault {
    Fault::new(
        Reason::UnsupportedCryptographicParameters,
        format!("wrapping in block cipher mode {mode} is not supported"),
    )
}

/// The key wrap of these parameters; None for other modes.
pub(super) fn key_wrap(parameters: &CryptographicParameters) -> Option<WrapMethod> {
    match mode(parameters) {
        BlockCipherMode::NIST_KEY_WRAP => Some(WrapMethod::NistKeyWrap),
        BlockCipherMode::AES_KEY_WRAP_PADDING => Some(WrapMethod::NistKeyWrapPadded),
        _ => None,
    }
}

fn cipher(parameters: &CryptographicParameters) -> Result<Cipher, Fault> {
    if let Some(method) = key_wrap(parameters) {
        return Ok(Cipher::KeyWrap(method));
    }
    let mode = mode(parameters);
    let (iv, padding, tag_length) = match mode {
        BlockCipherMode::CBC => (16, PaddingMethod::PKCS5, 0),
        BlockCipherMode::ECB => (0, PaddingMethod::PKCS5, 0),
        BlockCipherMode::CTR | BlockCipherMode::CFB | BlockCipherMode::OFB => {
            (16, PaddingMethod::NONE, 0)
        }
        BlockCipherMode::GCM => (12, PaddingMethod::NONE, 16),
        other => return Err(unsupported(other)),
    };
    let parameters = CipherParameters {
        algorithm: CryptographicAlgorithm::AES.0,
        mode: mode.0,
        padding: parameters.padding_method.unwrap_or(padding).0,
        tag_length,
        counter_bits: 0,
    };
    Ok(Cipher::Mode(parameters, iv))
}

/// Whether a MAC over the ciphertext vouches for the clear text: not where an initialisation vector
/// has a say, which stands beside the Key Value and outside of the MAC.
pub(super) fn is_bound(parameters: &CryptographicParameters) -> Result<(), Fault> {
    match mode(parameters) {
        mode @ (BlockCipherMode::CBC
        | BlockCipherMode::CTR
        | BlockCipherMode::CFB
        | BlockCipherMode::OFB) => Err(Fault::new(
            Reason::UnsupportedCryptographicParameters,
            format!(
                "Encrypt then MAC/sign in block cipher mode {mode} leaves the initialisation vector outside of the MAC; take NIST Key Wrap, GCM, or MAC/sign then encrypt"
            ),
        )),
        _ => Ok(()),
    }
}

/// Puts bytes under a key; answers them with the initialisation vector that was made.
pub(super) async fn protect(
    context: &mut Context,
    key: &Sealed,
    parameters: &CryptographicParameters,
    clear: &[u8],
) -> Result<(Bytes, Option<Bytes>), Fault> {
    let cipher = cipher(parameters)?;
    let ready = usage::ready(context, key, KeyKind::Aes).await?;
    let using: UseKey<'_> = ready.key(context, key)?;
    let hsm = &context.engine.hsm;
    Ok(match cipher {
        Cipher::KeyWrap(method) => (
            Zeroizing::new(hsm.wrap_bytes(&using, method, clear).await?),
            None,
        ),
        Cipher::Mode(cipher, iv_length) => {
            let iv = hsm.random(iv_length).await?;
            let sealed = hsm.encrypt(&using, cipher, &iv, &[], clear).await?;
            let mut bytes = Zeroizing::new(sealed.data);
            bytes.extend_from_slice(&sealed.tag);
            (bytes, (!iv.is_empty()).then_some(iv))
        }
    })
}

/// The reverse.
pub(super) async fn open(
    context: &mut Context,
    key: &Sealed,
    parameters: &CryptographicParameters,
    wrapped: &[u8],
    iv: Option<&Bytes>,
) -> Result<Bytes, Fault> {
    let cipher = cipher(parameters)?;
    let ready = Box::pin(usage::ready(context, key, KeyKind::Aes)).await?;
    let using: UseKey<'_> = ready.key(context, key)?;
    let hsm = &context.engine.hsm;
    Ok(match cipher {
        Cipher::KeyWrap(method) => hsm.unwrap_bytes(&using, method, wrapped).await?,
        Cipher::Mode(cipher, _) => {
            let tag = usize::try_from(cipher.tag_length).unwrap_or(0);
            let (data, tag) = wrapped.split_at(wrapped.len().saturating_sub(tag));
            let iv = iv.map_or(&[][..], |iv| iv.as_slice());
            hsm.decrypt(&using, cipher, iv, &[], data, tag).await?
        }
    })
}
