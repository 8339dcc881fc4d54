//! The lexical form that a value has in both XML and JSON (Additional Message Encodings 1.0
//! §5 and §6). What only one of them writes differently is a parameter.

use std::borrow::Cow;
use std::fmt::Write as _;

use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

use crate::error::ErrorKind;
use crate::names::Names;
use crate::node::{Kind, Tag, Value, minimal_twos_complement};

/// Reads the text of an item whose names `tag` rules. A structure has no text.
pub(crate) fn read<'a>(
    kind: Kind,
    tag: Tag,
    text: Cow<'a, str>,
    names: &dyn Names,
) -> Result<Value<'a>, ErrorKind> {
    let bad = |expected| ErrorKind::BadValue { kind, expected };
    Ok(match kind {
        Kind::Structure => return Err(bad("items")),
        Kind::TextString => Value::TextString(text),
        Kind::Integer => Value::Integer(read_integer(tag, &text, names)?),
        Kind::LongInteger => Value::LongInteger(
            read_i64(&text).ok_or_else(|| bad("a decimal number or 0x and hex digits"))?,
        ),
        Kind::Enumeration => Value::Enumeration(read_enumeration(tag, &text, names)?),
        Kind::Interval => {
            let seconds = hex_word(&text).or_else(|| text.parse().ok());
            Value::Interval(seconds.ok_or_else(|| bad("seconds"))?)
        }
        Kind::Boolean => Value::Boolean(read_boolean(&text).ok_or_else(|| bad("true or false"))?),
        Kind::BigInteger => {
            let digits = text.strip_prefix("0x").unwrap_or(&text);
            let bytes = read_hex(digits).filter(|bytes| !bytes.is_empty());
            let bytes = bytes.ok_or_else(|| bad("pairs of hex digits"))?;
            Value::BigInteger(Cow::Owned(minimal_twos_complement(&bytes).to_vec()))
        }
        Kind::ByteString => {
            let bytes = read_hex(&text).ok_or_else(|| bad("pairs of hex digits"))?;
            Value::ByteString(Cow::Owned(bytes))
        }
        Kind::DateTime => {
            let seconds = read_date(&text).map(|micros| micros.div_euclid(1_000_000));
            let seconds = seconds
                .and_then(|s| i64::try_from(s).ok())
                .or_else(|| read_i64(&text));
            Value::DateTime(seconds.ok_or_else(|| bad("an ISO 8601 date and time"))?)
        }
        Kind::DateTimeExtended => {
            let micros = read_i64(&text);
            let micros =
                micros.or_else(|| read_date(&text).and_then(|micros| i64::try_from(micros).ok()));
            Value::DateTimeExtended(micros.ok_or_else(|| bad("microseconds since 1970"))?)
        }
    })
}

/// A decimal number, or a mask: names of bits and hex numbers, separated by blanks in XML and by
/// bars in JSON (both are read in both).
fn read_integer(tag: Tag, text: &str, names: &dyn Names) -> Result<i32, ErrorKind> {
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    let bad = ErrorKind::BadValue {
        kind: Kind::Integer,
        expected: "a decimal number, 0x and hex digits, or names of mask bits",
    };
    let is_mask = names.is_mask(tag);
    let mut bits = 0;
    let mut words = 0;
    let separator = |c: char| c == '|' || c.is_ascii_whitespace();
    for word in text.split(separator).filter(|word| !word.is_empty()) {
        words += 1;
        bits |= match hex_word(word) {
            Some(bit) => bit,
            None if is_mask => names
                .mask(tag, word)
                .ok_or_else(|| ErrorKind::unknown("mask bit", word))?,
            None => return Err(bad),
        };
    }
    if words > 0 || is_mask {
        Ok(bits.cast_signed())
    } else {
        Err(bad)
    }
}

fn read_enumeration(tag: Tag, text: &str, names: &dyn Names) -> Result<u32, ErrorKind> {
    let named = || {
        if names.holds_tags(tag) {
            names.tag(text).map(|named| named.0)
        } else {
            names.enumeration(tag, text)
        }
    };
    hex_word(text)
        .or_else(named)
        .or_else(|| text.parse().ok())
        .ok_or_else(|| ErrorKind::unknown("enumeration value", text))
}

fn read_boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => match read_i64(
            text.get(..2)
                .filter(|prefix| *prefix == "0x")
                .map(|_| text)?,
        )? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
    }
}

