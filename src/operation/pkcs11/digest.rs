//! Digests, through Hash.

use super::call::{Answer, Call, Stop, room};
use super::cipher::{active, ending};
use super::mechanism::{self, Asked, Use};
use super::parameters::filled;
use crate::engine::access::Permission;
use crate::engine::cryptoki::{Active, Kind, Size, Way};
use crate::operation::crypto::hash::{Hash, HashRequest};
use crate::operation::crypto::part::Part;
use crate::protocol::enumeration::{Operation, Pkcs11ReturnCode as Code};
use crate::protocol::key_block::CryptographicParameters;
use crate::protocol::structure::Bytes;

const KIND: Kind = Kind::Digest;

pub async fn init(call: &mut Call<'_>) -> Answer {
    let session = call.input.long()?;
    let asked = Asked::read(&mut call.input)?;
    call.input.end()?;
    call.idle(session, KIND)?;
    let entry = mechanism::find(asked.number, KIND).next();
    let entry = entry.ok_or(Code::MECHANISM_INVALID)?;
    let Use::Digest(row) = entry.does else {
        return Err(Code::MECHANISM_INVALID.into());
    };
    let read = entry.does.read(asked.parameter);
    let said = read.map_err(|_| Code::MECHANISM_PARAM_INVALID)?;
    call.enter(Operation::HASH)?;
    if call.context.permit(Permission::Hash).is_err() {
        return Err(Code::FUNCTION_FAILED.into());
    }
    let begun = Active {
        hash: Some(row),
        ..active(String::new(), said, Way::Parts, Size::Exactly(row.length))
    };
    call.put(session, KIND, begun)?;
    Ok(None)
}

async fn step(
    call: &mut Call<'_>,
    active: &mut Active,
    data: &[u8],
    last: bool,
) -> Result<Bytes, Stop> {
    let request = HashRequest {
        cryptographic_parameters: CryptographicParameters {
            hashing_algorithm: active.hash.map(|row| row.algorithm),
            ..CryptographicParameters::default()
        },
        data: Some(Bytes::new(data.to_vec())),
        part: Part::of(active.stream.take(), last),
    };
    let response = call
        .through::<Hash>(Operation::HASH, &request, Some(KIND))
        .await?;
    active.stream = response.correlation_value;
    Ok(response.data.unwrap_or_default())
}

pub async fn digest(call: &mut Call<'_>) -> Answer {
    let session = call.input.long()?;
    let data = call.input.bytes()?;
    let buffer = call.input.buffer()?;
    call.input.end()?;
    let mut active = call.take(session, KIND)?;
    let early = match active.stream.is_some() {
        true => Some(Err(Code::OPERATION_ACTIVE.into())),
        false => room(buffer, active.size.most(KIND, 0, true)),
    };
    if let Some(answer) = early {
        call.put(session, KIND, active)?;
        return answer;
    }
    let out = step(call, &mut active, data, true).await?;
    Ok(Some(filled(&out)))
}

pub async fn update(call: &mut Call<'_>) -> Answer {
    let session = call.input.long()?;
    let data = call.input.bytes()?;
    call.input.end()?;
    let mut active = call.take(session, KIND)?;
    step(call, &mut active, data, false).await?;
    call.put(session, KIND, active)?;
    Ok(None)
}

pub async fn finish(call: &mut Call<'_>) -> Answer {
    let (session, buffer) = ending(&mut call.input)?;
    let mut active = call.take(session, KIND)?;
    if let Some(answer) = room(buffer, active.size.most(KIND, 0, true)) {
        call.put(session, KIND, active)?;
        return answer;
    }
    let out = step(call, &mut active, &[], true).await?;
    Ok(Some(filled(&out)))
}
