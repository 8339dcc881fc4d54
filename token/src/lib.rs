//! The embedded PKCS#11 token.
#[allow(unused_imports, reason = "linked for its C_* symbols")]
use kryoptic_lib as _;
