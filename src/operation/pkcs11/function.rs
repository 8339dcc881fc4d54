//! The functions of CK_FUNCTION_LIST_3_0: which are there, which KMIP operation each goes through,
//! and what the others answer. Dispatch and the page `docs/pkcs11.md` follow from this table.

use super::call::{Answer, Call, Stop};
use super::{cipher, digest, objects, session, signature};
use crate::engine::error::{Fault, Reason};
use crate::protocol::enumeration::{Pkcs11Function, Pkcs11ReturnCode};

/// A function.
#[derive(Clone, Copy, Debug)]
pub struct FunctionRow {
    pub function: Pkcs11Function,
    /// The KMIP operation whose door it goes through; empty: it touches only the caller's own library.
    pub through: &'static str,
    /// What it always answers.
    pub refused: Option<Pkcs11ReturnCode>,
}

macro_rules! functions {
    (
        served { $($name:ident = $handler:path, $through:literal;)* }
        refused { $($refused:ident = $code:ident;)* }
    ) => {
        pub static FUNCTIONS: &[FunctionRow] = &[
            $(FunctionRow {
                function: Pkcs11Function::$name,
                through: $through,
                refused: None,
            },)*
            $(FunctionRow {
                function: Pkcs11Function::$refused,
                through: "",
                refused: Some(Pkcs11ReturnCode::$code),
            },)*
        ];

        /// Runs a function.
        pub async fn run(call: &mut Call<'_>, function: Pkcs11Function) -> Answer {
            match function {
                $(Pkcs11Function::$name => Box::pin($handler(call)).await,)*
                other => refuse(other),
            }
        }
    };
}

