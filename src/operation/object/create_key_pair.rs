//! Create Key Pair (1.4 §4.2, 2.1 §6.1.9).

use ttlv::Value;

use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::hsm::{Curve, PairSpec};
use crate::object::creation;
use crate::object::format::Format;
use crate::object::pair::{self, Half, Plan};
use crate::operation::Handler;
use crate::operation::object::create::storable_as;
use crate::operation::server::query::ProtectionStorageMasks;
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{
    CryptographicAlgorithm, ObjectType, RecommendedCurve, UniqueIdentifier,
};
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::tag;
use crate::structure;

structure! {
    pub struct CreateKeyPairRequest {
        common_attributes: Option<Attributes> = COMMON_ATTRIBUTES;
        private_key_attributes: Option<Attributes> = PRIVATE_KEY_ATTRIBUTES;
        public_key_attributes: Option<Attributes> = PUBLIC_KEY_ATTRIBUTES;
        common_protection_storage_masks: Option<ProtectionStorageMasks> = COMMON_PROTECTION_STORAGE_MASKS, since V2_0;
        private_protection_storage_masks: Option<ProtectionStorageMasks> = PRIVATE_PROTECTION_STORAGE_MASKS, since V2_0;
        public_protection_storage_masks: Option<ProtectionStorageMasks> = PUBLIC_PROTECTION_STORAGE_MASKS, since V2_0;
    }
    pub struct CreateKeyPairResponse {
        private_key_unique_identifier: String = PRIVATE_KEY_UNIQUE_IDENTIFIER;
        public_key_unique_identifier: String = PUBLIC_KEY_UNIQUE_IDENTIFIER;
    }
}

#[derive(Debug)]
pub struct CreateKeyPair;

/// Curves that pairs are made on, with the length in bits that names them where no curve is given.
static CURVES: &[(RecommendedCurve, i32, Curve)] = &[
    (RecommendedCurve::P_256, 256, Curve::P256),
    (RecommendedCurve::P_384, 384, Curve::P384),
    (RecommendedCurve::P_521, 521, Curve::P521),
];

/// One half's attributes: its own take precedence over the common ones; several instances unite (Table 190).
pub fn joined(
    common: Option<&Attributes>,
    own: Option<&Attributes>,
    half: ObjectType,
) -> Attributes {
    let mut joined = own.cloned().unwrap_or_default();
    for attribute in common.into_iter().flat_map(Attributes::iter) {
        let many = attribute
            .reference
            .row()
            .is_none_or(|row| row.permits_many(half));
        let present = joined.all(&attribute.reference).next().is_some();
        if !present
            || (many
                && joined
                    .all(&attribute.reference)
                    .all(|other| other.value != attribute.value))
        {
            joined.0.push(attribute.clone());
        }
    }
    joined
}

fn wanted_curve(attributes: &Attributes) -> Option<RecommendedCurve> {
    let Value::Structure(fields) = attributes.get(tag::CRYPTOGRAPHIC_DOMAIN_PARAMETERS)? else {
        return None;
    };
    fields
        .iter()
        .find(|field| field.tag == tag::RECOMMENDED_CURVE)
        .and_then(|field| match field.value {
            Value::Enumeration(number) => Some(RecommendedCurve(number)),
            _ => None,
        })
}

