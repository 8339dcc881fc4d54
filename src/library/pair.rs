//! Key pairs, for what a token lacks.

use openssl::asn1::Asn1Object;
use openssl::ec::EcKey;
use openssl::error::ErrorStack;
use openssl::pkey::{Id, PKey, Private};
use openssl::pkey_ctx::PkeyCtx;
use zeroize::Zeroizing;

use super::LibraryError;
use crate::hsm::PairSpec;
use crate::object::format::{self, Named};

/// PKCS#8 and SubjectPublicKeyInfo, DER. RSA pairs are the token's to make.
pub fn generate(spec: PairSpec) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>), LibraryError> {
    let made = match spec {
        PairSpec::Rsa { .. } => {
            return Err(LibraryError::Refused("RSA key pairs: the token makes them"));
        }
        PairSpec::Ec { curve } => format::openssl_group(curve)
            .and_then(|group| EcKey::generate(&group))
            .and_then(PKey::from_ec_key),
        PairSpec::Named(named) => generate_named(named),
    };
    let key = made?;
    Ok((
        Zeroizing::new(key.private_key_to_pkcs8()?),
        key.public_key_to_der()?,
    ))
}

fn generate_named(named: Named) -> Result<PKey<Private>, ErrorStack> {
    let oid = Asn1Object::from_str(&named.oid().to_string())?;
    let mut context = PkeyCtx::new_id(Id::from_raw(oid.nid().as_raw()))?;
    context.keygen_init()?;
    context.keygen()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::object::format::{Curve, Format, Hint, PrivateKey};

    #[test]
    fn everything_but_rsa_is_made_and_reads_back() {
        let named = Named::ALL.iter().map(|named| PairSpec::Named(*named));
        let curves = Curve::ALL
            .iter()
            .map(|curve| PairSpec::Ec { curve: *curve });
        for spec in named.chain(curves) {
            let (pkcs8, info) = generate(spec).unwrap();
            let private = PrivateKey::parse(Format::Pkcs8, &pkcs8, Hint::default()).unwrap();
            let public = private.public().unwrap();
            assert_eq!(public.write(Format::X509).unwrap(), info, "{spec:?}");
            // Also without the point that OpenSSL put beside the scalar.
            if let PrivateKey::Ec(key) = &private {
                let bare = format::EcPrivate::new(key.curve, key.scalar(), None).unwrap();
                assert_eq!(bare.public(), key.public(), "{spec:?}");
            }
        }
        assert!(generate(PairSpec::Rsa { bits: 2048 }).is_err());
    }
}
