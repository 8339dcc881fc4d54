//! Symmetric ciphers.

use std::borrow::Cow;

use openssl::cipher::Cipher;
use openssl::cipher_ctx::{CipherCtx, CipherCtxFlags};
use zeroize::Zeroizing;

use super::LibraryError;
use crate::mechanism::{Row, Shape, counter_suffices};

/// One call of a cipher; padding is the caller's.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub row: &'static Row,
    pub iv: &'a [u8],
    pub aad: &'a [u8],
    /// In bytes; 0 where the mode has none.
    pub tag_length: usize,
    /// Of the counter mode.
    pub counter_bits: u32,
}

impl Call<'_> {
    fn cipher(&self, key: usize) -> Result<Cipher, LibraryError> {
        let name = self
            .row
            .library_name(key)
            .filter(|_| self.row.takes_key(key))
            .ok_or_else(|| LibraryError::BadKey(format!("{} with {key} bytes", self.row.name)))?;
        Ok(Cipher::fetch(None, &name, None)?)
    }

    /// The vector as OpenSSL takes it.
    fn vector(&self) -> Result<Cow<'_, [u8]>, LibraryError> {
        if !self.row.shape.takes_iv(self.iv.len()) {
            return Err(LibraryError::BadInput(format!(
                "{} with a vector of {} bytes",
                self.row.name,
                self.iv.len()
            )));
        }
        Ok(self.row.shape.vector(self.iv))
    }

    /// A counter that comes round meets its own stream again.
    ///
    /// # Errors
    /// [`LibraryError::BadInput`] where `length` bytes are more than it counts.
    pub fn counter_suffices(&self, length: usize) -> Result<(), LibraryError> {
        match self.row.shape {
            Shape::Counter if !counter_suffices(self.iv, self.counter_bits, length) => Err(
                LibraryError::BadInput("the counter is too short for the data".into()),
            ),
            _ => Ok(()),
        }
    }

    fn begin(
        &self,
        key: &[u8],
        length: usize,
        tag: Option<&[u8]>,
    ) -> Result<CipherCtx, LibraryError> {
        let key = stretched(self.row, key);
        let cipher = self.cipher(key.len())?;
        let vector = self.vector()?;
        self.counter_suffices(length)?;
        let mut context = CipherCtx::new()?;
        if matches!(self.row.shape, Shape::KeyWrap | Shape::KeyWrapPadded) {
            context.set_flags(CipherCtxFlags::FLAG_WRAP_ALLOW);
        }
        let sealing = tag.is_none();
        let start = |context: &mut CipherCtx, cipher, key, vector| match sealing {
            true => context.encrypt_init(cipher, key, vector),
            false => context.decrypt_init(cipher, key, vector),
        };
        start(&mut context, Some(&cipher), None, None)?;
        if self.row.shape.is_authenticated() {
            context.set_iv_length(vector.len())?;
            match tag {
                Some(tag) => context.set_tag(tag)?,
                None if self.row.shape == Shape::Ccm => context.set_tag_length(self.tag_length)?,
                None => {}
            }
        }
        let vector = (!vector.is_empty()).then_some(&*vector);
        start(&mut context, None, Some(&key), vector)?;
        context.set_padding(false);
        if self.row.shape == Shape::Ccm {
            context.set_data_len(length)?;
        }
        if !self.aad.is_empty() {
            context.cipher_update(self.aad, None)?;
        }
        Ok(context)
    }

    /// Ciphertext and tag.
    pub fn encrypt(&self, key: &[u8], data: &[u8]) -> Result<(Vec<u8>, Vec<u8>), LibraryError> {
        if self.row.shape == Shape::Ccm && !self.row.shape.takes_tag(self.tag_length) {
            return Err(LibraryError::BadInput(format!(
                "{} with a tag of {} bytes",
                self.row.name, self.tag_length
            )));
        }
        let refused =
            || LibraryError::BadInput(format!("{} does not take this data", self.row.name));
        if !self.row.shape.wraps(data.len()) {
            return Err(refused());
        }
        let mut context = self.begin(key, data.len(), None)?;
        let mut out = Vec::with_capacity(data.len() + 32);
        let failed = |_| refused();
        context.cipher_update_vec(data, &mut out).map_err(failed)?;
        context.cipher_final_vec(&mut out).map_err(failed)?;
        let mut tag = vec![
            0;
            if self.row.shape.is_authenticated() {
                self.tag_length
            } else {
                0
            }
        ];
        if !tag.is_empty() {
            context.tag(&mut tag)?;
        }
        Ok((out, tag))
    }

    /// # Errors
    /// [`LibraryError::Integrity`] where tag or wrapping do not hold; nothing of the data is given then.
    pub fn decrypt(
        &self,
        key: &[u8],
        data: &[u8],
        tag: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, LibraryError> {
        // Of nothing OpenSSL unwraps nothing, and finds nothing wrong with it.
        if !self.row.shape.unwraps(data.len()) {
            return Err(LibraryError::Integrity);
        }
        let mut context = self.begin(key, data.len(), Some(tag))?;
        let mut out = Zeroizing::new(Vec::with_capacity(data.len() + 32));
        let failed = |_| LibraryError::Integrity;
        // CCM without data verifies its tag in an update of nothing.
        context.cipher_update_vec(data, &mut out).map_err(failed)?;
        if self.row.shape != Shape::Ccm {
            context.cipher_final_vec(&mut out).map_err(failed)?;
        }
        Ok(out)
    }
}

/// Two-key triple DES is the three-key one with the first key again (SP 800-67 §3.2).
pub(super) fn stretched(row: &Row, key: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(64));
    out.extend_from_slice(key);
    if row.keys == [16, 24] && key.len() == 16 {
        out.extend(key.iter().take(8));
    }
    out
}
