//! Another's virtual PKCS#11 library: neither its sessions nor its handles are anybody else's, and
//! what is done through it is in the audit log.

use keyward::protocol::enumeration::{Operation, Pkcs11Function as F, Pkcs11ReturnCode as Code};
use keyward::protocol::tag;
use serde_json::Value as Json;
use ttlv::{Node, Value};

use crate::database::on_both;
use crate::process::{Client, Server, enumeration};

fn connect(server: &Server, name: &str) -> Client {
    let clients = server.directory().join("clients");
    server
        .client_with(
            &clients.join(format!("{name}.pem")),
            &clients.join(format!("{name}.key")),
        )
        .unwrap()
}

/// Calls a function; Correlation Value and Output Parameters where there are some.
fn call(client: &mut Client, value: &[u8], function: F, input: &[u8]) -> (Code, Vec<u8>, Vec<u8>) {
    let payload = vec![
        enumeration(tag::PKCS_11_FUNCTION, function.0),
        Node::bytes(tag::CORRELATION_VALUE, value.to_vec()),
        Node::bytes(tag::PKCS_11_INPUT_PARAMETERS, input.to_vec()),
    ];
    let answer = client.ask(Operation::PKCS_11, payload).ok();
    let field = |tag| answer.payload.child(tag).map(|node| node.value.clone());
    let bytes = |tag| match field(tag) {
        Some(Value::ByteString(bytes)) => bytes.to_vec(),
        _ => Vec::new(),
    };
    let Some(Value::Enumeration(code)) = field(tag::PKCS_11_RETURN_CODE) else {
        panic!("no return code");
    };
    (
        Code(code),
        bytes(tag::CORRELATION_VALUE),
        bytes(tag::PKCS_11_OUTPUT_PARAMETERS),
    )
}

fn long(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// A library with one session, whose handle is 1.
fn library(client: &mut Client) -> Vec<u8> {
    let (code, value, _) = call(client, &[], F::INITIALIZE, &[1]);
    assert_eq!((code, value.len()), (Code::OK, 16));
    let input = [long(1), long(4)].concat();
    let (code, _, handle) = call(client, &value, F::OPEN_SESSION, &input);
    assert_eq!((code, handle), (Code::OK, long(1).to_vec()));
    value
}

/// How many objects of this label a session finds; their handles then count from 1.
fn found(client: &mut Client, value: &[u8], label: &str) -> usize {
    let mut input = long(1).to_vec();
    input.extend(1u32.to_be_bytes());
    input.extend(long(token::raw::CKA_LABEL));
    input.extend([1, 1]);
    input.extend(u32::try_from(label.len()).unwrap().to_be_bytes());
    input.extend(label.as_bytes());
    let (code, ..) = call(client, value, F::FIND_OBJECTS_INIT, &input);
    assert_eq!(code, Code::OK);
    let most = [&long(1)[..], &9u32.to_be_bytes()].concat();
    let (_, _, handles) = call(client, value, F::FIND_OBJECTS, &most);
    let (code, ..) = call(client, value, F::FIND_OBJECTS_FINAL, &long(1));
    assert_eq!(code, Code::OK);
    (handles.len() - 4) / 8
}

fn encrypt_init(key: u64) -> Vec<u8> {
    let mut input = long(1).to_vec();
    input.extend(long(token::raw::CKM_AES_CBC_PAD));
    input.push(1);
    input.extend(16u32.to_be_bytes());
    input.extend([0; 16]);
    input.extend(long(key));
    input
}

#[test]
fn sessions_and_handles_are_nobody_elses() {
    on_both(|server, _| {
        server.told(&["tenant", "add", "private", "--private"]);
        for (name, tenant) in [("one", "private"), ("two", "private"), ("three", "default")] {
            server.told(&["client", "add", name, "--tenant", tenant]);
        }
        let mut one = connect(server, "one");
        let id = one.create("mine");
        let value = library(&mut one);
        assert_eq!(found(&mut one, &value, "mine"), 1);
        for name in ["two", "three"] {
            let mut other = connect(server, name);
            for function in [F::GET_INFO, F::FINALIZE, F::CLOSE_ALL_SESSIONS] {
                let input = match function {
                    F::CLOSE_ALL_SESSIONS => long(1).to_vec(),
                    _ => Vec::new(),
                };
                let (code, _, out) = call(&mut other, &value, function, &input);
                assert_eq!(code, Code::CRYPTOKI_NOT_INITIALIZED, "{function:?}");
                assert!(out.is_empty());
            }
            // A library of its own finds nothing, and the owner's handle is none in it.
            let own = library(&mut other);
            assert_eq!(found(&mut other, &own, "mine"), 0);
            let (code, ..) = call(&mut other, &own, F::ENCRYPT_INIT, &encrypt_init(1));
            assert_eq!(code, Code::KEY_HANDLE_INVALID);
        }
        // The key is not active: its owner finds it and may not use it.
        let (code, ..) = call(&mut one, &value, F::ENCRYPT_INIT, &encrypt_init(1));
        assert_eq!(code, Code::KEY_FUNCTION_NOT_PERMITTED);
        one.on(Operation::ACTIVATE, &id).ok();
        let (code, ..) = call(&mut one, &value, F::ENCRYPT_INIT, &encrypt_init(1));
        assert_eq!(code, Code::OK);
        // Destroyed under the session's hands.
        one.ask(
            Operation::REVOKE,
            vec![
                Node::text(tag::UNIQUE_IDENTIFIER, id.clone()),
                Node::structure(
                    tag::REVOCATION_REASON,
                    vec![enumeration(tag::REVOCATION_REASON_CODE, 5)],
                ),
            ],
        )
        .ok();
        one.on(Operation::DESTROY, &id).ok();
        let mut input = long(1).to_vec();
        input.extend([0, 0, 0, 1, b'x', 1, 0, 0, 0, 99]);
        let (code, ..) = call(&mut one, &value, F::ENCRYPT, &input);
        assert_eq!(code, Code::KEY_HANDLE_INVALID);
        recorded(server, &id);
    });
}

/// The log says which function was called, on which object, and what it answered.
fn recorded(server: &Server, id: &str) {
    let begun = std::time::Instant::now();
    let wanted = [
        ("C_EncryptInit", "KEY_FUNCTION_NOT_PERMITTED"),
        ("C_EncryptInit", "success"),
        ("C_Encrypt", "KEY_HANDLE_INVALID"),
    ];
    loop {
        let log = server.told(&["audit", "show", "--last", "200", "--json"]);
        let lines: Vec<Json> = log
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let is = |line: &&Json, (function, result): (&str, &str)| {
            line["function"] == function
                && line["result"] == result
                && line["identity"] == "one"
                && line["objects"][0] == id
        };
        let all = wanted
            .iter()
            .all(|wanted| lines.iter().any(|line| is(&line, *wanted)));
        if all {
            return;
        }
        assert!(begun.elapsed().as_secs() < 10, "not recorded: {log}");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}
