//! Messages as XML and JSON (KMIP Additional Message Encodings): the same tree as TTLV, written
//! with names. Both are for people and scripts; the hot path is TTLV's.

use ttlv::{Error, Limits};
use zeroize::Zeroizing;

use crate::net::Encoding;
use crate::protocol::names::Names;

/// What an answer of ours may be when it is read back: it was within the limits when it was made.
const OWN: Limits = Limits {
    bytes: 1 << 30,
    depth: 64,
    items: 1 << 24,
};

/// A message in TTLV.
pub fn read(
    encoding: Encoding,
    message: &[u8],
    limits: &Limits,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let node = match encoding {
        Encoding::Ttlv => return Ok(Zeroizing::new(message.to_vec())),
        Encoding::Xml => ttlv::xml::decode(message, &Names, limits)?,
        Encoding::Json => ttlv::json::decode(message, &Names, limits)?,
    };
    let mut out = Zeroizing::new(Vec::with_capacity(ttlv::binary::encoded_len(&node)));
    ttlv::binary::encode(&node, &mut out);
    Ok(out)
}

/// A TTLV message in an encoding, appended to `out`.
pub fn write(encoding: Encoding, message: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    let node = ttlv::binary::decode(message, &OWN)?;
    // Room from the start: a text that grows leaves its old bytes behind.
    let mut text = Zeroizing::new(String::with_capacity(message.len() * 8));
    match encoding {
        Encoding::Ttlv => {
            out.extend_from_slice(message);
            return Ok(());
        }
        Encoding::Xml => ttlv::xml::encode(&node, &Names, &mut text)?,
        Encoding::Json => ttlv::json::encode(&node, &Names, &mut text),
    }
    out.reserve(text.len());
    out.extend_from_slice(text.as_bytes());
    Ok(())
}
