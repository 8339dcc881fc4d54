//! Calls of PKCS#11 functions in one virtual library: for each its number, the length of its Input
//! Parameters in two bytes, and those.
#![no_main]

use std::cell::RefCell;

use keyward::protocol::enumeration::{Enumeration, Operation, Pkcs11Function, Pkcs11ReturnCode};
use keyward::protocol::tag;
use keyward_fuzz::ground::Ground;
use libfuzzer_sys::fuzz_target;
use ttlv::{Node, Value};

/// Calls of one input at the most.
const MOST: usize = 24;
/// Handle of the session that is open when an input begins: the first that a library gives.
const SESSION: [u8; 8] = 1_u64.to_be_bytes();

thread_local! {
    static GROUND: RefCell<Ground> = RefCell::new(Ground::new());
}

fn request(function: Pkcs11Function, value: Option<&[u8]>, input: Option<&[u8]>) -> Node<'static> {
    let number = |tag, number| Node::new(tag, Value::Integer(number));
    let mut payload = vec![Node::new(
        tag::PKCS_11_FUNCTION,
        Value::Enumeration(function.0),
    )];
    payload.extend(value.map(|value| Node::bytes(tag::CORRELATION_VALUE, value.to_vec())));
    payload.extend(input.map(|input| Node::bytes(tag::PKCS_11_INPUT_PARAMETERS, input.to_vec())));
    let version = vec![
        number(tag::PROTOCOL_VERSION_MAJOR, 2),
        number(tag::PROTOCOL_VERSION_MINOR, 1),
    ];
    let header = vec![
        Node::structure(tag::PROTOCOL_VERSION, version),
        number(tag::BATCH_COUNT, 1),
    ];
    let item = vec![
        Node::new(tag::OPERATION, Value::Enumeration(Operation::PKCS_11.0)),
        Node::structure(tag::REQUEST_PAYLOAD, payload),
    ];
    let parts = vec![
        Node::structure(tag::REQUEST_HEADER, header),
        Node::structure(tag::BATCH_ITEM, item),
    ];
    Node::structure(tag::REQUEST_MESSAGE, parts)
}

fn field<'a>(answer: &'a Node<'_>, wanted: ttlv::Tag) -> Option<&'a [u8]> {
    let payload = answer
        .child(tag::BATCH_ITEM)?
        .child(tag::RESPONSE_PAYLOAD)?;
    match &payload.child(wanted)?.value {
        Value::ByteString(bytes) => Some(bytes),
        _ => None,
    }
}

fn call(
    ground: &mut Ground,
    function: Pkcs11Function,
    value: &[u8],
    input: &[u8],
) -> Node<'static> {
    ground.ask(&request(function, Some(value), Some(input)))
}

/// A call without which there is nothing to fuzz.
fn must(ground: &mut Ground, function: Pkcs11Function, value: &[u8], input: &[u8]) {
    let answer = call(ground, function, value, input);
    let item = answer
        .child(tag::BATCH_ITEM)
        .and_then(|item| item.child(tag::RESPONSE_PAYLOAD));
    let code = item.and_then(|payload| payload.child(tag::PKCS_11_RETURN_CODE));
    let ok = Value::Enumeration(Pkcs11ReturnCode::OK.0);
    assert!(
        code.is_some_and(|code| code.value == ok),
        "{function}: {answer:?}"
    );
}

fuzz_target!(|input: &[u8]| GROUND.with_borrow_mut(|ground| {
    let opened = ground.ask(&request(Pkcs11Function::INITIALIZE, None, None));
    let Some(mut value) = field(&opened, tag::CORRELATION_VALUE).map(<[u8]>::to_vec) else {
        panic!("no library: {opened:?}");
    };
    // The one slot, CKF_SERIAL_SESSION.
    let session = [1_u64.to_be_bytes(), 4_u64.to_be_bytes()].concat();
    must(ground, Pkcs11Function::OPEN_SESSION, &value, &session);
    // All objects get their handles.
    let all = [&SESSION[..], &[0; 4]].concat();
    must(ground, Pkcs11Function::FIND_OBJECTS_INIT, &value, &all);
    let found = [&SESSION[..], &64_u32.to_be_bytes()].concat();
    must(ground, Pkcs11Function::FIND_OBJECTS, &value, &found);
    must(ground, Pkcs11Function::FIND_OBJECTS_FINAL, &value, &SESSION);
    let mut rest = input;
    for _ in 0..MOST {
        let [number, high, low, behind @ ..] = rest else {
            break;
        };
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(behind.len());
        let (parameters, behind) = behind.split_at(length);
        rest = behind;
        let rows = Pkcs11Function::TABLE.rows;
        let function = Pkcs11Function(rows[usize::from(*number) % rows.len()].value);
        let answer = call(ground, function, &value, parameters);
        if let Some(opened) = field(&answer, tag::CORRELATION_VALUE) {
            value = opened.to_vec();
        }
    }
    call(ground, Pkcs11Function::FINALIZE, &value, &[]);
    ground.done();
}));
