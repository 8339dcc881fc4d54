//! PKCS#11 (2.1 §6.1.37): a Cryptoki made of the caller's own KMIP objects. Slots, sessions and
//! object handles are virtual and the caller's alone; whatever is done with an object goes through
//! the KMIP operation that does it, with its permissions, checks, limits and audit.

mod attribute;
mod call;
mod cipher;
mod digest;
pub mod function;
pub mod mechanism;
mod objects;
mod parameters;
mod session;
mod signature;
mod sizes;
mod template;

use ttlv::{Kind, Node, Value};

use self::call::{Call, Stop};
use self::parameters::Reader;
use crate::engine::context::Context;
use crate::engine::cryptoki::Owner;
use crate::engine::error::{Fault, Reason};
use crate::operation::Handler;
use crate::protocol::enumeration::{Pkcs11Function, Pkcs11ReturnCode};
use crate::protocol::structure::{Bytes, Inexpressible, Item, Malformed, wrong_type};
use crate::protocol::version::Version;
use crate::structure;

structure! {
    pub struct Pkcs11Request {
        interface: Option<String> = PKCS_11_INTERFACE;
        function: AnyFunction = PKCS_11_FUNCTION;
        correlation_value: Option<Bytes> = CORRELATION_VALUE;
        input_parameters: Option<Bytes> = PKCS_11_INPUT_PARAMETERS;
    }
    pub struct Pkcs11Response {
        interface: Option<String> = PKCS_11_INTERFACE;
        function: Pkcs11Function = PKCS_11_FUNCTION;
        correlation_value: Option<Bytes> = CORRELATION_VALUE;
        output_parameters: Option<Bytes> = PKCS_11_OUTPUT_PARAMETERS;
        return_code: Pkcs11ReturnCode = PKCS_11_RETURN_CODE;
    }
}

/// "An Enumeration for PKCS#11 defined functions or an Integer for vendor defined function."
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnyFunction {
    Defined(Pkcs11Function),
    Vendor(i32),
}

impl Item for AnyFunction {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        match node.value {
            Value::Enumeration(number) => Ok(AnyFunction::Defined(Pkcs11Function(number))),
            Value::Integer(number) => Ok(AnyFunction::Vendor(number)),
            _ => Err(wrong_type(node, Kind::Enumeration)),
        }
    }

    fn write(&self, _: Version) -> Result<Value<'_>, Inexpressible> {
        Ok(match self {
            AnyFunction::Defined(function) => Value::Enumeration(function.0),
            AnyFunction::Vendor(number) => Value::Integer(*number),
        })
    }
}

/// The default interface's name (PKCS#11 3.0 §5.4.5).
const INTERFACE: &str = "PKCS 11";

#[derive(Debug)]
pub struct Pkcs11;

impl Handler for Pkcs11 {
    type Request = Pkcs11Request;
    type Response = Pkcs11Response;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        if request
            .interface
            .as_ref()
            .is_some_and(|name| name != INTERFACE)
        {
            return Err(Fault::new(
                Reason::Pkcs11InvalidInterface,
                format!("the only interface is {INTERFACE:?}; leave PKCS#11 Interface out"),
            ));
        }
        let AnyFunction::Defined(function) = request.function else {
            return Err(function::unknown());
        };
        let name = function.name().ok_or_else(function::unknown)?;
        context.function = Some((name, None));
        let empty = Bytes::default();
        let mut call = Call {
            owner: Owner {
                tenant: context.tenant(),
                identity: context.caller.identity.name.clone(),
            },
            context,
            value: request.correlation_value.as_ref().unwrap_or(&empty),
            input: Reader::new(request.input_parameters.as_ref().unwrap_or(&empty)),
            opened: None,
        };
        let ended = function::run(&mut call, function).await;
        let opened = call.opened;
        let (code, output) = match ended {
            Ok(output) => (Pkcs11ReturnCode::OK, output),
            Err(Stop::Code(code, output)) => {
                let refused = code.name().unwrap_or("FUNCTION_FAILED");
                context.function = Some((name, Some(refused)));
                (code, output)
            }
            Err(Stop::Fault(fault)) => return Err(fault),
        };
        Ok(Pkcs11Response {
            interface: request.interface.clone(),
            function,
            correlation_value: opened,
            output_parameters: output,
            return_code: code,
        })
    }
}
