//! Whether certificates make a path to an anchor (RFC 5280 §6), as OpenSSL sees it.

use openssl::asn1::Asn1Time;
use openssl::error::ErrorStack;
use openssl::stack::Stack;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509, X509StoreContext, X509VerifyResult};

/// Certificates between an end entity and its anchor, at the most.
const DEPTH: i32 = 10;
/// OpenSSL's security level: no MD5, no SHA-1, no RSA below 1024 bits.
const LEVEL: i32 = 1;

/// What OpenSSL answers where it finds no anchor, as far as it came (x509_vfy.h).
static NOWHERE: &[i32] = &[
    // UNABLE_TO_GET_ISSUER_CERT, DEPTH_ZERO_SELF_SIGNED_CERT, SELF_SIGNED_CERT_IN_CHAIN
    2, 18, 19,
    // UNABLE_TO_GET_ISSUER_CERT_LOCALLY, UNABLE_TO_VERIFY_LEAF_SIGNATURE, CERT_UNTRUSTED
    20, 21, 27,
];

/// What is known of a path.
#[derive(Debug)]
pub enum Path {
    /// From the end entity to its anchor.
    Anchored(Vec<X509>),
    /// Nothing speaks against it, but it ends at nobody who is believed.
    Unanchored,
    Broken(&'static str),
}

/// The certificates among `chain` that vouch for no other of them.
pub fn ends(chain: &[X509]) -> Vec<&X509> {
    let vouches = |certificate: &X509| {
        chain.iter().any(|other| {
            !same(certificate, other) && certificate.issued(other) == X509VerifyResult::OK
        })
    };
    let ends: Vec<&X509> = chain.iter().filter(|one| !vouches(one)).collect();
    // Two that vouch for each other: each may be meant.
    match ends.is_empty() {
        true => chain.iter().collect(),
        false => ends,
    }
}

pub fn same(one: &X509, other: &X509) -> bool {
    match (one.to_der(), other.to_der()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// Signed with its own key, as an authority's certificate at the end of a path is.
pub fn is_self_signed(certificate: &X509) -> bool {
    certificate.issued(certificate) == X509VerifyResult::OK
        && certificate
            .public_key()
            .and_then(|key| certificate.verify(&key))
            .unwrap_or(false)
}

/// The same of a certificate in DER.
pub fn is_self_signed_der(der: &[u8]) -> bool {
    X509::from_der(der).is_ok_and(|certificate| is_self_signed(&certificate))
}

/// Whether a certificate is in its time at `at`, seconds since 1970.
pub fn is_in_time(certificate: &X509, at: i64) -> bool {
    let Ok(at) = Asn1Time::from_unix(at) else {
        return false;
    };
    let begun = certificate.not_before().compare(&at);
    let over = certificate.not_after().compare(&at);
    begun.is_ok_and(std::cmp::Ordering::is_le) && over.is_ok_and(std::cmp::Ordering::is_ge)
}

/// Looks for a path from `end` through `chain` to one of `anchors`, valid at `at`.
///
/// # Errors
/// OpenSSL's own, when memory runs out.
pub fn find(end: &X509, chain: &[X509], anchors: &[X509], at: i64) -> Result<Path, ErrorStack> {
    let (result, path) = verify(end, chain, anchors, at)?;
    if result == X509VerifyResult::OK {
        return Ok(Path::Anchored(path));
    }
    if !NOWHERE.contains(&result.as_raw()) {
        return Ok(Path::Broken(result.error_string()));
    }
    // Whom nobody believes can be wrong all the same: as if all of them were believed.
    let (result, _) = verify(end, chain, chain, at)?;
    Ok(match result {
        X509VerifyResult::OK => Path::Unanchored,
        other if NOWHERE.contains(&other.as_raw()) => Path::Unanchored,
        other => Path::Broken(other.error_string()),
    })
}

fn verify(
    end: &X509,
    chain: &[X509],
    anchors: &[X509],
    at: i64,
) -> Result<(X509VerifyResult, Vec<X509>), ErrorStack> {
    let store = store(anchors, at)?;
    let mut others = Stack::new()?;
    for certificate in chain {
        others.push(certificate.clone())?;
    }
    let mut context = X509StoreContext::new()?;
    let outcome = context.init(&store, end, &others, |context| {
        context.verify_cert()?;
        let path = context
            .chain()
            .map(|chain| chain.iter().map(|one| one.to_owned()).collect())
            .unwrap_or_default();
        Ok((context.error(), path))
    })?;
    drop(ErrorStack::get());
    Ok(outcome)
}

fn store(anchors: &[X509], at: i64) -> Result<X509Store, ErrorStack> {
    let mut parameters = X509VerifyParam::new()?;
    parameters.set_time(at);
    parameters.set_depth(DEPTH);
    parameters.set_auth_level(LEVEL);
    // An administrator may believe an authority that another one has certified.
    parameters.set_flags(X509VerifyFlags::PARTIAL_CHAIN | X509VerifyFlags::CHECK_SS_SIGNATURE)?;
    let mut store = X509StoreBuilder::new()?;
    store.set_param(&parameters)?;
    for anchor in anchors {
        store.add_cert(anchor.clone())?;
    }
    Ok(store.build())
}
