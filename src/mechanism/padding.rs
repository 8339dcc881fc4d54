//! Paddings of block ciphers (KMIP 2.1 §11.37): how a last block is filled, and how that is taken
//! away again. They are laid around the token's plain mechanism: no token has more than PKCS#5's.

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::protocol::enumeration::PaddingMethod;

/// What the bytes before the last one are; the last one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fill {
    /// Nothing is laid around; data comes in whole blocks.
    None,
    /// Every byte is the count (RFC 8018 §6.1.1).
    Count,
    /// Zeros, then the count (ANSI X9.23).
    ZerosAndCount,
    /// Anything, then the count (ISO 10126); zeros here, for a count needs no randomness.
    AnythingAndCount,
    /// Anything, then one less than the count (SSL 3.0, RFC 6101 §5.2.3.2).
    AnythingAndOneLess,
    /// Zeros and no count: taking it away would take the data's own zeros too, so nothing does.
    Zeros,
}

static PADDINGS: &[(PaddingMethod, Fill)] = &[
    (PaddingMethod::NONE, Fill::None),
    (PaddingMethod::PKCS5, Fill::Count),
    (PaddingMethod::SSL3, Fill::AnythingAndOneLess),
    (PaddingMethod::ZEROS, Fill::Zeros),
    (PaddingMethod::ANSI_X9_23, Fill::ZerosAndCount),
    (PaddingMethod::ISO_10126, Fill::AnythingAndCount),
];

/// A padding of block ciphers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Padding(Fill);

/// The padding of that name; None for those that are no block cipher's.
pub fn find(method: PaddingMethod) -> Option<Padding> {
    PADDINGS
        .iter()
        .find(|(own, _)| *own == method)
        .map(|(_, fill)| Padding(*fill))
}

/// The padding does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unpadded;

impl Padding {
    pub const NONE: Padding = Padding(Fill::None);

    /// Whether it is data alone.
    pub fn is_none(self) -> bool {
        self.0 == Fill::None
    }

    /// Whether the last block of a ciphertext must be seen before the last clear bytes are known.
    pub fn is_taken_away(self) -> bool {
        !matches!(self.0, Fill::None | Fill::Zeros)
    }

    /// Appends the padding to the last bytes of the data.
    pub fn lay(self, data: &mut Vec<u8>, block: usize) {
        let rest = data.len() % block;
        let count = block - rest;
        let (filler, last) = match self.0 {
            Fill::None => return,
            Fill::Zeros if rest == 0 => return,
            Fill::Zeros => (0, 0),
            Fill::Count => (count, count),
            Fill::ZerosAndCount | Fill::AnythingAndCount => (0, count),
            Fill::AnythingAndOneLess => (0, count - 1),
        };
        let whole = data.len() + count;
        data.resize(whole - 1, filler as u8);
        data.push(last as u8);
    }

    /// Takes the padding away, in a time that does not tell where it is wrong.
    pub fn take(
        self,
        mut clear: Zeroizing<Vec<u8>>,
        block: usize,
    ) -> Result<Zeroizing<Vec<u8>>, Unpadded> {
        if !self.is_taken_away() {
            return Ok(clear);
        }
        let last = clear.last_chunk::<1>().map_or(0, |[last]| *last);
        let count = match self.0 {
            Fill::AnythingAndOneLess => last.wrapping_add(1),
            _ => last,
        };
        let block = block.min(255) as u8;
        if clear.len() < usize::from(block) {
            return Err(Unpadded);
        }
        let mut good = !count.ct_eq(&0) & !u8::from(count > block).ct_eq(&1);
        // Every byte of the last block is looked at, whatever the count.
        for (place, byte) in (1..=block).zip(clear.iter().rev()) {
            let inside = Choice::from(u8::from(place <= count));
            let wanted = match self.0 {
                Fill::Count => count,
                Fill::ZerosAndCount => u8::conditional_select(&0, &count, place.ct_eq(&1)),
                _ => *byte,
            };
            good &= !inside | byte.ct_eq(&wanted);
        }
        if !bool::from(good) {
            return Err(Unpadded);
        }
        let length = clear.len() - usize::from(count);
        clear.truncate(length);
        Ok(clear)
    }
}