fn spec(attributes: &Attributes) -> Result<(CryptographicAlgorithm, PairSpec, i32), Fault> {
    let algorithm = creation::required(
        attributes
            .enumeration(tag::CRYPTOGRAPHIC_ALGORITHM)
            .map(CryptographicAlgorithm),
        tag::CRYPTOGRAPHIC_ALGORITHM,
    )?;
    let length = attributes.integer(tag::CRYPTOGRAPHIC_LENGTH);
    match algorithm {
        CryptographicAlgorithm::RSA => {
            let length = creation::required(length, tag::CRYPTOGRAPHIC_LENGTH)?;
            if !(2048..=4096).contains(&length) || length % 256 != 0 {
                return Err(Fault::new(
                    Reason::InvalidAttributeValue,
                    format!("RSA keys of {length} bits are not made; expected 2048 to 4096"),
                ));
            }
            Ok((
                algorithm,
                PairSpec::Rsa {
                    bits: length.cast_unsigned(),
                },
                length,
            ))
        }
        CryptographicAlgorithm::EC
        | CryptographicAlgorithm::ECDSA
        | CryptographicAlgorithm::ECDH => {
            let wanted = wanted_curve(attributes);
            let row = CURVES.iter().find(|(curve, bits, _)| match wanted {
                Some(wanted) => wanted == *curve,
                None => length == Some(*bits),
            });
            let (_, bits, curve) = row.ok_or_else(|| {
                Fault::new(
                    Reason::UnsupportedCryptographicParameters,
                    "key pairs are made on P-256, P-384 and P-521; name one in Cryptographic Domain Parameters",
                )
            })?;
            if length.is_some_and(|length| length != *bits) {
                return Err(Fault::new(
                    Reason::InvalidAttributeValue,
                    format!("Cryptographic Length does not fit the curve, which has {bits} bits"),
                ));
            }
            Ok((algorithm, PairSpec::Ec { curve: *curve }, *bits))
        }
        other => Err(Fault::new(
            Reason::UnsupportedCryptographicParameters,
            format!("key pairs of {other} are not made"),
        )),
    }
}

/// In which formats the halves are kept (2.1 §4.26 Table 81; before 2.0 the formats that libraries read).
fn formats(spec: PairSpec) -> (Format, Format) {
    match spec {
        PairSpec::Rsa { .. } => (Format::Pkcs1, Format::Pkcs1),
        PairSpec::Ec { .. } => (Format::EcPrivateKey, Format::X509),
    }
}

/// The pair that a private key's attributes ask for.
pub fn plan(attributes: &Attributes) -> Result<Plan, Fault> {
    let (algorithm, spec, length) = spec(attributes)?;
    Ok(Plan {
        algorithm,
        spec,
        length,
        formats: formats(spec),
    })
}

impl Handler for CreateKeyPair {
    type Request = CreateKeyPairRequest;
    type Response = CreateKeyPairResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::Create)?;
        for (masks, reason) in [
            (
                &request.common_protection_storage_masks,
                Reason::PrivateProtectionStorageUnavailable,
            ),
            (
                &request.private_protection_storage_masks,
                Reason::PrivateProtectionStorageUnavailable,
            ),
            (
                &request.public_protection_storage_masks,
                Reason::PublicProtectionStorageUnavailable,
            ),
        ] {
            storable_as(context, masks.as_ref(), reason)?;
        }
        let half = |own: &Option<Attributes>, object_type| {
            let joined = joined(
                request.common_attributes.as_ref(),
                own.as_ref(),
                object_type,
            );
            creation::admit(context.version, object_type, &joined)
        };
        let mut private = half(&request.private_key_attributes, ObjectType::PRIVATE_KEY)?;
        let mut public = half(&request.public_key_attributes, ObjectType::PUBLIC_KEY)?;
        let plan = plan(&private)?;
        let class = creation::class_asked(&private)?;
        let signs = |mask: CryptographicUsageMask| Value::Integer(mask.to_integer());
        // Barbican asks without masks: a pair that nobody may use helps nobody.
        private.set_if_absent(
            tag::CRYPTOGRAPHIC_USAGE_MASK,
            signs(CryptographicUsageMask::SIGN),
        );
        public.set_if_absent(
            tag::CRYPTOGRAPHIC_USAGE_MASK,
            signs(CryptographicUsageMask::VERIFY),
        );
        let (private, public) = (Half::new(private), Half::new(public));
        let private_id = private.unique_identifier.clone();
        let public_id = public.unique_identifier.clone();
        let (private, public) = pair::make(context, &plan, class, private, public).await?;
        context.insert(private).await?;
        context.insert(public).await?;
        context.also_produce(UniqueIdentifier::CREATE_KEY_PAIR_PUBLIC_KEY, &public_id);
        context.also_produce(UniqueIdentifier::CREATE_KEY_PAIR_PRIVATE_KEY, &private_id);
        context.produce(UniqueIdentifier::CREATE_KEY_PAIR, &private_id);
        Ok(CreateKeyPairResponse {
            private_key_unique_identifier: private_id,
            public_key_unique_identifier: public_id,
        })
    }
}
