//! What arguments and answers are on their way. Both ends are the same program on one machine, so
//! numbers are as that has them.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use zeroize::Zeroizing;

use super::connection::LONGEST;
use crate::attribute::{Attribute, Value};
use crate::calls::{TokenInfo, User};
use crate::error::Error;
use crate::mechanism::Mechanism;

/// Something that can be put into a message, and be taken from one that lives for `'a`.
pub(crate) trait Wire<'a>: Sized {
    fn put(&self, message: &mut Vec<u8>);

    /// None where the message has something else.
    fn take(from: &mut Reader<'a>) -> Option<Self>;
}

/// What is left of a message.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    templates: &'a Templates<'a>,
    /// How many templates the next value is in.
    depth: usize,
}

/// Templates of a message: those of the call, and those in them.
#[derive(Default)]
pub(crate) struct Templates<'a>([OnceCell<Vec<Attribute<'a>>>; 8]);

impl<'a> Templates<'a> {
    fn keep(&'a self, template: Vec<Attribute<'a>>) -> Option<&'a [Attribute<'a>]> {
        let place = self.0.iter().find(|place| place.get().is_none())?;
        Some(place.get_or_init(|| template))
    }
}

impl<'a> Reader<'a> {
    pub(crate) fn new(rest: &'a [u8], templates: &'a Templates<'a>) -> Reader<'a> {
        Reader {
            rest,
            templates,
            depth: 0,
        }
    }

    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(bytes)
    }
}

macro_rules! numbers {
    ($($Number:ty)*) => {$(
        impl Wire<'_> for $Number {
            fn put(&self, message: &mut Vec<u8>) {
                message.extend_from_slice(&self.to_ne_bytes());
            }

            fn take(from: &mut Reader<'_>) -> Option<Self> {
                let bytes = from.bytes(size_of::<$Number>())?;
                Some(<$Number>::from_ne_bytes(bytes.try_into().ok()?))
            }
        }
    )*};
}

numbers! { u8 u32 u64 }

/// A length: memory of that size is asked for, so it has a bound.
impl Wire<'_> for usize {
    fn put(&self, message: &mut Vec<u8>) {
        (*self as u64).put(message);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        let length = usize::try_from(u64::take(from)?).ok()?;
        (length <= LONGEST).then_some(length)
    }
}

impl Wire<'_> for bool {
    fn put(&self, message: &mut Vec<u8>) {
        u8::from(*self).put(message);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        Some(u8::take(from)? != 0)
    }
}

impl Wire<'_> for () {
    fn put(&self, _: &mut Vec<u8>) {}

    fn take(_: &mut Reader<'_>) -> Option<Self> {
        Some(())
    }
}

impl<'a> Wire<'a> for [u8; 16] {
    fn put(&self, message: &mut Vec<u8>) {
        message.extend_from_slice(self);
    }

    fn take(from: &mut Reader<'a>) -> Option<Self> {
        from.bytes(16)?.try_into().ok()
    }
}

impl<'a> Wire<'a> for &'a [u8] {
    fn put(&self, message: &mut Vec<u8>) {
        self.len().put(message);
        message.extend_from_slice(self);
    }

    fn take(from: &mut Reader<'a>) -> Option<Self> {
        let length = usize::take(from)?;
        from.bytes(length)
    }
}

/// What is bytes in the end: how they are seen as such, and made of them.
macro_rules! bytes {
    ($($Type:ty: $seen:expr, $made:expr;)*) => {$(
        impl<'a> Wire<'a> for $Type {
            fn put(&self, message: &mut Vec<u8>) {
                let seen: fn(&Self) -> &[u8] = $seen;
                seen(self).put(message);
            }

            fn take(from: &mut Reader<'a>) -> Option<Self> {
                let made: fn(&'a [u8]) -> Option<Self> = $made;
                made(<&[u8]>::take(from)?)
            }
        }
    )*};
}

bytes! {
    Vec<u8>: |bytes| bytes, |bytes| Some(bytes.to_vec());
    Zeroizing<Vec<u8>>: |bytes| bytes, |bytes| Some(Zeroizing::new(bytes.to_vec()));
    &'a str: |text| text.as_bytes(), |bytes| std::str::from_utf8(bytes).ok();
    String: |text| text.as_bytes(), |bytes| String::from_utf8(bytes.to_vec()).ok();
    Cow<'static, str>: |text| text.as_bytes(), |bytes| String::from_utf8(bytes.to_vec()).ok().map(Cow::Owned);
    &'a Path: |path| path.as_os_str().as_bytes(), |bytes| Some(Path::new(OsStr::from_bytes(bytes)));
}

impl<'a> Wire<'a> for Vec<u64> {
    fn put(&self, message: &mut Vec<u8>) {
        self.len().put(message);
        self.iter().for_each(|number| number.put(message));
    }

    fn take(from: &mut Reader<'a>) -> Option<Self> {
        let count = usize::take(from)?;
        (0..count).map(|_| u64::take(from)).collect()
    }
}

impl<'a, A: Wire<'a>, B: Wire<'a>> Wire<'a> for (A, B) {
    fn put(&self, message: &mut Vec<u8>) {
        self.0.put(message);
        self.1.put(message);
    }

    fn take(from: &mut Reader<'a>) -> Option<Self> {
        Some((A::take(from)?, B::take(from)?))
    }
}

impl<'a> Wire<'a> for &'a [Attribute<'a>] {
    fn put(&self, message: &mut Vec<u8>) {
        self.len().put(message);
        self.iter().for_each(|attribute| attribute.put(message));
    }

