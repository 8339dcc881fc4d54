//! Encrypt and decrypt with a symmetric key.

use zeroize::Zeroizing;

use super::place::{self, Place};
use super::{bad, not_decrypted, unsupported};
use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::hsm::{CipherParameters, HsmError, KeyKind};
use crate::library;
use crate::mechanism::padding::{self, Padding};
use crate::mechanism::{self, Row, Service, Shape};
use crate::object::generation;
use crate::object::managed::Sealed;
use crate::object::usage;
use crate::protocol::enumeration::{
    BlockCipherMode, CryptographicAlgorithm, KeyFormatType, PaddingMethod,
};
use crate::protocol::key_block::CryptographicParameters;
use crate::protocol::structure::Bytes;

/// A cipher as it will be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cipher {
    pub row: &'static Row,
    pub padding: PaddingMethod,
    /// In bytes; 0 where the mode has none.
    pub tag_length: usize,
    /// Of the counter mode, in bits.
    pub counter_bits: u32,
    kind: KeyKind,
}

/// Data and tag, the tag empty where the mode has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ciphertext {
    pub data: Bytes,
    pub tag: Bytes,
}

/// Shorter tags are a permission of their own.
const SHORTEST_TAG: usize = 12;

/// The whole block counts unless the client says otherwise.
const COUNTER_BITS: u32 = 128;

/// The mode where the request and the key name none: the one that also protects integrity.
fn default_mode(algorithm: CryptographicAlgorithm) -> Option<BlockCipherMode> {
    match algorithm {
        CryptographicAlgorithm::CHACHA20 => None,
        CryptographicAlgorithm::CHACHA20POLY1305 => Some(BlockCipherMode::AEAD),
        _ => Some(BlockCipherMode::GCM),
    }
}

fn tag_length(row: &Row, asked: Option<i32>) -> Result<usize, Fault> {
    if !row.shape.is_authenticated() {
        return Ok(0);
    }
    let Some(length) = asked else { return Ok(16) };
    usize::try_from(length)
        .ok()
        .filter(|length| row.shape.takes_tag(*length))
        .ok_or_else(|| {
            Fault::new(
                Reason::InvalidTagLength,
                format!("{} has no tag of {length} bytes", row.name),
            )
        })
}

/// The algorithm of a cipher: the key's own. A key that serves two algorithms protects with neither.
pub fn own_algorithm(
    key: &Sealed,
    asked: Option<CryptographicAlgorithm>,
) -> Result<CryptographicAlgorithm, Fault> {
    match (usage::algorithm(key), asked) {
        (Some(own), Some(asked)) if own != asked => Err(bad(format!(
            "the key is one of {own}; the request asks for {asked}"
        ))),
        (Some(own), _) => Ok(own),
        (None, Some(asked)) => Ok(asked),
        (None, None) => Err(bad("the key has no Cryptographic Algorithm")),
    }
}

/// What the request (or the key) asks for.
pub fn asked(key: &Sealed, asked: &CryptographicParameters) -> Result<Cipher, Fault> {
    let algorithm = own_algorithm(key, asked.cryptographic_algorithm)?;
    let mode = asked
        .block_cipher_mode
        .or_else(|| default_mode(algorithm))
        // ChaCha20 has no modes; what a client says of one is about nothing.
        .filter(|_| algorithm != CryptographicAlgorithm::CHACHA20);
    let row = mechanism::find(Service::Cipher, algorithm, mode, None).ok_or_else(|| {
        unsupported(match mode {
            Some(mode) => format!("encryption with {algorithm} in block cipher mode {mode}"),
            None => format!("encryption with {algorithm}"),
        })
    })?;
    let padding = asked.padding_method.unwrap_or(PaddingMethod::NONE);
    match padding::find(padding) {
        Some(method) if method.is_none() || row.shape.pads().is_some() => {}
        _ => return Err(unsupported(format!("{} with padding {padding}", row.name))),
    }
    let counter_bits = match asked.counter_length {
        None | Some(0) => COUNTER_BITS,
        Some(length) => u32::try_from(length)
            .ok()
            .filter(|length| (1..=COUNTER_BITS).contains(length))
            .ok_or_else(|| unsupported(format!("a Counter Length of {length} bits")))?,
    };
    Ok(Cipher {
        row,
        padding,
        tag_length: tag_length(row, asked.tag_length)?,
        counter_bits,
        kind: generation::kind_of(algorithm),
    })
}

impl Cipher {
    pub fn padding(&self) -> Padding {
        padding::find(self.padding).unwrap_or(Padding::NONE)
    }

    /// The same without padding: for the inner parts of a stream.
    pub fn plain(self) -> Cipher {
        Cipher {
            padding: PaddingMethod::NONE,
            ..self
        }
    }

