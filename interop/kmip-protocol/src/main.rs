//! The `kmip-protocol` crate as krill uses it: a signer whose RSA keys are the server's.
//!
//! Arguments: HOST PORT CA.pem CLIENT.pem CLIENT.key USER PASSWORD. One line for each step on standard output; why a
//! step failed is on standard error.

mod signer;

use std::process::ExitCode;

use signer::{Outcome, Signer};

type Step = (&'static str, fn(&mut Signer) -> Outcome);

const STEPS: &[Step] = &[
    (
        "the server says at 1.2 that it has what a signer needs",
        Signer::asks_what_there_is,
    ),
    ("versions are discovered at 1.1", Signer::discovers_versions),
    (
        "a key pair is created and renamed at 1.0",
        Signer::creates_a_pair,
    ),
    (
        "both halves are located by their new names",
        Signer::locates_by_name,
    ),
    (
        "attributes are read, added and deleted",
        Signer::edits_attributes,
    ),
    (
        "a key that is not active signs nothing, in words that the crate understands",
        Signer::signs_too_early,
    ),
    (
        "the private key signs at 1.2, and its public key verifies",
        Signer::signs,
    ),
    (
        "random numbers are different each time",
        Signer::asks_for_random_numbers,
    ),
    (
        "another connection uses the same keys",
        Signer::connects_again,
    ),
    (
        "another connection with a wrong password does not",
        Signer::guesses_a_password,
    ),
    (
        "an active key is revoked before it is destroyed",
        Signer::destroys,
    ),
    (
        "what is destroyed is not found",
        Signer::misses_what_is_gone,
    ),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut signer = match Signer::new(&arguments) {
        Ok(signer) => signer,
        Err(error) => {
            eprintln!("not connected: {error}");
            return ExitCode::FAILURE;
        }
    };
    for (what, step) in STEPS {
        match step(&mut signer) {
            Ok(()) => println!("passed {what}"),
            Err(error) => {
                println!("failed {what}");
                eprintln!("{what}: {error}");
                signer.tell();
            }
        }
    }
    ExitCode::SUCCESS
}