    fn take(from: &mut Reader<'a>) -> Option<Self> {
        // A template in a template has none itself.
        if from.depth > 1 {
            return None;
        }
        from.depth += 1;
        let count = usize::take(from)?;
        let template: Option<_> = (0..count).map(|_| Attribute::take(from)).collect();
        from.depth -= 1;
        from.templates.keep(template?)
    }
}

impl<'a, T: Wire<'a>> Wire<'a> for Result<T, Error> {
    fn put(&self, message: &mut Vec<u8>) {
        self.is_ok().put(message);
        match self {
            Ok(answer) => answer.put(message),
            Err(error) => error.put(message),
        }
    }

    fn take(from: &mut Reader<'a>) -> Option<Self> {
        Some(match bool::take(from)? {
            true => Ok(T::take(from)?),
            false => Err(Error::take(from)?),
        })
    }
}

/// Types whose variants have a number, with their fields.
macro_rules! variants {
    ($($Type:ty { $($number:literal $Variant:ident { $($field:tt: $name:ident),* })* })*) => {$(
        impl<'a> Wire<'a> for $Type {
            fn put(&self, message: &mut Vec<u8>) {
                match self {$(
                    Self::$Variant { $($field: $name),* } => {
                        message.push($number);
                        $($name.put(message);)*
                    }
                )*}
            }

            fn take(from: &mut Reader<'a>) -> Option<Self> {
                Some(match u8::take(from)? {
                    $($number => Self::$Variant { $($field: Wire::take(from)?),* },)*
                    _ => return None,
                })
            }
        }
    )*};
}

variants! {
    Mechanism<'a> {
        0 Plain { 0: number }
        1 Iv { 0: number, 1: iv }
        2 Gcm { iv: iv, aad: aad, tag_bits: tag_bits }
        3 Ccm { nonce: nonce, aad: aad, tag_length: tag_length, data_length: data_length }
        4 Ctr { block: block, bits: bits }
        5 ChaCha20 { counter: counter, nonce: nonce }
        6 ChaCha20Poly1305 { nonce: nonce, aad: aad }
        7 EdDsaWithParameters {}
        8 Pss { mechanism: mechanism, hash: hash, mask_generation: mask_generation, salt_length: salt_length }
        9 Oaep { hash: hash, mask_generation: mask_generation, label: label }
        10 Ecdh { point: point }
        11 Hkdf { hash: hash, salt: salt, info: info }
        12 CounterKdf { prf: prf, fixed: fixed }
    }
    Value<'a> {
        0 Flag { 0: flag }
        1 Number { 0: number }
        2 Bytes { 0: bytes }
        3 Template { 0: template }
    }
    User {
        0 SecurityOfficer {}
        1 User {}
    }
    Error {
        0 Call { call: call, code: code }
        1 Missing { 0: call }
        2 Load { path: path, reason: reason }
        3 Files { 0: what }
        4 Process { 0: what }
    }
}

impl<'a> Wire<'a> for TokenInfo {
    fn put(&self, message: &mut Vec<u8>) {
        for text in [&self.label, &self.manufacturer, &self.model, &self.serial] {
            text.put(message);
        }
        (self.initialised, self.user_pin_set).put(message);
    }