    /// Mechanisms and parameters that are permissions of their own. `chosen`: the initialisation
    /// vector is the caller's, and protects what is new.
    pub fn permitted(&self, context: &Context, key: &Sealed, chosen: bool) -> Result<(), Fault> {
        let needs = [
            self.row.needs,
            (chosen && self.row.shape == Shape::Gcm).then_some(Permission::ChooseGcmIv),
            (self.row.shape.is_authenticated() && self.tag_length < SHORTEST_TAG)
                .then_some(Permission::UseShortTag),
        ];
        for permission in needs.into_iter().flatten() {
            context.permit_with(key, permission)?;
        }
        Ok(())
    }

    fn parameters(&self) -> CipherParameters {
        CipherParameters {
            algorithm: self.row.algorithm.0,
            mode: self.row.mode.map_or(0, |mode| mode.0),
            padding: self.padding.0,
            tag_length: u32::try_from(self.tag_length).unwrap_or(0),
            counter_bits: self.counter_bits,
        }
    }

    /// Data that is to be in whole blocks, and is not.
    fn whole(&self, length: usize) -> Result<(), Fault> {
        match self.row.shape.pads() {
            Some(block) if self.padding().is_none() && !length.is_multiple_of(block) => {
                Err(Fault::new(
                    Reason::CryptographicFailure,
                    format!(
                        "{} takes whole blocks of {block} bytes; ask for a Padding Method",
                        self.row.name
                    ),
                ))
            }
            _ => Ok(()),
        }
    }

    fn vector(&self, iv: &[u8]) -> Result<(), Fault> {
        match self.row.shape.takes_iv(iv.len()) {
            true => Ok(()),
            false => Err(Fault::new(
                Reason::CryptographicFailure,
                format!(
                    "{} takes no IV/Counter/Nonce of {} bytes",
                    self.row.name,
                    iv.len()
                ),
            )),
        }
    }

    pub async fn encrypt(
        &self,
        context: &mut Context,
        key: &Sealed,
        iv: &[u8],
        aad: &[u8],
        data: &[u8],
    ) -> Result<Ciphertext, Fault> {
        self.vector(iv)?;
        self.whole(data.len())?;
        self.call(iv, aad).counter_suffices(data.len())?;
        if place::of(context, key, self.row)? == Place::Token {
            let ready = usage::ready(context, key, self.kind).await?;
            let using = ready.key(context, key)?;
            let hsm = &context.engine.hsm;
            match hsm.encrypt(&using, self.parameters(), iv, aad, data).await {
                Ok(sealed) => {
                    return Ok(Ciphertext {
                        data: Bytes::new(sealed.data),
                        tag: Bytes::new(sealed.tag),
                    });
                }
                Err(error) if place::falls_back(context, key, self.row, &error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let secret = place::material(context, key, KeyFormatType::RAW).await?;
        let mut padded = Zeroizing::new(Vec::with_capacity(data.len() + 16));
        padded.extend_from_slice(data);
        if let Some(block) = self.row.shape.pads() {
            self.padding().lay(&mut padded, block);
        }
        let (data, tag) = self.call(iv, aad).encrypt(&secret, &padded)?;
        Ok(Ciphertext {
            data: Bytes::new(data),
            tag: Bytes::new(tag),
        })
    }

    /// # Errors
    /// [`not_decrypted`] whatever does not hold.
    pub async fn decrypt(
        &self,
        context: &mut Context,
        key: &Sealed,
        iv: &[u8],
        aad: &[u8],
        data: &[u8],
        tag: &[u8],
    ) -> Result<Bytes, Fault> {
        // The tag is as long as was asked for: whoever may cut it short, may guess it.
        if !self.row.shape.takes_iv(iv.len()) || tag.len() != self.tag_length {
            return Err(not_decrypted());
        }
        if place::of(context, key, self.row)? == Place::Token {
            let ready = usage::ready(context, key, self.kind).await?;
            let using = ready.key(context, key)?;
            let hsm = &context.engine.hsm;
            match hsm
                .decrypt(&using, self.parameters(), iv, aad, data, tag)
                .await
            {
                Ok(clear) => return Ok(clear),
                Err(HsmError::Integrity(_) | HsmError::BadInput(_)) => return Err(not_decrypted()),
                Err(error) if place::falls_back(context, key, self.row, &error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let secret = place::material(context, key, KeyFormatType::RAW).await?;
        let failed = |_| not_decrypted();
        let clear = self
            .call(iv, aad)
            .decrypt(&secret, data, tag)
            .map_err(failed)?;
        match self.row.shape.pads() {
            Some(block) => self
                .padding()
                .take(clear, block)
                .map_err(|_| not_decrypted()),
            None => Ok(clear),
        }
    }

    fn call<'a>(&self, iv: &'a [u8], aad: &'a [u8]) -> library::cipher::Call<'a> {
        library::cipher::Call {
            row: self.row,
            iv,
            aad,
            tag_length: self.tag_length,
            counter_bits: self.counter_bits,
        }
    }
}
