//! Encryption and decryption, through Encrypt and Decrypt.

use super::call::{Answer, Call, Stop, refusal, room, too_small};
use super::mechanism::{self, Asked, Entry, Use};
use super::parameters::{Buffer, Reader, filled};
use super::sizes;
use crate::engine::access::Permission;
use crate::engine::cryptoki::{Active, Kind, Size, Way};
use crate::mechanism::Row;
use crate::object::managed::Sealed;
use crate::object::service::{cipher, encipherment};
use crate::object::usage::{self, Purpose};
use crate::operation::crypto::decrypt::{Decrypt, DecryptRequest};
use crate::operation::crypto::encrypt::{Encrypt, EncryptRequest};
use crate::operation::crypto::part::Part;
use crate::protocol::enumeration::{ObjectType, Operation, Pkcs11ReturnCode as Code};
use crate::protocol::identifier::Identifier;
use crate::protocol::key_block::CryptographicParameters;
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::structure::Bytes;

/// What RSA encrypts or decrypts, and a digest that is signed, is shorter.
pub const GATHERED: usize = 4096;

pub async fn encrypt_init(call: &mut Call<'_>) -> Answer {
    init(call, Kind::Encrypt).await
}

pub async fn decrypt_init(call: &mut Call<'_>) -> Answer {
    init(call, Kind::Decrypt).await
}

pub async fn encrypt(call: &mut Call<'_>) -> Answer {
    whole(call, Kind::Encrypt).await
}

pub async fn decrypt(call: &mut Call<'_>) -> Answer {
    whole(call, Kind::Decrypt).await
}

pub async fn encrypt_update(call: &mut Call<'_>) -> Answer {
    update(call, Kind::Encrypt).await
}

pub async fn decrypt_update(call: &mut Call<'_>) -> Answer {
    update(call, Kind::Decrypt).await
}

pub async fn encrypt_final(call: &mut Call<'_>) -> Answer {
    finish(call, Kind::Encrypt).await
}

pub async fn decrypt_final(call: &mut Call<'_>) -> Answer {
    finish(call, Kind::Decrypt).await
}

/// What an Init begins with: session, mechanism and key.
pub struct Begun<'a> {
    pub session: u64,
    pub asked: Asked<'a>,
    /// Unique Identifier.
    pub key: String,
}

pub fn begun<'a>(call: &mut Call<'a>, kind: Kind) -> Result<Begun<'a>, Stop> {
    let session = call.input.long()?;
    let asked = Asked::read(&mut call.input)?;
    let key = call.input.long()?;
    call.input.end()?;
    call.idle(session, kind)?;
    let key = call.object(key, Code::KEY_HANDLE_INVALID)?.to_string();
    Ok(Begun {
        session,
        asked,
        key,
    })
}

macro_rules! doors {
    ($($kind:ident $mac:literal = $operation:ident $permission:ident $mask:ident $purpose:ident;)*) => {
        /// The KMIP operation that an operation with a key goes through, and what that asks of the key.
        static DOORS: &[(Kind, bool, Operation, Permission, CryptographicUsageMask, Purpose)] = &[$((
            Kind::$kind,
            $mac,
            Operation::$operation,
            Permission::$permission,
            CryptographicUsageMask::$mask,
            Purpose::$purpose,
        ),)*];
    };
}

doors! {
    Encrypt false = ENCRYPT Encrypt ENCRYPT Protect;
    Decrypt false = DECRYPT Decrypt DECRYPT Process;
    Sign false = SIGN Sign SIGN Protect;
    Sign true = MAC Mac MAC_GENERATE Protect;
    Verify false = SIGNATURE_VERIFY SignatureVerify VERIFY Process;
    Verify true = MAC_VERIFY MacVerify MAC_VERIFY Process;
}