    fn take(from: &mut Reader<'a>) -> Option<Self> {
        Some(TokenInfo {
            label: Wire::take(from)?,
            manufacturer: Wire::take(from)?,
            model: Wire::take(from)?,
            serial: Wire::take(from)?,
            initialised: Wire::take(from)?,
            user_pin_set: Wire::take(from)?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;

    /// What is put is taken again, whole; of a part nothing is.
    fn crosses(
        put: impl Fn(&mut Vec<u8>),
        shown: &str,
        take: fn(&mut Reader<'_>) -> Option<String>,
    ) {
        let mut message = Vec::new();
        put(&mut message);
        let templates = Templates::default();
        let mut reader = Reader::new(&message, &templates);
        assert_eq!(take(&mut reader).as_deref(), Some(shown));
        assert!(reader.rest.is_empty(), "{shown}");
        for length in 0..message.len() {
            let templates = Templates::default();
            let mut reader = Reader::new(&message[..length], &templates);
            assert_eq!(take(&mut reader), None, "{length} bytes of {shown}");
        }
    }

    macro_rules! cross {
        ($($Type:ty: $($value:expr),*;)*) => {$($({
            let value: $Type = $value;
            crosses(
                |message| value.put(message),
                &format!("{value:?}"),
                |reader| Some(format!("{:?}", <$Type>::take(reader)?)),
            );
        })*)*};
    }

    #[test]
    fn what_is_put_is_taken() {
        let (iv, aad) = (&[7; 12][..], &b"aad"[..]);
        let inner = [(1, Value::Flag(true)), (2, Value::Bytes(b""))];
        let nested = [(3, Value::Template(&inner)), (4, Value::Number(u64::MAX))];
        cross! {
            Mechanism<'_>:
                Mechanism::Plain(1),
                Mechanism::Iv(2, iv),
                Mechanism::Gcm { iv, aad, tag_bits: 128 },
                Mechanism::Ccm { nonce: iv, aad, tag_length: 16, data_length: 3 },
                Mechanism::Ctr { block: [9; 16], bits: 32 },
                Mechanism::ChaCha20 { counter: 1, nonce: iv },
                Mechanism::ChaCha20Poly1305 { nonce: iv, aad },
                Mechanism::EdDsaWithParameters,
                Mechanism::Pss { mechanism: 1, hash: 2, mask_generation: 3, salt_length: 4 },
                Mechanism::Oaep { hash: 1, mask_generation: 2, label: aad },
                Mechanism::Ecdh { point: iv },
                Mechanism::Hkdf { hash: 1, salt: iv, info: aad },
                Mechanism::CounterKdf { prf: 1, fixed: aad };
            &[Attribute<'_>]: &[], &inner, &nested;
            Result<(u64, u64), Error>:
                Ok((1, 2)),
                Err(Error::call("C_Sign", 3)),
                Err(Error::missing("C_SeedRandom")),
                Err(Error::Load { path: "p".into(), reason: "r".into() }),
                Err(Error::Files("f".into())),
                Err(Error::Process("p".into()));
            Vec<u64>: vec![], vec![1, 2];
            Zeroizing<Vec<u8>>: Zeroizing::new(vec![1; 300]);
            User: User::SecurityOfficer, User::User;
            &Path: Path::new("/ä/b");
            TokenInfo: TokenInfo {
                label: "l".into(),
                manufacturer: String::new(),
                model: "m".into(),
                serial: "s".into(),
                initialised: true,
                user_pin_set: false,
            };
        }
    }

    #[test]
    fn what_nobody_puts_is_refused() {
        let templates = Templates::default();
        assert!(Mechanism::take(&mut Reader::new(&[13, 0], &templates)).is_none());
        // A length beyond the bound, and more of something than there is.
        for count in [LONGEST as u64 + 1, u64::MAX, 1 << 20] {
            let message = count.to_ne_bytes();
            let templates = Templates::default();
            assert!(Vec::<u64>::take(&mut Reader::new(&message, &templates)).is_none());
            assert!(<&[u8]>::take(&mut Reader::new(&message, &templates)).is_none());
            assert!(<&[Attribute<'_>]>::take(&mut Reader::new(&message, &templates)).is_none());
        }
        // Templates in templates in templates.
        let mut message = Vec::new();
        for _ in 0..3 {
            (1_usize, 3_u64).put(&mut message);
            message.push(3);
        }
        0_usize.put(&mut message);
        let templates = Templates::default();
        assert!(<&[Attribute<'_>]>::take(&mut Reader::new(&message, &templates)).is_none());
    }
}
