//! Signatures and MACs, through Sign, MAC, Signature Verify and MAC Verify.

use super::call::{Answer, Call, Stop, refusal, room};
use super::cipher::{self, active, begun, ending, gather, said};
use super::mechanism::{self, Entry, Said, Use};
use super::parameters::filled;
use super::sizes;
use crate::engine::cryptoki::{Active, Kind, Size, Way};
use crate::library::public_key;
use crate::mechanism::hash::HASHES;
use crate::mechanism::{Row, Service, Shape};
use crate::object::managed::Sealed;
use crate::object::service::{mac, signature};
use crate::operation::crypto::mac::{Mac, MacRequest};
use crate::operation::crypto::mac_verify::{MacVerify, MacVerifyRequest};
use crate::operation::crypto::part::Part;
use crate::operation::crypto::sign::{Sign, SignRequest};
use crate::operation::crypto::signature_verify::{SignatureVerify, SignatureVerifyRequest};
use crate::protocol::enumeration::{
    HashingAlgorithm, Operation, Pkcs11ReturnCode as Code, ValidityIndicator,
};
use crate::protocol::identifier::Identifier;
use crate::protocol::structure::Bytes;

pub async fn sign_init(call: &mut Call<'_>) -> Answer {
    init(call, Kind::Sign).await
}

pub async fn verify_init(call: &mut Call<'_>) -> Answer {
    init(call, Kind::Verify).await
}

pub async fn sign_update(call: &mut Call<'_>) -> Answer {
    update(call, Kind::Sign).await
}

pub async fn verify_update(call: &mut Call<'_>) -> Answer {
    update(call, Kind::Verify).await
}

/// Of what a number stands for, the row that the key is for.
fn choose(
    key: &Sealed,
    entries: impl Iterator<Item = &'static Entry>,
    asked: mechanism::Asked<'_>,
    kind: Kind,
) -> Result<(&'static Row, &'static Entry, Said), Stop> {
    let mut refused = Stop::from(Code::MECHANISM_INVALID);
    for entry in entries {
        let (row, said) = match said(entry, asked) {
            Ok(read) => read,
            Err(stop) => {
                refused = stop;
                continue;
            }
        };
        let own = match row.service {
            Service::Mac => mac::asked(key, &said.parameters),
            _ => signature::asked(key, &said.parameters).map(|scheme| scheme.row),
        };
        match own {
            Ok(own) if own == row => return Ok((row, entry, said)),
            Ok(_) => refused = Code::KEY_TYPE_INCONSISTENT.into(),
            Err(fault) => refused = refusal(&fault, Some(kind)),
        }
    }
    Err(refused)
}

/// Mechanisms without a hash sign what the client digested; EdDSA and the newer ones the message.
fn way(row: &Row, entry: &Entry) -> Way {
    let hashes = matches!(entry.does, Use::Row { hash: Some(_), .. });
    match row.shape {
        Shape::RsaPkcs1Signature if !hashes => Way::DigestInfo,
        Shape::RsaPss | Shape::DigestSignature if !hashes => Way::Gathered,
        _ => Way::Parts,
    }
}

async fn init(call: &mut Call<'_>, kind: Kind) -> Answer {
    let begun = begun(call, kind)?;
    let entries = || mechanism::find(begun.asked.number, kind);
    let first = entries().next().ok_or(Code::MECHANISM_INVALID)?;
    let mac = matches!(first.does, Use::Row { row, .. } if row.service == Service::Mac);
    let key = cipher::key(call, &begun.key, kind, mac).await?;
    let (row, entry, said) = choose(&key, entries(), begun.asked, kind)?;
    let halves = match row.shape {
        Shape::DigestSignature => Some(sizes::key_bytes(&key).unwrap_or(0)),
        _ => None,
    };
    let size = match mac {
        true => sizes::mac(row),
        false => sizes::signature(&key, row, halves).unwrap_or(Size::UpTo(0)),
    };
    if kind == Kind::Sign && matches!(size, Size::UpTo(0) | Size::Exactly(0)) {
        return Err(Code::KEY_SIZE_RANGE.into());
    }
    let active = Active {
        mac,
        halves,
        ..active(begun.key, said, way(row, entry), size)
    };
    call.put(begun.session, kind, active)?;
    Ok(None)
}

