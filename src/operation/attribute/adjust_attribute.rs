//! Adjust Attribute (2.1 §6.1.3): adds to, takes from or negates a value.

use ttlv::{Kind, Value};

use super::rules;
use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::operation::Handler;
use crate::protocol::attribute::Shape;
use crate::protocol::attributes::{Attribute, AttributeReference};
use crate::protocol::enumeration::AdjustmentType;
use crate::protocol::identifier::Identifier;
use crate::structure;

structure! {
    pub struct AdjustAttributeRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
        attribute_reference: AttributeReference = ATTRIBUTE_REFERENCE;
        adjustment_type: AdjustmentType = ADJUSTMENT_TYPE;
        adjustment_value: Option<Value<'static>> = ADJUSTMENT_VALUE;
    }
    pub struct AdjustAttributeResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
    }
}

#[derive(Debug)]
pub struct AdjustAttribute;

fn wrong_type() -> Fault {
    Fault::new(
        Reason::InvalidDataType,
        "a value of this type cannot be adjusted this way",
    )
}

fn out_of_range() -> Fault {
    Fault::new(
        Reason::NumericRange,
        "the adjusted value does not fit the attribute's type",
    )
}

/// The number that is added, taken away or used as factor; 1 when the request has none.
fn amount(value: Option<&Value<'static>>) -> Result<i128, Fault> {
    match value {
        None => Ok(1),
        Some(Value::Integer(number)) => Ok(i128::from(*number)),
        Some(Value::LongInteger(number)) => Ok(i128::from(*number)),
        Some(Value::Interval(number)) => Ok(i128::from(*number)),
        Some(_) => Err(wrong_type()),
    }
}

fn adjusted(
    old: &Value<'static>,
    how: AdjustmentType,
    by: Option<&Value<'static>>,
) -> Result<Value<'static>, Fault> {
    if let Value::Boolean(old) = old {
        return match how {
            AdjustmentType::NEGATE => Ok(Value::Boolean(!old)),
            _ => Err(wrong_type()),
        };
    }
    let number = match old {
        Value::Integer(number) => i128::from(*number),
        Value::LongInteger(number) | Value::DateTime(number) | Value::DateTimeExtended(number) => {
            i128::from(*number)
        }
        Value::Interval(number) => i128::from(*number),
        _ => return Err(wrong_type()),
    };
    let result = match how {
        AdjustmentType::INCREMENT => number + amount(by)?,
        AdjustmentType::DECREMENT => number - amount(by)?,
        AdjustmentType::NEGATE => -number,
        other => {
            return Err(Fault::new(
                Reason::InvalidField,
                format!("the adjustment type {other} is not known"),
            ));
        }
    };
    Ok(match old {
        Value::Integer(_) => Value::Integer(i32::try_from(result).map_err(|_| out_of_range())?),
        Value::Interval(_) => Value::Interval(u32::try_from(result).map_err(|_| out_of_range())?),
        Value::DateTime(_) => Value::DateTime(i64::try_from(result).map_err(|_| out_of_range())?),
        Value::DateTimeExtended(_) => {
            Value::DateTimeExtended(i64::try_from(result).map_err(|_| out_of_range())?)
        }
        _ => Value::LongInteger(i64::try_from(result).map_err(|_| out_of_range())?),
    })
}

/// What a missing value counts as: 0 or false, where the type has such a thing.
fn nothing(shape: &Shape) -> Result<Value<'static>, Fault> {
    match shape {
        Shape::Value(Kind::Integer) => Ok(Value::Integer(0)),
        Shape::Value(Kind::LongInteger) => Ok(Value::LongInteger(0)),
        Shape::Value(Kind::Interval) => Ok(Value::Interval(0)),
        Shape::Value(Kind::Boolean) => Ok(Value::Boolean(false)),
        _ => Err(wrong_type()),
    }
}

impl Handler for AdjustAttribute {
    type Request = AdjustAttributeRequest;
    type Response = AdjustAttributeResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let object = context
            .object(
                request.unique_identifier.as_ref(),
                Permission::ChangeAttributes,
                Destroyed::Refused,
            )
            .await?;
        let reference = &request.attribute_reference;
        let row = rules::writable(reference, Reason::ReadOnlyAttribute)?;
        let instances: Vec<&Attribute> = object.attributes.all(reference).collect();
        let old = match (instances.as_slice(), row) {
            ([only], _) => only.value.clone(),
            ([], Some(row)) => nothing(&row.shape)?,
            ([], None) => {
                return Err(Fault::new(
                    Reason::AttributeNotFound,
                    format!("the object has no {}", reference.spoken()),
                ));
            }
            _ => {
                return Err(Fault::new(
                    Reason::MultiValuedAttribute,
                    format!(
                        "{} has several values; use Modify Attribute",
                        reference.spoken()
                    ),
                ));
            }
        };
        if let Some(row) = row {
            let present = instances.first().map(|attribute| &attribute.value);
            rules::changeable(
                context,
                &object,
                row,
                row.client_modifies,
                present,
                Reason::ReadOnlyAttribute,
            )?;
        }
        let value = adjusted(
            &old,
            request.adjustment_type,
            request.adjustment_value.as_ref(),
        )?;
        let changed = Attribute {
            reference: reference.clone(),
            index: None,
            value,
        };
        rules::guard(context, &object, &changed)?;
        let mut draft = object.edit();
        match draft
            .attributes
            .0
            .iter_mut()
            .find(|attribute| attribute.reference == *reference)
        {
            Some(instance) => instance.value = changed.value,
            None => draft.attributes.add(changed),
        }
        rules::consequences(&mut draft.attributes);
        let unique_identifier = object.unique_identifier.clone();
        context.update(draft).await?;
        Ok(AdjustAttributeResponse { unique_identifier })
    }
}