/// The key, where the KMIP operation would let the caller use it.
pub async fn key(call: &mut Call<'_>, name: &str, kind: Kind, mac: bool) -> Result<Sealed, Stop> {
    let door = DOORS.iter().find(|door| (door.0, door.1) == (kind, mac));
    let (_, _, operation, permission, mask, purpose) = door.ok_or(Code::MECHANISM_INVALID)?;
    call.enter(*operation)?;
    let identifier = Identifier::Text(name.to_owned());
    // The mechanism says all; what the key's own parameters say does not count.
    let given = CryptographicParameters::default();
    let found = usage::key(
        call.context,
        Some(&identifier),
        *permission,
        (*mask, *purpose),
        Some(&given),
    );
    match Box::pin(found).await {
        Ok((key, _)) => Ok(key),
        Err(fault) => Err(refusal(&fault, Some(kind))),
    }
}

/// An operation with nothing done yet.
pub fn active(key: String, said: mechanism::Said, way: Way, size: Size) -> Active {
    Active {
        key,
        parameters: said.parameters,
        iv: said.iv,
        aad: said.aad,
        way,
        mac: false,
        halves: None,
        hash: None,
        size,
        stream: None,
        fed: 0,
        given: 0,
        held: Bytes::default(),
    }
}

fn size(
    call: &Call<'_>,
    key: &Sealed,
    (row, kind): (&'static Row, Kind),
    said: &mechanism::Said,
) -> Result<(Way, Size), Stop> {
    let refused = |fault| refusal(&fault, Some(kind));
    let pair = matches!(
        key.object_type(),
        ObjectType::PUBLIC_KEY | ObjectType::PRIVATE_KEY | ObjectType::CERTIFICATE
    );
    if pair {
        let asked = encipherment::asked(key, &said.parameters).map_err(refused)?;
        if asked.row != row {
            return Err(Code::KEY_TYPE_INCONSISTENT.into());
        }
        let length = sizes::key_bytes(key);
        let size = match (length, kind) {
            (Some(length), Kind::Encrypt) => Size::Exactly(length),
            (length, _) => Size::UpTo(length.unwrap_or(GATHERED)),
        };
        return Ok((Way::Gathered, size));
    }
    let asked = cipher::asked(key, &said.parameters).map_err(refused)?;
    if asked.row != row {
        return Err(Code::KEY_TYPE_INCONSISTENT.into());
    }
    asked
        .permitted(call.context, key, kind == Kind::Encrypt)
        .map_err(refused)?;
    Ok((Way::Parts, sizes::cipher(&asked)))
}

/// The row of an entry and what the parameter says.
pub fn said(entry: &Entry, asked: Asked<'_>) -> Result<(&'static Row, mechanism::Said), Stop> {
    let read = entry.does.read(asked.parameter);
    let said = read.map_err(|_| Code::MECHANISM_PARAM_INVALID)?;
    match entry.does {
        Use::Row { row, .. } => Ok((row, said)),
        Use::Digest(_) => Err(Code::MECHANISM_INVALID.into()),
    }
}

async fn init(call: &mut Call<'_>, kind: Kind) -> Answer {
    let begun = begun(call, kind)?;
    let entry = mechanism::find(begun.asked.number, kind).next();
    let (row, said) = said(entry.ok_or(Code::MECHANISM_INVALID)?, begun.asked)?;
    let key = key(call, &begun.key, kind, false).await?;
    let (way, size) = size(call, &key, (row, kind), &said)?;
    call.put(begun.session, kind, active(begun.key, said, way, size))?;
    Ok(None)
}

/// One step of the KMIP operation.
async fn step(
    call: &mut Call<'_>,
    kind: Kind,
    active: &mut Active,
    data: &[u8],
    last: bool,
) -> Result<Bytes, Stop> {
    let part = match active.way {
        Way::Parts => Part::of(active.stream.take(), last),
        Way::Gathered | Way::DigestInfo => Part::default(),
    };
    let unique_identifier = Some(Identifier::Text(active.key.clone()));
    let cryptographic_parameters = Some(active.parameters.clone());
    let data = Some(Bytes::new(data.to_vec()));
    let (iv, aad) = (active.iv.clone(), active.aad.clone());
    let (out, stream) = if kind == Kind::Encrypt {
        let request = EncryptRequest {
            unique_identifier,
            cryptographic_parameters,
            data,
            iv_counter_nonce: iv,
            part,
            authenticated_encryption_additional_data: aad,
        };
        let response = call
            .through::<Encrypt>(Operation::ENCRYPT, &request, Some(kind))
            .await?;
        let mut out = response.data.unwrap_or_default();
        if let Some(tag) = response.authenticated_encryption_tag {
            // PKCS#11 ends the ciphertext with its tag.
            out.extend_from_slice(&tag);
        }
        (out, response.correlation_value)
    } else {
        let request = DecryptRequest {
            unique_identifier,
            cryptographic_parameters,
            data,
            iv_counter_nonce: iv,
            part,
            authenticated_encryption_additional_data: aad,
            authenticated_encryption_tag: None,
        };
        let response = call
            .through::<Decrypt>(Operation::DECRYPT, &request, Some(kind))
            .await?;
        (
            response.data.unwrap_or_default(),
            response.correlation_value,
        )
    };
    active.stream = stream;
    active.given += out.len();
    Ok(out)
}

fn begins(active: &Active) -> bool {
    active.stream.is_none() && active.held.is_empty()
}

async fn whole(call: &mut Call<'_>, kind: Kind) -> Answer {
    let session = call.input.long()?;
    let data = call.input.bytes()?;
    let buffer = call.input.buffer()?;
    call.input.end()?;
    let mut active = call.take(session, kind)?;
    if !begins(&active) {
        call.put(session, kind, active)?;
        return Err(Code::OPERATION_ACTIVE.into());
    }
    let most = active.size.most(kind, data.len(), true);
    let needed = match active.size.is_exact(kind) || buffer.length.is_none() {
        true => most,
        // What is decrypted is known afterwards.
        false => 0,
    };
    if let Some(answer) = room(buffer, needed) {
        call.put(session, kind, active)?;
        return answer;
    }
    let out = step(call, kind, &mut active, data, true).await?;
    match buffer.length {
        Some(length) if length < out.len() => {
            active.given = 0;
            call.put(session, kind, active)?;
            too_small(out.len())
        }
        _ => Ok(Some(filled(&out))),
    }
}

async fn update(call: &mut Call<'_>, kind: Kind) -> Answer {
    let session = call.input.long()?;
    let data = call.input.bytes()?;
    let buffer = call.input.buffer()?;
    call.input.end()?;
    let mut active = call.take(session, kind)?;
    if active.way != Way::Parts {
        gather(&mut active, data)?;
        call.put(session, kind, active)?;
        return Ok(Some(filled(&[])));
    }
    let pending = (active.fed + data.len()).saturating_sub(active.given);
    if let Some(answer) = room(buffer, active.size.most(kind, pending, false)) {
        call.put(session, kind, active)?;
        return answer;
    }
    active.fed += data.len();
    let out = step(call, kind, &mut active, data, false).await?;
    call.put(session, kind, active)?;
    Ok(Some(filled(&out)))
}

/// Adds to what is used in one part.
pub fn gather(active: &mut Active, data: &[u8]) -> Result<(), Stop> {
    if active.held.len() + data.len() > GATHERED {
        return Err(Code::DATA_LEN_RANGE.into());
    }
    let mut held = Vec::with_capacity(active.held.len() + data.len());
    held.extend_from_slice(&active.held);
    held.extend_from_slice(data);
    active.held = Bytes::new(held);
    Ok(())
}

/// Session and buffer: what ends an operation in parts.
pub fn ending(input: &mut Reader<'_>) -> Result<(u64, Buffer), Stop> {
    let session = input.long()?;
    let buffer = input.buffer()?;
    input.end()?;
    Ok((session, buffer))
}

async fn finish(call: &mut Call<'_>, kind: Kind) -> Answer {
    let (session, buffer) = ending(&mut call.input)?;
    let mut active = call.take(session, kind)?;
    let pending = active.fed.saturating_sub(active.given);
    if let Some(answer) = room(buffer, active.size.most(kind, pending, true)) {
        call.put(session, kind, active)?;
        return answer;
    }
    let held = std::mem::take(&mut active.held);
    let out = step(call, kind, &mut active, &held, true).await?;
    Ok(Some(filled(&out)))
}