functions! {
    served {
        INITIALIZE = session::initialize, "";
        FINALIZE = session::finalize, "";
        GET_INFO = session::info, "";
        GET_SLOT_LIST = session::slots, "";
        GET_SLOT_INFO = session::slot, "";
        GET_TOKEN_INFO = session::token, "";
        GET_MECHANISM_LIST = session::mechanisms, "";
        GET_MECHANISM_INFO = session::mechanism, "";
        OPEN_SESSION = session::open, "";
        CLOSE_SESSION = session::close, "";
        CLOSE_ALL_SESSIONS = session::close_all, "";
        GET_SESSION_INFO = session::state, "";
        GET_ATTRIBUTE_VALUE = objects::attributes, "Get Attributes";
        FIND_OBJECTS_INIT = objects::find, "Locate";
        FIND_OBJECTS = objects::found, "";
        FIND_OBJECTS_FINAL = objects::finish, "";
        ENCRYPT_INIT = cipher::encrypt_init, "Encrypt";
        ENCRYPT = cipher::encrypt, "Encrypt";
        ENCRYPT_UPDATE = cipher::encrypt_update, "Encrypt";
        ENCRYPT_FINAL = cipher::encrypt_final, "Encrypt";
        DECRYPT_INIT = cipher::decrypt_init, "Decrypt";
        DECRYPT = cipher::decrypt, "Decrypt";
        DECRYPT_UPDATE = cipher::decrypt_update, "Decrypt";
        DECRYPT_FINAL = cipher::decrypt_final, "Decrypt";
        DIGEST_INIT = digest::init, "Hash";
        DIGEST = digest::digest, "Hash";
        DIGEST_UPDATE = digest::update, "Hash";
        DIGEST_FINAL = digest::finish, "Hash";
        SIGN_INIT = signature::sign_init, "Sign, MAC";
        SIGN = signature::sign, "Sign, MAC";
        SIGN_UPDATE = signature::sign_update, "Sign, MAC";
        SIGN_FINAL = signature::sign_final, "Sign, MAC";
        VERIFY_INIT = signature::verify_init, "Signature Verify, MAC Verify";
        VERIFY = signature::verify, "Signature Verify, MAC Verify";
        VERIFY_UPDATE = signature::verify_update, "Signature Verify, MAC Verify";
        VERIFY_FINAL = signature::verify_final, "Signature Verify, MAC Verify";
        GENERATE_RANDOM = session::random, "RNG Retrieve";
    }
    refused {
        GET_FUNCTION_LIST = FUNCTION_NOT_SUPPORTED;
        INIT_TOKEN = TOKEN_WRITE_PROTECTED;
        INIT_PIN = FUNCTION_NOT_SUPPORTED;
        SET_PIN = FUNCTION_NOT_SUPPORTED;
        GET_OPERATION_STATE = STATE_UNSAVEABLE;
        SET_OPERATION_STATE = FUNCTION_NOT_SUPPORTED;
        // Whoever calls has shown a certificate: there is nothing to log in to.
        LOGIN = USER_ALREADY_LOGGED_IN;
        LOGOUT = FUNCTION_NOT_SUPPORTED;
        CREATE_OBJECT = FUNCTION_NOT_SUPPORTED;
        COPY_OBJECT = FUNCTION_NOT_SUPPORTED;
        DESTROY_OBJECT = FUNCTION_NOT_SUPPORTED;
        GET_OBJECT_SIZE = FUNCTION_NOT_SUPPORTED;
        SET_ATTRIBUTE_VALUE = FUNCTION_NOT_SUPPORTED;
        DIGEST_KEY = FUNCTION_NOT_SUPPORTED;
        SIGN_RECOVER_INIT = FUNCTION_NOT_SUPPORTED;
        SIGN_RECOVER = FUNCTION_NOT_SUPPORTED;
        VERIFY_RECOVER_INIT = FUNCTION_NOT_SUPPORTED;
        VERIFY_RECOVER = FUNCTION_NOT_SUPPORTED;
        DIGEST_ENCRYPT_UPDATE = FUNCTION_NOT_SUPPORTED;
        DECRYPT_DIGEST_UPDATE = FUNCTION_NOT_SUPPORTED;
        SIGN_ENCRYPT_UPDATE = FUNCTION_NOT_SUPPORTED;
        DECRYPT_VERIFY_UPDATE = FUNCTION_NOT_SUPPORTED;
        GENERATE_KEY = FUNCTION_NOT_SUPPORTED;
        GENERATE_KEY_PAIR = FUNCTION_NOT_SUPPORTED;
        WRAP_KEY = FUNCTION_NOT_SUPPORTED;
        UNWRAP_KEY = FUNCTION_NOT_SUPPORTED;
        DERIVE_KEY = FUNCTION_NOT_SUPPORTED;
        SEED_RANDOM = RANDOM_SEED_NOT_SUPPORTED;
        GET_FUNCTION_STATUS = FUNCTION_NOT_PARALLEL;
        CANCEL_FUNCTION = FUNCTION_NOT_PARALLEL;
        WAIT_FOR_SLOT_EVENT = FUNCTION_NOT_SUPPORTED;
        GET_INTERFACE_LIST = FUNCTION_NOT_SUPPORTED;
        GET_INTERFACE = FUNCTION_NOT_SUPPORTED;
        LOGIN_USER = USER_ALREADY_LOGGED_IN;
        SESSION_CANCEL = FUNCTION_NOT_SUPPORTED;
        MESSAGE_ENCRYPT_INIT = FUNCTION_NOT_SUPPORTED;
        ENCRYPT_MESSAGE = FUNCTION_NOT_SUPPORTED;
        ENCRYPT_MESSAGE_BEGIN = FUNCTION_NOT_SUPPORTED;
        ENCRYPT_MESSAGE_NEXT = FUNCTION_NOT_SUPPORTED;
        MESSAGE_ENCRYPT_FINAL = FUNCTION_NOT_SUPPORTED;
        MESSAGE_DECRYPT_INIT = FUNCTION_NOT_SUPPORTED;
        DECRYPT_MESSAGE = FUNCTION_NOT_SUPPORTED;
        DECRYPT_MESSAGE_BEGIN = FUNCTION_NOT_SUPPORTED;
        DECRYPT_MESSAGE_NEXT = FUNCTION_NOT_SUPPORTED;
        MESSAGE_DECRYPT_FINAL = FUNCTION_NOT_SUPPORTED;
        MESSAGE_SIGN_INIT = FUNCTION_NOT_SUPPORTED;
        SIGN_MESSAGE = FUNCTION_NOT_SUPPORTED;
        SIGN_MESSAGE_BEGIN = FUNCTION_NOT_SUPPORTED;
        SIGN_MESSAGE_NEXT = FUNCTION_NOT_SUPPORTED;
        MESSAGE_SIGN_FINAL = FUNCTION_NOT_SUPPORTED;
        MESSAGE_VERIFY_INIT = FUNCTION_NOT_SUPPORTED;
        VERIFY_MESSAGE = FUNCTION_NOT_SUPPORTED;
        VERIFY_MESSAGE_BEGIN = FUNCTION_NOT_SUPPORTED;
        VERIFY_MESSAGE_NEXT = FUNCTION_NOT_SUPPORTED;
        MESSAGE_VERIFY_FINAL = FUNCTION_NOT_SUPPORTED;
    }
}

fn refuse(function: Pkcs11Function) -> Answer {
    let row = FUNCTIONS.iter().find(|row| row.function == function);
    match row.and_then(|row| row.refused) {
        Some(code) => Err(code.into()),
        // 2.1 §12: "The PKCS function is not in the interface".
        None => Err(Stop::Fault(unknown())),
    }
}

/// A number that is no function, or a vendor's.
pub fn unknown() -> Fault {
    Fault::new(
        Reason::Pkcs11InvalidFunction,
        "the interface has no such function; vendor defined functions are not supported",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::enumeration::Enumeration;

    #[test]
    fn every_function_of_the_interface_has_one_row() {
        for known in Pkcs11Function::TABLE.rows {
            let rows = FUNCTIONS
                .iter()
                .filter(|row| row.function.0 == known.value)
                .count();
            assert_eq!(rows, 1, "{}", known.name);
        }
        assert_eq!(FUNCTIONS.len(), Pkcs11Function::TABLE.rows.len());
    }
}
