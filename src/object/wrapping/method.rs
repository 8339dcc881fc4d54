//! Wrapping Method (1.4 §9.1.3.2.4, 2.1 §11.62): what is done in which order, and how bytes are put
//! under a key.

use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::hsm::WrapMethod;
use crate::mechanism::Shape;
use crate::object::managed::Sealed;
use crate::object::service::encipherment::{self, Encipherment};
use crate::object::service::{cipher, gcm_uses};
use crate::object::usage;
use crate::protocol::enumeration::{
    BlockCipherMode, CryptographicAlgorithm, ObjectType, PaddingMethod, WrappingMethod,
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

/// How bytes are put under a key: one of the services, with its parameters.
enum Cipher {
    Symmetric(cipher::Cipher),
    /// With an RSA key pair.
    Asymmetric(Encipherment),
}

/// The key wrap of these parameters; None for other modes.
pub(super) fn key_wrap(
    key: &Sealed,
    parameters: &CryptographicParameters,
) -> Result<Option<WrapMethod>, Fault> {
    let Cipher::Symmetric(cipher) = asked(key, parameters)? else {
        return Ok(None);
    };
    Ok(match cipher.row.shape {
        Shape::KeyWrap => Some(WrapMethod::NistKeyWrap),
        Shape::KeyWrapPadded => Some(WrapMethod::NistKeyWrapPadded),
        _ => None,
    })
}

/// RFC 3394 when nothing is said: what clients expect (CLIENTS: the wrong default broke VAST). Where
/// a mode needs whole blocks, PKCS#5 padding.
fn asked(key: &Sealed, parameters: &CryptographicParameters) -> Result<Cipher, Fault> {
    if matches!(
        key.object_type(),
        ObjectType::PUBLIC_KEY | ObjectType::PRIVATE_KEY | ObjectType::CERTIFICATE
    ) {
        return Ok(Cipher::Asymmetric(encipherment::asked(key, parameters)?));
    }
    let mut parameters = parameters.clone();
    let algorithm = parameters
        .cryptographic_algorithm
        .or_else(|| usage::algorithm(key))
        .unwrap_or(CryptographicAlgorithm::AES);
    parameters.cryptographic_algorithm = Some(algorithm);
    if algorithm == CryptographicAlgorithm::AES {
        parameters
            .block_cipher_mode
            .get_or_insert(BlockCipherMode::NIST_KEY_WRAP);
    }
    if let Some(BlockCipherMode::CBC | BlockCipherMode::ECB) = parameters.block_cipher_mode {
        parameters
            .padding_method
            .get_or_insert(PaddingMethod::PKCS5);
    }
    Ok(Cipher::Symmetric(cipher::asked(key, &parameters)?))
}

/// The parameters, with the mode that they left open: who reads Key Wrapping Data need not know what
/// this server does then (PyKMIP cannot read it without). None where nothing is to be said.
pub(super) fn said(
    key: &Sealed,
    parameters: &CryptographicParameters,
) -> Result<Option<CryptographicParameters>, Fault> {
    let mut said = parameters.clone();
    if let Cipher::Symmetric(cipher) = asked(key, parameters)? {
        said.block_cipher_mode = cipher.row.mode;
        said.padding_method =
            Some(cipher.padding).filter(|padding| *padding != PaddingMethod::NONE);
    }
    Ok((said != CryptographicParameters::default()).then_some(said))
}

/// Whether a MAC over the ciphertext vouches for the clear text: not where an initialisation vector
/// has a say, which stands beside the Key Value and outside of the MAC.
fn check_bound(cipher: &cipher::Cipher) -> Result<(), Fault> {
    let shape = cipher.row.shape;
    if shape.iv() == 0 || shape.is_authenticated() {
        return Ok(());
    }
    Err(Fault::new(
        Reason::UnsupportedCryptographicParameters,
        format!(
            "Encrypt then MAC/sign with {} leaves the initialisation vector outside of the MAC; take NIST Key Wrap, GCM, or MAC/sign then encrypt",
            cipher.row.name
        ),
    ))
}

/// Puts bytes under a key; answers them with the initialisation vector that was made. `bound`: a MAC
/// over them is to vouch for the clear text.
pub(super) async fn protect(
    context: &mut Context,
    key: &Sealed,
    parameters: &CryptographicParameters,
    clear: &[u8],
    bound: bool,
) -> Result<(Bytes, Option<Bytes>), Fault> {
    let cipher = match asked(key, parameters)? {
        Cipher::Asymmetric(how) => return Ok((how.encrypt(context, key, clear).await?, None)),
        Cipher::Symmetric(cipher) => cipher,
    };
    if bound {
        check_bound(&cipher)?;
    }
    cipher.permitted(context, key, false)?;
    if cipher.row.shape == Shape::Gcm {
        gcm_uses::count(context, key).await?;
    }
    let iv = context.engine.hsm.vector(cipher.row.shape.iv()).await?;
    let sealed = cipher.encrypt(context, key, &iv, &[], clear).await?;
    let mut bytes = sealed.data;
    bytes.extend_from_slice(&sealed.tag);
    Ok((bytes, (!iv.is_empty()).then_some(iv)))
}

/// The reverse.
pub(super) async fn open(
    context: &mut Context,
    key: &Sealed,
    parameters: &CryptographicParameters,
    wrapped: &[u8],
    iv: Option<&Bytes>,
) -> Result<Bytes, Fault> {
    let cipher = match asked(key, parameters)? {
        Cipher::Asymmetric(how) => return Box::pin(how.decrypt(context, key, wrapped)).await,
        Cipher::Symmetric(cipher) => cipher,
    };
    let (data, tag) = wrapped.split_at(wrapped.len().saturating_sub(cipher.tag_length));
    let iv = iv.map_or(&[][..], |iv| iv.as_slice());
    Box::pin(cipher.decrypt(context, key, iv, &[], data, tag)).await
}
