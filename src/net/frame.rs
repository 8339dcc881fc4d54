//! Where one KMIP message ends: every message is a Structure, whose header says its length
//! (KMIP 1.x §9.1.1, 2.1 §9.1.1: three bytes tag, one byte type, four bytes length).

use super::service::Refusal;

/// Tag Request Message (0x420078), type Structure (0x01).
const REQUEST_MESSAGE: [u8; 4] = [0x42, 0x00, 0x78, 0x01];
/// Tag Response Message (0x42007B), type Structure.
const RESPONSE_MESSAGE: [u8; 4] = [0x42, 0x00, 0x7B, 0x01];
pub(super) const HEADER: usize = 8;
/// Bytes of a refused message the service gets to see, where they come: the message's and the
/// request header's own headers (8 + 8) and the protocol version (8 + 2 × 16).
pub(super) const REFUSED_START: usize = 56;

/// What the bytes received so far are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A message of `length` bytes stands at the front.
    Message {
        length: usize,
    },
    /// `missing` more bytes are needed, at least.
    Partial {
        missing: usize,
    },
    Refused(Refusal),
}

/// Looks at the front of what was received. `limit`: the largest message, in bytes.
pub(super) fn next(received: &[u8], limit: usize) -> Next {
    begun_by(&[REQUEST_MESSAGE], received, limit)
}

/// The same where responses come, too.
pub(super) fn next_of_either(received: &[u8], limit: usize) -> Next {
    begun_by(&[REQUEST_MESSAGE, RESPONSE_MESSAGE], received, limit)
}

fn begun_by(starts: &[[u8; 4]], received: &[u8], limit: usize) -> Next {
    let fits = |start: &[u8; 4]| {
        let known = received.len().min(start.len());
        received.get(..known) == start.get(..known)
    };
    if !starts.iter().any(fits) {
        return Next::Refused(Refusal::NotKmip);
    }
    let Some(length) = received
        .get(4..HEADER)
        .and_then(|bytes| <[u8; 4]>::try_from(bytes).ok())
    else {
        return Next::Partial {
            missing: HEADER - received.len(),
        };
    };
    let length = u64::from(u32::from_be_bytes(length)) + HEADER as u64;
    let whole = usize::try_from(length).unwrap_or(usize::MAX);
    if whole > limit {
        let start = whole.min(REFUSED_START);
        return match start.checked_sub(received.len()) {
            Some(missing) if missing > 0 => Next::Partial { missing },
            _ => Next::Refused(Refusal::TooLarge {
                length,
                limit: limit as u64,
            }),
        };
    }
    match whole.checked_sub(received.len()) {
        Some(missing) if missing > 0 => Next::Partial { missing },
        _ => Next::Message { length: whole },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;

    fn message(payload: usize) -> Vec<u8> {
        let mut bytes = REQUEST_MESSAGE.to_vec();
        bytes.extend_from_slice(&u32::try_from(payload).unwrap().to_be_bytes());
        bytes.resize(HEADER + payload, 0xAB);
        bytes
    }

    #[test]
    fn a_message_is_seen_only_when_it_is_whole() {
        let bytes = message(24);
        for end in 0..bytes.len() {
            let want = if end < HEADER {
                HEADER - end
            } else {
                bytes.len() - end
            };
            assert_eq!(
                next(&bytes[..end], 1024),
                Next::Partial { missing: want },
                "at {end}"
            );
        }
        assert_eq!(next(&bytes, 1024), Next::Message { length: 32 });
        let two = [bytes.clone(), message(8)].concat();
        assert_eq!(next(&two, 1024), Next::Message { length: 32 });
    }

    #[test]
    fn the_limit_counts_the_header() {
        assert_eq!(next(&message(24), 32), Next::Message { length: 32 });
        assert_eq!(
            next(&message(24), 31),
            Next::Refused(Refusal::TooLarge {
                length: 32,
                limit: 31
            })
        );
    }

    #[test]
    fn a_message_too_large_is_refused_once_its_version_is_there() {
        let bytes = message(100_000);
        assert_eq!(
            next(&bytes[..HEADER], 1024),
            Next::Partial {
                missing: REFUSED_START - HEADER
            }
        );
        assert!(matches!(
            next(&bytes[..REFUSED_START], 1024),
            Next::Refused(Refusal::TooLarge {
                length: 100_008,
                ..
            })
        ));
    }

    #[test]
    fn the_longest_length_is_refused_without_overflow() {
        let mut bytes = message(64);
        bytes[4..8].copy_from_slice(&[0xFF; 4]);
        assert!(matches!(next(&bytes, usize::MAX - 8), Next::Partial { .. }));
        assert!(matches!(
            next(&bytes, 1 << 20),
            Next::Refused(Refusal::TooLarge {
                length: 0x1_0000_0007,
                ..
            })
        ));
    }

    #[test]
    fn what_is_not_kmip_is_known_from_its_first_wrong_byte() {
        assert_eq!(next(b"G", 1024), Next::Refused(Refusal::NotKmip));
        assert_eq!(
            next(&[0x42, 0x00, 0x7B, 0x01], 1024),
            Next::Refused(Refusal::NotKmip)
        );
        assert_eq!(next(&[0x42, 0x00], 1024), Next::Partial { missing: 6 });
    }

    #[test]
    fn where_roles_are_turned_responses_are_messages_too() {
        let mut bytes = message(16);
        assert_eq!(next_of_either(&bytes, 64), Next::Message { length: 24 });
        bytes[2] = 0x7B;
        assert_eq!(next_of_either(&bytes, 64), Next::Message { length: 24 });
        assert_eq!(
            next_of_either(&bytes[..3], 64),
            Next::Partial { missing: 5 }
        );
        bytes[2] = 0x79;
        assert_eq!(next_of_either(&bytes, 64), Next::Refused(Refusal::NotKmip));
    }
}
