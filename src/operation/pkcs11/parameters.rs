//! PKCS#11 Input and Output Parameters (KMIP Profiles 2.1 §5.18.1): CK_BYTE is one byte, CK_ULONG
//! eight, a count or length four, big-endian; structures stand in line; a count stands right before
//! what it counts; a buffer for a result is announced by a byte (whether there is one) and its
//! length, and answered the same way.

use zeroize::Zeroizing;

use crate::engine::error::{Fault, Reason};
use crate::protocol::structure::Bytes;

/// Input that ends too early, goes on too long, or has a flag that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(&'static str);

impl Malformed {
    pub const TEMPLATE: Malformed = Malformed("have a template of too many attributes");
}

impl From<Malformed> for Fault {
    fn from(error: Malformed) -> Self {
        Fault::new(
            Reason::Pkcs11CodecError,
            format!("the PKCS#11 Input Parameters {}", error.0),
        )
    }
}

const SHORT: Malformed = Malformed("end too early for this function");
const LONG: Malformed = Malformed("go on after the last parameter of this function");
const FLAG: Malformed = Malformed("have a boolean that is neither 0 nor 1");

/// Where the client wants a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Its length (in bytes or elements); None: the client asks for the length.
    pub length: Option<usize>,
}

/// Reads parameters; what it gives lies in the input.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(input: &'a [u8]) -> Self {
        Reader { rest: input }
    }

    pub fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(SHORT)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(SHORT)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub fn byte(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// CK_BBOOL, or whether something follows.
    pub fn flag(&mut self) -> Result<bool, Malformed> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(FLAG),
        }
    }

    /// CK_ULONG and what is made of it.
    pub fn long(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_be_bytes)
    }

    /// A count or length.
    pub fn count(&mut self) -> Result<usize, Malformed> {
        let count = u32::from_be_bytes(self.array()?);
        usize::try_from(count).map_err(|_| SHORT)
    }

    /// Bytes after their count.
    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.count()?;
        self.take(length)
    }

    pub fn buffer(&mut self) -> Result<Buffer, Malformed> {
        let there = self.flag()?;
        let length = self.count()?;
        Ok(Buffer {
            length: there.then_some(length),
        })
    }

    /// A length that some write as a CK_ULONG and some as a count: the one that fits what is left.
    pub fn last_length(&mut self) -> Result<u64, Malformed> {
        match self.rest.len() {
            4 => Ok(u64::from(u32::from_be_bytes(self.array()?))),
            _ => self.long(),
        }
    }

    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// Nothing may follow.
    pub fn end(self) -> Result<(), Malformed> {
        match self.rest.is_empty() {
            true => Ok(()),
            false => Err(LONG),
        }
    }
}

/// Writes parameters. Results are secrets now and then, so it leaves no copies when it is told how
/// much there will be.
#[derive(Debug, Default)]
pub struct Writer {
    out: Bytes,
}

impl Writer {
    pub fn with_capacity(length: usize) -> Self {
        Writer {
            out: Zeroizing::new(Vec::with_capacity(length)),
        }
    }

    pub fn byte(mut self, byte: u8) -> Self {
        self.out.push(byte);
        self
    }

    pub fn long(mut self, long: u64) -> Self {
        self.out.extend_from_slice(&long.to_be_bytes());
        self
    }

    pub fn count(mut self, count: usize) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.out.extend_from_slice(&count.to_be_bytes());
        self
    }

    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.out.extend_from_slice(bytes);
        self
    }

    /// Text in a field of fixed length, filled up with spaces; whole characters only.
    pub fn text(mut self, text: &str, length: usize) -> Self {
        let end = (0..=length.min(text.len()))
            .rev()
            .find(|end| text.is_char_boundary(*end))
            .unwrap_or(0);
        let shown = text.get(..end).unwrap_or_default();
        self.out.extend_from_slice(shown.as_bytes());
        let whole = self.out.len() + length - end;
        self.out.resize(whole, b' ');
        self
    }

    pub fn done(self) -> Bytes {
        self.out
    }
}

/// A result in its buffer.
pub fn filled(result: &[u8]) -> Bytes {
    Writer::with_capacity(5 + result.len())
        .byte(1)
        .count(result.len())
        .raw(result)
        .done()
}

/// How long a result will be.
pub fn announced(length: usize) -> Bytes {
    Writer::with_capacity(5).byte(0).count(length).done()
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests"
    )]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(byte: u8, long: u64, count in 0u32.., flag: bool, data: Vec<u8>) {
            let written = Writer::default()
                .byte(byte)
                .byte(u8::from(flag))
                .long(long)
                .count(count as usize)
                .count(data.len())
                .raw(&data)
                .raw(&filled(&data))
                .raw(&announced(7))
                .done();
            let mut reader = Reader::new(&written);
            prop_assert_eq!(reader.byte(), Ok(byte));
            prop_assert_eq!(reader.flag(), Ok(flag));
            prop_assert_eq!(reader.long(), Ok(long));
            prop_assert_eq!(reader.count(), Ok(count as usize));
            prop_assert_eq!(reader.bytes(), Ok(data.as_slice()));
            prop_assert_eq!(reader.buffer(), Ok(Buffer { length: Some(data.len()) }));
            prop_assert_eq!(reader.take(data.len()), Ok(data.as_slice()));
            prop_assert_eq!(reader.buffer(), Ok(Buffer { length: None }));
            prop_assert_eq!(reader.end(), Ok(()));
        }

        #[test]
        fn what_is_cut_short_is_refused(data in prop::collection::vec(any::<u8>(), 0..64), cut in 1usize..=64) {
            let written = Writer::default().count(data.len()).raw(&data).done();
            let whole = &written[..written.len().saturating_sub(cut)];
            prop_assert_eq!(Reader::new(whole).bytes(), Err(SHORT));
        }

        #[test]
        fn fields_of_text_have_their_length(text: String, length in 0usize..80) {
            let written = Writer::default().text(&text, length).done();
            prop_assert_eq!(written.len(), length);
            prop_assert!(std::str::from_utf8(&written).is_ok());
        }
    }

    #[test]
    fn a_flag_is_a_flag_and_an_end_an_end() {
        assert_eq!(Reader::new(&[2]).flag(), Err(FLAG));
        assert_eq!(Reader::new(&[0]).end(), Err(LONG));
        assert_eq!(Reader::new(&[0xff; 4]).bytes(), Err(SHORT));
    }
}