/// The digest in a DigestInfo (RFC 8017 §9.2), and its hash.
fn digest_info(info: &[u8]) -> Option<(HashingAlgorithm, &[u8])> {
    HASHES.iter().find_map(|row| {
        let digest = info.get(info.len().checked_sub(row.length)?..)?;
        let whole = row.digest_info(digest)?;
        (whole == info).then_some((row.algorithm, digest))
    })
}

/// Data of one step, as Data or as Digested Data.
fn input(active: &mut Active, data: &[u8]) -> Result<(Option<Bytes>, Option<Bytes>), Stop> {
    let bytes = |data: &[u8]| Some(Bytes::new(data.to_vec()));
    match active.way {
        Way::Parts => Ok((bytes(data), None)),
        Way::Gathered => Ok((None, bytes(data))),
        Way::DigestInfo => {
            let (hash, digest) = digest_info(data).ok_or(Code::DATA_INVALID)?;
            active.parameters.hashing_algorithm = Some(hash);
            Ok((None, bytes(digest)))
        }
    }
}

fn part(active: &mut Active, last: bool) -> Part {
    match active.way {
        Way::Parts => Part::of(active.stream.take(), last),
        Way::Gathered | Way::DigestInfo => Part::default(),
    }
}

/// One step of Sign or MAC.
async fn sign_step(
    call: &mut Call<'_>,
    active: &mut Active,
    data: &[u8],
    last: bool,
) -> Result<Bytes, Stop> {
    let (data, digested_data) = input(active, data)?;
    let unique_identifier = Some(Identifier::Text(active.key.clone()));
    let part = part(active, last);
    let cryptographic_parameters = Some(active.parameters.clone());
    if active.mac {
        let request = MacRequest {
            unique_identifier,
            cryptographic_parameters,
            data,
            part,
        };
        let response = call
            .through::<Mac>(Operation::MAC, &request, Some(Kind::Sign))
            .await?;
        active.stream = response.correlation_value;
        return Ok(response.mac_data.unwrap_or_default());
    }
    let request = SignRequest {
        unique_identifier,
        cryptographic_parameters,
        data,
        digested_data,
        part,
    };
    let response = call
        .through::<Sign>(Operation::SIGN, &request, Some(Kind::Sign))
        .await?;
    active.stream = response.correlation_value;
    let made = response.signature_data.unwrap_or_default();
    match active.halves {
        Some(half) if !made.is_empty() => {
            let halves = public_key::ecdsa_halves(&made, half);
            Ok(Bytes::new(halves.map_err(|_| Code::FUNCTION_FAILED)?))
        }
        _ => Ok(made),
    }
}

/// One step of Signature Verify or MAC Verify; with a proof the last one.
async fn verify_step(
    call: &mut Call<'_>,
    active: &mut Active,
    data: &[u8],
    proof: Option<&[u8]>,
) -> Result<(), Stop> {
    let (data, digested_data) = input(active, data)?;
    let unique_identifier = Some(Identifier::Text(active.key.clone()));
    let part = part(active, proof.is_some());
    let cryptographic_parameters = Some(active.parameters.clone());
    let given = proof.map(|proof| match active.halves {
        Some(_) => public_key::ecdsa_der(proof).map_err(|_| Code::SIGNATURE_INVALID),
        None => Ok(proof.to_vec()),
    });
    let given = given.transpose()?.map(Bytes::new);
    let validity = if active.mac {
        let request = MacVerifyRequest {
            unique_identifier,
            cryptographic_parameters,
            data,
            mac_data: given,
            part,
        };
        let response = call
            .through::<MacVerify>(Operation::MAC_VERIFY, &request, Some(Kind::Verify))
            .await?;
        active.stream = response.correlation_value;
        response.validity_indicator
    } else {
        let request = SignatureVerifyRequest {
            unique_identifier,
            cryptographic_parameters,
            data,
            digested_data,
            signature_data: given,
            part,
        };
        let verified = call.through::<SignatureVerify>(
            Operation::SIGNATURE_VERIFY,
            &request,
            Some(Kind::Verify),
        );
        let response = verified.await?;
        active.stream = response.correlation_value;
        response.validity_indicator
    };
    match (proof, validity) {
        (None, _) | (Some(_), Some(ValidityIndicator::VALID)) => Ok(()),
        _ => Err(Code::SIGNATURE_INVALID.into()),
    }
}

