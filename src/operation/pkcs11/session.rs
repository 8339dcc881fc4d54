//! The library, its one slot, its sessions, and random numbers.

use token::raw::{
    CK_UNAVAILABLE_INFORMATION, CKF_DECRYPT, CKF_DIGEST, CKF_ENCRYPT, CKF_RNG, CKF_RW_SESSION,
    CKF_SERIAL_SESSION, CKF_SIGN, CKF_TOKEN_INITIALIZED, CKF_TOKEN_PRESENT, CKF_VERIFY,
    CKS_RO_USER_FUNCTIONS, CKS_RW_USER_FUNCTIONS,
};

use super::call::{Answer, Call, Stop, refusal, room};
use super::mechanism::{ENTRIES, Entry, Use};
use super::parameters::{Buffer, Writer};
use crate::engine::cryptoki::{self, Kind, SESSIONS};
use crate::engine::error::{Fault, Reason};
use crate::operation::crypto::rng_retrieve::{RngRetrieve, RngRetrieveRequest};
use crate::operation::server::query::VENDOR;
use crate::protocol::enumeration::{Operation, Pkcs11ReturnCode as Code};
use crate::protocol::structure::Bytes;

/// The version of the encoding of parameters (Profiles 2.1 §5.18.1): what C_Initialize begins with.
const ENCODING: u8 = 1;
/// Every identity has one slot, and its token in it.
const SLOT: u64 = 1;
/// Of the default interface.
const CRYPTOKI: [u8; 2] = [3, 0];

/// Major and minor version of this server.
fn version() -> [u8; 2] {
    let number = |text: &str| text.parse().unwrap_or(0);
    [
        number(env!("CARGO_PKG_VERSION_MAJOR")),
        number(env!("CARGO_PKG_VERSION_MINOR")),
    ]
}

pub async fn initialize(call: &mut Call<'_>) -> Answer {
    if call.input.left() > 0 && call.input.byte()? != ENCODING {
        return Err(Stop::Fault(Fault::new(
            Reason::Pkcs11CodecError,
            format!("C_Initialize asks for another encoding of parameters than {ENCODING}"),
        )));
    }
    call.input.end()?;
    if call.library(0, |_| ()).is_ok() {
        return Err(Code::CRYPTOKI_ALREADY_INITIALIZED.into());
    }
    let random = call.context.engine.hsm.random(16).await;
    let value = random.map_err(|error| refusal(&error.into(), None))?;
    let name = value.first_chunk::<16>().ok_or(Code::GENERAL_ERROR)?;
    let libraries = &call.context.engine.cryptoki;
    libraries.open(*name, call.owner.clone())?;
    call.opened = Some(value);
    Ok(None)
}

/// Ends the caller's virtual library, with its sessions; nothing else.
pub async fn finalize(call: &mut Call<'_>) -> Answer {
    call.input.end()?;
    let libraries = &call.context.engine.cryptoki;
    libraries.close(call.value, &call.owner)?;
    Ok(None)
}

/// CK_INFO.
pub async fn info(call: &mut Call<'_>) -> Answer {
    call.input.end()?;
    call.library(0, |_| ())?;
    Ok(Some(
        Writer::default()
            .raw(&CRYPTOKI)
            .text(VENDOR, 32)
            .long(0)
            .text("Keyward virtual Cryptoki", 32)
            .raw(&version())
            .done(),
    ))
}

/// Numbers in a client's array.
fn list(buffer: Buffer, numbers: &[u64]) -> Answer {
    if let Some(answer) = room(buffer, numbers.len()) {
        return answer;
    }
    let out = Writer::with_capacity(5 + 8 * numbers.len())
        .byte(1)
        .count(numbers.len());
    let out = numbers.iter().fold(out, |out, number| out.long(*number));
    Ok(Some(out.done()))
}

pub async fn slots(call: &mut Call<'_>) -> Answer {
    // With a token or without: the one slot has one.
    call.input.flag()?;
    let buffer = call.input.buffer()?;
    call.input.end()?;
    call.library(0, |_| ())?;
    list(buffer, &[SLOT])
}

/// The slot that a call begins with.
fn slot_of(call: &mut Call<'_>) -> Result<(), Stop> {
    let slot = call.input.long()?;
    call.library(0, |_| ())?;
    match slot {
        SLOT => Ok(()),
        _ => Err(Code::SLOT_ID_INVALID.into()),
    }
}

/// CK_SLOT_INFO.
pub async fn slot(call: &mut Call<'_>) -> Answer {
    slot_of(call)?;
    call.input.end()?;
    Ok(Some(
        Writer::default()
            .text("Objects of this identity", 64)
            .text(VENDOR, 32)
            .long(CKF_TOKEN_PRESENT)
            .raw(&[0, 0])
            .raw(&version())
            .done(),
    ))
}

