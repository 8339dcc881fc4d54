//! Ciphers over data that comes in parts (KMIP 1.3 on). A stream is state between ordinary calls:
//! it holds no session of the token and no key. What a mode carries from block to block
//! (SP 800-38A §6) is its next initialisation vector.

use zeroize::Zeroizing;

use super::cipher::{Cipher, Ciphertext};
use super::not_decrypted;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::mechanism::Shape;
use crate::object::managed::Sealed;
use crate::protocol::structure::Bytes;

/// Bytes that one stream may hold back.
pub const LONGEST: usize = 16 << 20;

/// Which way data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Encrypt,
    Decrypt,
}

/// A cipher in the middle of its data.
#[derive(Debug)]
pub struct CipherStream {
    cipher: Cipher,
    direction: Direction,
    /// The next vector, or the first one where all data is gathered.
    iv: Bytes,
    aad: Bytes,
    tag: Bytes,
    /// Data that waits: less than a block, or everything.
    held: Bytes,
    /// Of authenticated encryption: how much of `held` was answered.
    answered: usize,
    /// The vector is the caller's, and protects what is new.
    chosen: bool,
}

/// Appends to bytes that must leave no copies behind.
pub fn append(held: &mut Bytes, data: &[u8]) -> Result<(), Fault> {
    let length = held.len() + data.len();
    if length > LONGEST {
        return Err(Fault::new(
            Reason::ServerLimitExceeded,
            format!("a stream holds back {LONGEST} bytes at the most; cut the data into several"),
        ));
    }
    if length > held.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(length.next_power_of_two()));
        larger.extend_from_slice(held);
        *held = larger;
    }
    held.extend_from_slice(data);
    Ok(())
}

fn too_long() -> Fault {
    Fault::new(
        Reason::CryptographicFailure,
        "the counter is too short for more data",
    )
}

impl CipherStream {
    /// `made`: the vector is the server's.
    pub fn new(
        cipher: Cipher,
        direction: Direction,
        (iv, made): (Bytes, bool),
        aad: Bytes,
    ) -> CipherStream {
        CipherStream {
            iv: Zeroizing::new(cipher.row.shape.vector(&iv).into_owned()),
            cipher,
            direction,
            aad,
            tag: Bytes::default(),
            held: Bytes::default(),
            answered: 0,
            chosen: !made && direction == Direction::Encrypt,
        }
    }

    /// The tag to verify, whenever it comes.
    pub fn set_tag(&mut self, tag: &Bytes) {
        self.tag = tag.clone();
    }

    /// Bytes of memory.
    pub fn held(&self) -> usize {
        self.held.capacity() + self.aad.capacity() + self.tag.capacity()
    }

    /// Whether the caller may go on: the cipher may need permissions of its own, at every part.
    pub fn permitted(&self, context: &Context, key: &Sealed) -> Result<(), Fault> {
        self.cipher.permitted(context, key, self.chosen)
    }

    /// Takes a part; gives what can be given, and with the last part all that is left.
    pub async fn feed(
        &mut self,
        context: &mut Context,
        key: &Sealed,
        data: &[u8],
        last: bool,
    ) -> Result<Ciphertext, Fault> {
        append(&mut self.held, data)?;
        match (self.cipher.row.shape, self.direction) {
            (shape, Direction::Encrypt) if shape.is_authenticated() => {
                self.seal(context, key, last).await
            }
            (shape, Direction::Decrypt) if shape.is_authenticated() => {
                self.open(context, key, last).await
            }
            (Shape::Xts | Shape::KeyWrap | Shape::KeyWrapPadded, _) => {
                self.whole(context, key, last).await
            }
            _ => self.run(context, key, last).await,
        }
    }

    /// All data in one part, without holding any back.
    pub async fn at_once(
        &mut self,
        context: &mut Context,
        key: &Sealed,
        data: &[u8],
    ) -> Result<Ciphertext, Fault> {
        if self.direction == Direction::Encrypt {
            return self
                .cipher
                .encrypt(context, key, &self.iv, &self.aad, data)
                .await;
        }
        self.opened(context, key, data).await
    }

    /// Decrypted, with the tag that came, or that ends the data.
    async fn opened(
        &self,
        context: &mut Context,
        key: &Sealed,
        data: &[u8],
    ) -> Result<Ciphertext, Fault> {
        let (data, tag) = match self.tag.is_empty() {
            false => (data, self.tag.as_slice()),
            // Before 1.4 the tag ends the data.
            true => data.split_at(data.len().saturating_sub(self.cipher.tag_length)),
        };
        let clear = self
            .cipher
            .decrypt(context, key, &self.iv, &self.aad, data, tag)
            .await?;
        Ok(Ciphertext {
            data: clear,
            tag: Bytes::default(),
        })
    }

    /// Nothing before the end.
    async fn whole(
        &mut self,
        context: &mut Context,
        key: &Sealed,
        last: bool,
    ) -> Result<Ciphertext, Fault> {
        if !last {
            return Ok(nothing());
        }
        let data = std::mem::take(&mut self.held);
        self.call(context, key, self.cipher, &data).await
    }

    /// Nothing before the tag is verified.
    async fn open(
        &mut self,
        context: &mut Context,
        key: &Sealed,
        last: bool,
    ) -> Result<Ciphertext, Fault> {
        if !last {
            return Ok(nothing());
        }
        let held = std::mem::take(&mut self.held);
        self.opened(context, key, &held).await
    }