pub async fn sign(call: &mut Call<'_>) -> Answer {
    let session = call.input.long()?;
    let data = call.input.bytes()?;
    let buffer = call.input.buffer()?;
    call.input.end()?;
    let mut active = call.take(session, Kind::Sign)?;
    let early = match begins(&active) {
        false => Some(Err(Code::OPERATION_ACTIVE.into())),
        true => room(buffer, active.size.most(Kind::Sign, 0, true)),
    };
    if let Some(answer) = early {
        call.put(session, Kind::Sign, active)?;
        return answer;
    }
    let made = sign_step(call, &mut active, data, true).await?;
    Ok(Some(filled(&made)))
}

fn begins(active: &Active) -> bool {
    active.stream.is_none() && active.held.is_empty()
}

async fn update(call: &mut Call<'_>, kind: Kind) -> Answer {
    let session = call.input.long()?;
    let data = call.input.bytes()?;
    call.input.end()?;
    let mut active = call.take(session, kind)?;
    match (active.way, kind) {
        (Way::Parts, Kind::Sign) => {
            sign_step(call, &mut active, data, false).await?;
        }
        (Way::Parts, _) => verify_step(call, &mut active, data, None).await?,
        (Way::Gathered | Way::DigestInfo, _) => gather(&mut active, data)?,
    }
    call.put(session, kind, active)?;
    Ok(None)
}

pub async fn sign_final(call: &mut Call<'_>) -> Answer {
    let (session, buffer) = ending(&mut call.input)?;
    let mut active = call.take(session, Kind::Sign)?;
    if let Some(answer) = room(buffer, active.size.most(Kind::Sign, 0, true)) {
        call.put(session, Kind::Sign, active)?;
        return answer;
    }
    let held = std::mem::take(&mut active.held);
    let made = sign_step(call, &mut active, &held, true).await?;
    Ok(Some(filled(&made)))
}

/// Refuses what cannot be a signature of this mechanism.
fn fits(active: &Active, proof: &[u8]) -> Result<(), Code> {
    let wrong = match (active.size, active.halves) {
        (_, Some(0)) => proof.is_empty() || !proof.len().is_multiple_of(2),
        (Size::Exactly(length), _) => proof.len() != length,
        _ => proof.is_empty(),
    };
    match wrong {
        true => Err(Code::SIGNATURE_LEN_RANGE),
        false => Ok(()),
    }
}

pub async fn verify(call: &mut Call<'_>) -> Answer {
    let session = call.input.long()?;
    let data = call.input.bytes()?;
    let proof = call.input.bytes()?;
    call.input.end()?;
    let mut active = call.take(session, Kind::Verify)?;
    if !begins(&active) {
        call.put(session, Kind::Verify, active)?;
        return Err(Code::OPERATION_ACTIVE.into());
    }
    fits(&active, proof)?;
    verify_step(call, &mut active, data, Some(proof)).await?;
    Ok(None)
}

pub async fn verify_final(call: &mut Call<'_>) -> Answer {
    let session = call.input.long()?;
    let proof = call.input.bytes()?;
    call.input.end()?;
    let mut active = call.take(session, Kind::Verify)?;
    fits(&active, proof)?;
    let held = std::mem::take(&mut active.held);
    verify_step(call, &mut active, &held, Some(proof)).await?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_info_is_read_whole_or_not_at_all() {
        for row in HASHES {
            let digest = vec![7; row.length];
            let Some(info) = row.digest_info(&digest) else {
                continue;
            };
            assert_eq!(digest_info(&info), Some((row.algorithm, digest.as_slice())));
            assert_eq!(digest_info(&digest), None);
            let longer = [info.as_slice(), &[0]].concat();
            assert_eq!(digest_info(&longer), None);
        }
        assert_eq!(digest_info(&[]), None);
    }
}