/// 0x and one to eight hex digits.
pub(crate) fn hex_word(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("0x")?;
    // from_str_radix takes a sign.
    (digits.len() <= 8 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
        .then(|| u32::from_str_radix(digits, 16).ok())?
}

/// Decimal, or 0x and up to sixteen hex digits of two's complement.
fn read_i64(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        None => text.parse().ok(),
        Some(digits) if digits.bytes().all(|b| b.is_ascii_hexdigit()) => {
            u64::from_str_radix(digits, 16).ok().map(u64::cast_signed)
        }
        Some(_) => None,
    }
}

fn read_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    let digit = |b: u8| {
        char::from(b)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    odd.is_empty().then_some(())?;
    pairs
        .iter()
        .map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?))
        .collect()
}

/// Microseconds since 1970 of an xsd:dateTime; one without an offset is taken as UTC.
fn read_date(text: &str) -> Option<i128> {
    let text = text.trim();
    let date = match OffsetDateTime::parse(text, &Rfc3339) {
        Ok(date) => date,
        Err(_) => OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339).ok()?,
    };
    Some(date.unix_timestamp_nanos().div_euclid(1_000))
}

/// Appends the text of anything but a structure. `separator` stands between the names of a mask.
pub(crate) fn write(
    value: &Value<'_>,
    tag: Tag,
    separator: char,
    names: &dyn Names,
    out: &mut String,
) {
    // Writing to a String cannot fail.
    let _ = match value {
        Value::Structure(_) => Ok(()),
        Value::Integer(v) if names.is_mask(tag) && *v != 0 => {
            write_mask(v.cast_unsigned(), tag, separator, names, out);
            Ok(())
        }
        Value::Integer(v) => write!(out, "{v}"),
        Value::LongInteger(v) | Value::DateTimeExtended(v) => write!(out, "{v}"),
        Value::Interval(v) => write!(out, "{v}"),
        Value::Boolean(v) => write!(out, "{v}"),
        Value::TextString(v) => out.write_str(v),
        Value::Enumeration(v) => {
            let name = if names.holds_tags(tag) {
                names.tag_name(Tag(*v))
            } else {
                names.enumeration_name(tag, *v)
            };
            match name {
                Some(name) => out.write_str(name),
                None => write!(out, "0x{v:08X}"),
            }
        }
        Value::ByteString(bytes) => {
            write_hex(bytes, out);
            Ok(())
        }
        Value::BigInteger(bytes) => {
            write_big_integer(bytes, out);
            Ok(())
        }
        Value::DateTime(seconds) => match written_date(*seconds) {
            Some((date, time)) => write!(
                out,
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}+00:00",
                date.year(),
                u8::from(date.month()),
                date.day(),
                time.hour(),
                time.minute(),
                time.second()
            ),
            None => write!(out, "0x{seconds:016x}"),
        },
    };
}

/// The years that xsd:dateTime and ISO 8601 write with four digits; others are written in hex.
fn written_date(seconds: i64) -> Option<(Date, Time)> {
    let date = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    let first = Date::from_calendar_date(1, Month::January, 1).ok()?;
    (date.date() >= first && date.year() <= 9999).then(|| {
        let plain = PrimitiveDateTime::new(date.date(), date.time());
        (plain.date(), plain.time())
    })
}

fn write_mask(mut bits: u32, tag: Tag, separator: char, names: &dyn Names, out: &mut String) {
    let mut first = true;
    let mut unnamed = 0;
    let mut push = |word: &str| {
        if !std::mem::take(&mut first) {
            out.push(separator);
        }
        out.push_str(word);
    };
    while bits != 0 {
        let bit = 1 << bits.trailing_zeros();
        bits &= !bit;
        match names.mask_name(tag, bit) {
            Some(name) => push(name),
            None => unnamed |= bit,
        }
    }
    if unnamed != 0 {
        push(&format!("0x{unnamed:08x}"));
    }
}

/// xsd:hexBinary, sign-extended to a multiple of eight bytes like the binary encoding.
fn write_big_integer(bytes: &[u8], out: &mut String) {
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    for _ in bytes.len()..bytes.len().max(1).next_multiple_of(8) {
        out.push_str(if negative { "ff" } else { "00" });
    }
    write_hex(bytes, out);
}

fn write_hex(bytes: &[u8], out: &mut String) {
    out.reserve(bytes.len() * 2);
    for byte in bytes {
        for digit in [byte >> 4, byte & 0xF] {
            out.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
}