    /// The ciphertext of a beginning is the beginning of the ciphertext: what is there is encrypted
    /// anew each time it has grown by a quarter, so that all parts together cost a few times the
    /// whole, and only the last gives the tag.
    async fn seal(
        &mut self,
        context: &mut Context,
        key: &Sealed,
        last: bool,
    ) -> Result<Ciphertext, Fault> {
        let new = self.held.len() - self.answered;
        if !last && (new == 0 || new < self.answered / 4) {
            return Ok(nothing());
        }
        let sealed = self
            .cipher
            .encrypt(context, key, &self.iv, &self.aad, &self.held)
            .await?;
        let data = sealed.data.get(self.answered..).unwrap_or_default();
        self.answered = self.held.len();
        Ok(Ciphertext {
            data: Zeroizing::new(data.to_vec()),
            tag: if last { sealed.tag } else { Bytes::default() },
        })
    }

    /// Whole blocks as they come.
    async fn run(
        &mut self,
        context: &mut Context,
        key: &Sealed,
        last: bool,
    ) -> Result<Ciphertext, Fault> {
        let shape = self.cipher.row.shape;
        let chunk = match shape {
            Shape::ChaCha20 => 64,
            Shape::Codebook { block }
            | Shape::Chained { block }
            | Shape::CipherFeedback { block }
            | Shape::OutputFeedback { block } => block,
            _ => 16,
        };
        let holds_back =
            self.direction == Direction::Decrypt && self.cipher.padding().is_taken_away();
        let whole = self.held.len() - self.held.len() % chunk;
        let count = match (last, holds_back) {
            (true, _) => self.held.len(),
            // The last block is the padding's.
            (false, true) if whole == self.held.len() => whole.saturating_sub(chunk),
            _ => whole,
        };
        let padded = last && !self.cipher.padding().is_none();
        if count == 0 && !padded {
            return Ok(nothing());
        }
        if self.is_spent() {
            return Err(too_long());
        }
        let cipher = if last {
            self.cipher
        } else {
            self.cipher.plain()
        };
        let (now, later) = self.held.split_at(count);
        let (now, later) = (Zeroizing::new(now.to_vec()), Zeroizing::new(later.to_vec()));
        let out = self.call(context, key, cipher, &now).await?;
        if !last {
            self.advance(&now, &out.data)?;
        }
        self.held = later;
        Ok(out)
    }

    async fn call(
        &self,
        context: &mut Context,
        key: &Sealed,
        cipher: Cipher,
        data: &[u8],
    ) -> Result<Ciphertext, Fault> {
        match self.direction {
            Direction::Encrypt => cipher.encrypt(context, key, &self.iv, &[], data).await,
            Direction::Decrypt => {
                let clear = cipher
                    .decrypt(context, key, &self.iv, &[], data, &[])
                    .await
                    .map_err(|fault| match fault.reason {
                        Reason::CryptographicFailure => not_decrypted(),
                        _ => fault,
                    })?;
                Ok(Ciphertext {
                    data: clear,
                    tag: Bytes::default(),
                })
            }
        }
    }

    /// A counter that has counted to its end: there is no vector for more data.
    fn is_spent(&self) -> bool {
        self.iv.is_empty() && self.cipher.row.shape.iv() > 0
    }

    /// The vector with which the next block goes on.
    fn advance(&mut self, input: &[u8], output: &[u8]) -> Result<(), Fault> {
        let encrypted = match self.direction {
            Direction::Encrypt => output,
            Direction::Decrypt => input,
        };
        let tail = |bytes: &[u8], block: usize| {
            bytes
                .get(bytes.len().saturating_sub(block)..)
                .unwrap_or_default()
                .to_vec()
        };
        match self.cipher.row.shape {
            Shape::Chained { block } | Shape::CipherFeedback { block } => {
                self.iv = Zeroizing::new(tail(encrypted, block));
            }
            Shape::OutputFeedback { block } => {
                let mut stream = Zeroizing::new(tail(input, block));
                for (byte, other) in stream.iter_mut().zip(tail(output, block)) {
                    *byte ^= other;
                }
                self.iv = stream;
            }
            Shape::Counter => {
                let blocks = (input.len() / 16) as u128;
                let block = self.iv.first_chunk::<16>().ok_or_else(too_long)?;
                let block = u128::from_be_bytes(*block);
                let next = match 1_u128.checked_shl(self.cipher.counter_bits) {
                    // The whole block counts, and comes round.
                    None => Some(block.wrapping_add(blocks)),
                    Some(limit) => match (block % limit).checked_add(blocks) {
                        Some(next) if next < limit => Some(block - block % limit + next),
                        Some(next) if next == limit => None,
                        _ => return Err(too_long()),
                    },
                };
                let next = next.map_or_else(Vec::new, |next| next.to_be_bytes().to_vec());
                self.iv = Zeroizing::new(next);
            }
            Shape::ChaCha20 => {
                let counter = self.iv.first_chunk_mut::<4>().ok_or_else(too_long)?;
                let blocks = (input.len() / 64) as u64;
                let next = u64::from(u32::from_le_bytes(*counter)) + blocks;
                match u32::try_from(next) {
                    Ok(next) => *counter = next.to_le_bytes(),
                    Err(_) if next == 1 << 32 => self.iv = Bytes::default(),
                    Err(_) => return Err(too_long()),
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn nothing() -> Ciphertext {
    Ciphertext {
        data: Bytes::default(),
        tag: Bytes::default(),
    }
}
