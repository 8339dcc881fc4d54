//! Changes to messages that leave them well formed: libFuzzer changes bytes, and nearly every
//! change of a length is the end of a TTLV message.

use keyward::protocol::enumeration::{ENUMERATIONS, of_tag};
use keyward::protocol::tag::TAGS;
use ttlv::{Kind, Limits, Node, Tag, Value};

use crate::messages::split;

/// libFuzzer's own mutation: bytes, how many of them are in use, how many may be.
pub type Plain = fn(&mut [u8], usize, usize) -> usize;

/// Xorshift: the same seed is the same mutation.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap_or(0)
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }
}

/// Changes `data[..size]`; the new size, at most `most`.
pub fn mutate(data: &mut [u8], size: usize, most: usize, seed: u32, plain: Plain) -> usize {
    let mut dice = Dice(u64::from(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    if dice.below(8) > 0
        && let Some(changed) = changed(&data[..size], &mut dice, plain)
        && changed.len() <= most
    {
        data[..changed.len()].copy_from_slice(&changed);
        return changed.len();
    }
    plain(data, size, most)
}

/// The messages of an input with one change; None where it has none that can be read.
fn changed(input: &[u8], dice: &mut Dice, plain: Plain) -> Option<Vec<u8>> {
    let limits = Limits::default();
    let mut messages: Vec<Node<'_>> = split(input)
        .into_iter()
        .map_while(|message| ttlv::binary::decode(message, &limits).ok())
        .collect();
    let place = dice.below(messages.len());
    let other = messages.get(dice.below(messages.len()))?.clone();
    match dice.below(32) {
        0 if messages.len() > 1 => drop(messages.remove(place)),
        1 => messages.insert(place, other),
        _ => {
            for _ in 0..=dice.below(3) {
                let message = messages.get_mut(place)?;
                let target = dice.below(count(message));
                let donor = nth(&other, &mut dice.below(count(&other)))?.clone();
                change(nth_mut(message, &mut { target })?, donor, dice, plain);
            }
        }
    }
    let mut out = Vec::with_capacity(input.len() + 256);
    for message in &messages {
        ttlv::binary::encode(message, &mut out);
    }
    Some(out)
}

fn count(node: &Node<'_>) -> usize {
    1 + node.items().iter().map(count).sum::<usize>()
}

fn nth<'n, 'a>(node: &'n Node<'a>, left: &mut usize) -> Option<&'n Node<'a>> {
    if *left == 0 {
        return Some(node);
    }
    *left -= 1;
    node.items().iter().find_map(|item| nth(item, left))
}

fn nth_mut<'n, 'a>(node: &'n mut Node<'a>, left: &mut usize) -> Option<&'n mut Node<'a>> {
    if *left == 0 {
        return Some(node);
    }
    *left -= 1;
    match &mut node.value {
        Value::Structure(items) => items.iter_mut().find_map(|item| nth_mut(item, left)),
        _ => None,
    }
}

fn change<'a>(node: &mut Node<'a>, donor: Node<'a>, dice: &mut Dice, plain: Plain) {
    let choice = dice.below(16);
    if let Value::Structure(items) = &mut node.value {
        let place = dice.below(items.len());
        match choice {
            0..4 if !items.is_empty() => drop(items.remove(place)),
            4..6 if !items.is_empty() => {
                let again = items[place].clone();
                items.insert(place, again);
            }
            6..8 if items.len() > 1 => {
                let other = dice.below(items.len());
                items.swap(place, other);
            }
            8..12 => items.insert(place, donor),
            12 => node.tag = any_tag(dice),
            13 => node.value = donor.value,
            _ => {
                let tag = any_tag(dice);
                let value = any_value(tag, dice);
                items.insert(place, Node::new(tag, value));
            }
        }
        return;
    }
    match choice {
        0 => node.tag = any_tag(dice),
        1 => node.value = any_value(node.tag, dice),
        2 => node.value = donor.value,
        _ => change_value(node, dice, plain),
    }
}

fn change_value(node: &mut Node<'_>, dice: &mut Dice, plain: Plain) {
    let tag = node.tag;
    match &mut node.value {
        Value::Structure(_) => {}
        Value::Integer(number) => *number = any_number(dice, i64::from(*number)) as i32,
        Value::LongInteger(number) | Value::DateTime(number) | Value::DateTimeExtended(number) => {
            *number = any_number(dice, *number);
        }
        Value::Interval(number) => *number = any_number(dice, i64::from(*number)) as u32,
        Value::Boolean(value) => *value = !*value,
        Value::Enumeration(number) => *number = any_enumeration(tag, dice),
        Value::TextString(text) => {
            let changed = match dice.below(4) {
                0 => format!("#{}", dice.below(32)),
                1 => dice
                    .pick(TAGS)
                    .map_or(String::new(), |row| row.spoken.to_owned()),
                _ => String::from_utf8_lossy(&shuffled(text.as_bytes(), plain)).into_owned(),
            };
            *text = changed.into();
        }
        Value::ByteString(bytes) | Value::BigInteger(bytes) => {
            let changed = match dice.below(8) {
                0 => format!("#{}", dice.below(4)).into_bytes(),
                1 => vec![0; dice.below(300)],
                _ => shuffled(bytes, plain),
            };
            // A number without a byte is none.
            if !changed.is_empty() {
                *bytes = changed.into();
            }
        }
    }
    if let Value::BigInteger(bytes) = &node.value {
        node.value = Value::BigInteger(ttlv::node::minimal_twos_complement(bytes).to_vec().into());
    }
}

fn shuffled(bytes: &[u8], plain: Plain) -> Vec<u8> {
    let mut room = bytes.to_vec();
    let most = bytes.len() + 64;
    room.resize(most, 0);
    let length = plain(&mut room, bytes.len(), most);
    room.truncate(length);
    room
}

fn any_number(dice: &mut Dice, from: i64) -> i64 {
    const EDGES: [i64; 16] = [
        0,
        1,
        -1,
        2,
        7,
        8,
        16,
        128,
        256,
        2048,
        65_535,
        65_536,
        1 << 31,
        i64::MAX,
        i64::MIN,
        1_735_689_600,
    ];
    match dice.below(4) {
        0 => from.wrapping_add(1),
        1 => from.wrapping_sub(1),
        2 => from ^ (1 << dice.below(32)),
        _ => EDGES[dice.below(EDGES.len())],
    }
}

fn any_enumeration(tag: Tag, dice: &mut Dice) -> u32 {
    let table = of_tag(tag).or_else(|| dice.pick(ENUMERATIONS).copied());
    let row = table.and_then(|table| dice.pick(table.rows));
    row.map_or(0, |row| row.value)
}

fn any_tag(dice: &mut Dice) -> Tag {
    dice.pick(TAGS).map_or(Tag(0x42_0001), |row| row.tag)
}

fn any_value<'a>(tag: Tag, dice: &mut Dice) -> Value<'a> {
    let number = any_number(dice, 0);
    let kind = u8::try_from(dice.below(12)).ok().and_then(Kind::from_byte);
    match kind {
        _ if of_tag(tag).is_some() => Value::Enumeration(any_enumeration(tag, dice)),
        Some(Kind::Integer) => Value::Integer(number as i32),
        Some(Kind::LongInteger) => Value::LongInteger(number),
        Some(Kind::BigInteger) => Value::BigInteger(
            ttlv::node::minimal_twos_complement(&number.to_be_bytes())
                .to_vec()
                .into(),
        ),
        Some(Kind::Enumeration) => Value::Enumeration(number as u32),
        Some(Kind::Boolean) => Value::Boolean(number & 1 == 0),
        Some(Kind::TextString) => Value::TextString(format!("#{}", dice.below(16)).into()),
        Some(Kind::ByteString) => Value::ByteString(vec![0; dice.below(40)].into()),
        Some(Kind::DateTime) => Value::DateTime(number),
        Some(Kind::Interval) => Value::Interval(number as u32),
        Some(Kind::DateTimeExtended) => Value::DateTimeExtended(number),
        Some(Kind::Structure) | None => Value::Structure(Vec::new()),
    }
}