/// CK_TOKEN_INFO. No login: the certificate of the connection says who calls.
pub async fn token(call: &mut Call<'_>) -> Answer {
    slot_of(call)?;
    call.input.end()?;
    let (open, writing) = call.library(0, |library| library.count(CKF_RW_SESSION))?;
    let out = Writer::default()
        .text(&call.context.caller.tenant.settings.name, 32)
        .text(VENDOR, 32)
        .text("virtual", 16)
        .text(&call.context.tenant().0.to_string(), 16)
        .long(CKF_RNG | CKF_TOKEN_INITIALIZED);
    let sessions = [SESSIONS, open, SESSIONS, writing];
    let out = sessions.iter().fold(out, |out, n| out.long(*n as u64));
    // Lengths of PINs, then memory: total and free, public and private.
    let out = out.long(0).long(0);
    let out = (0..4).fold(out, |out, _| out.long(CK_UNAVAILABLE_INFORMATION));
    Ok(Some(
        out.raw(&[0, 0])
            .raw(&version())
            // No clock: the time is in every answer's header.
            .text("", 16)
            .done(),
    ))
}

pub async fn mechanisms(call: &mut Call<'_>) -> Answer {
    slot_of(call)?;
    let buffer = call.input.buffer()?;
    call.input.end()?;
    let mut numbers: Vec<u64> = ENTRIES.iter().map(|entry| entry.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    list(buffer, &numbers)
}

fn flags(entry: &Entry) -> u64 {
    let pairs = [
        (Kind::Encrypt, CKF_ENCRYPT),
        (Kind::Decrypt, CKF_DECRYPT),
        (Kind::Sign, CKF_SIGN),
        (Kind::Verify, CKF_VERIFY),
        (Kind::Digest, CKF_DIGEST),
    ];
    let of = pairs
        .into_iter()
        .filter(|(kind, _)| entry.does.is_for(*kind));
    of.fold(0, |flags, (_, flag)| flags | flag)
}

/// CK_MECHANISM_INFO: lengths of keys in bytes where the mechanism tells them.
pub async fn mechanism(call: &mut Call<'_>) -> Answer {
    slot_of(call)?;
    let number = call.input.long()?;
    call.input.end()?;
    let of = || ENTRIES.iter().filter(|entry| entry.number == number);
    if of().next().is_none() {
        return Err(Code::MECHANISM_INVALID.into());
    }
    let keys = || {
        of().flat_map(|entry| match entry.does {
            Use::Row { row, .. } => row.keys,
            Use::Digest(_) => &[],
        })
    };
    let length = |length: Option<&usize>| length.map_or(0, |length| *length as u64);
    let longest = match of().all(|entry| matches!(entry.does, Use::Digest(_))) {
        true => 0,
        false => keys()
            .max()
            .map_or(u64::from(u32::MAX), |most| *most as u64),
    };
    Ok(Some(
        Writer::default()
            .long(length(keys().min()))
            .long(longest)
            .long(of().fold(0, |all, entry| all | flags(entry)))
            .done(),
    ))
}

pub async fn open(call: &mut Call<'_>) -> Answer {
    slot_of(call)?;
    let flags = call.input.long()?;
    call.input.end()?;
    if flags & CKF_SERIAL_SESSION == 0 {
        return Err(Code::SESSION_PARALLEL_NOT_SUPPORTED.into());
    }
    let kept = flags & (CKF_RW_SESSION | CKF_SERIAL_SESSION);
    let opened = call.library(cryptoki::SESSION, |library| library.open_session(kept))?;
    let handle = opened.ok_or(Code::SESSION_COUNT)?;
    Ok(Some(Writer::default().long(handle).done()))
}

pub async fn close(call: &mut Call<'_>) -> Answer {
    let session = call.input.long()?;
    call.input.end()?;
    match call.library(0, |library| library.close_session(session))? {
        true => Ok(None),
        false => Err(Code::SESSION_HANDLE_INVALID.into()),
    }
}

pub async fn close_all(call: &mut Call<'_>) -> Answer {
    slot_of(call)?;
    call.input.end()?;
    call.library(0, |library| library.close_all())?;
    Ok(None)
}

/// CK_SESSION_INFO.
pub async fn state(call: &mut Call<'_>) -> Answer {
    let session = call.input.long()?;
    call.input.end()?;
    let flags = call.session(session, 0, |session| Ok(session.flags))?;
    let state = match flags & CKF_RW_SESSION {
        0 => CKS_RO_USER_FUNCTIONS,
        _ => CKS_RW_USER_FUNCTIONS,
    };
    let numbers = [SLOT, state, flags, 0];
    let out = numbers
        .iter()
        .fold(Writer::default(), |out, n| out.long(*n));
    Ok(Some(out.done()))
}

/// The bytes alone: the client gave their length.
pub async fn random(call: &mut Call<'_>) -> Answer {
    let session = call.input.long()?;
    let length = call.input.count()?;
    // Some clients send the buffer, too.
    if call.input.left() > 0 {
        call.input.take(length)?;
    }
    call.input.end()?;
    call.session(session, 0, |_| Ok(()))?;
    if length == 0 {
        return Ok(Some(Bytes::default()));
    }
    let request = RngRetrieveRequest {
        data_length: i32::try_from(length).map_err(|_| Code::ARGUMENTS_BAD)?,
    };
    let response = call
        .through::<RngRetrieve>(Operation::RNG_RETRIEVE, &request, None)
        .await?;
    Ok(Some(response.data))
}
