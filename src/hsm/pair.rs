//! New key pairs: in the token; of classes *served* and *cached* by the server's library where the token lacks them.

use ::der::Encode as _;
use token::Value::{Bytes, Flag, Number};
use token::raw::{
    CK_ATTRIBUTE_TYPE, CK_KEY_TYPE, CK_MECHANISM_TYPE, CK_ULONG, CKA_CLASS, CKA_DERIVE,
    CKA_EC_PARAMS, CKA_EC_POINT, CKA_EXTRACTABLE, CKA_KEY_TYPE, CKA_MODULUS, CKA_MODULUS_BITS,
    CKA_PUBLIC_EXPONENT, CKA_SENSITIVE, CKA_SIGN, CKA_TOKEN, CKA_UNWRAP, CKA_VALUE, CKA_VERIFY,
    CKA_WRAP, CKK_AES, CKK_EC, CKK_EC_EDWARDS, CKK_EC_MONTGOMERY, CKK_RSA,
    CKM_EC_EDWARDS_KEY_PAIR_GEN, CKM_EC_KEY_PAIR_GEN, CKM_EC_MONTGOMERY_KEY_PAIR_GEN,
    CKM_RSA_PKCS_KEY_PAIR_GEN, CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_SECRET_KEY, CKR_DEVICE_ERROR,
    CKR_DEVICE_MEMORY, CKR_DEVICE_REMOVED, CKR_HOST_MEMORY, CKR_SESSION_CLOSED,
    CKR_SESSION_HANDLE_INVALID, CKR_TOKEN_NOT_PRESENT, CKR_USER_NOT_LOGGED_IN,
};
use token::{Attribute, Handle, Mechanism, Session};
use zeroize::Zeroizing;

use super::line::{Seat, Temporary};
use super::material::wrappable;
use super::passage::{passage_key, unwrap_clear};
use super::pool::{Cost, TRIES, lock};
use super::tenant::seal_with;
use super::use_key::KeyKind;
use super::{Hsm, HsmError, Purpose, TenantKeys, der};
use crate::library;
use crate::object::format::{
    Curve, EcPublic, Format, Named, NamedPublic, PublicKey, RsaPublic, Unsigned,
};
use crate::store::record::{Blob, BlobKind, Class};

/// A key pair to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairSpec {
    /// Public exponent 65537.
    Rsa {
        bits: u32,
    },
    Ec {
        curve: Curve,
    },
    Named(Named),
}

/// Who made a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    Token,
    Library,
}

impl Maker {
    /// For the audit record.
    pub fn name(self) -> &'static str {
        match self {
            Maker::Token => "token",
            Maker::Library => "library",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// PKCS#8 (DER) inside. Of a wrapped one `length` is an upper bound: DER knows its own.
    pub private: Blob,
    /// SubjectPublicKeyInfo, DER.
    pub public_key_info: Vec<u8>,
    pub maker: Maker,
}

/// How tokens make pairs of a kind.
struct Generator {
    kind: KeyKind,
    name: &'static str,
    mechanism: CK_MECHANISM_TYPE,
    key_type: CK_KEY_TYPE,
    /// What both halves of the pair are for.
    usages: (CK_ATTRIBUTE_TYPE, CK_ATTRIBUTE_TYPE),
}

/// Kinds without a row are made by the library only: no token wraps ML-DSA and SLH-DSA private keys yet (kryoptic 1.5
/// makes and uses them, but has no form in which one leaves it).
macro_rules! generators {
    ($($kind:ident $mechanism:ident $key_type:ident $public:ident $private:ident;)*) => {
        static GENERATORS: &[Generator] = &[$(Generator {
            kind: KeyKind::$kind,
            name: stringify!($mechanism),
            mechanism: $mechanism,
            key_type: $key_type,
            usages: ($public, $private),
        }),*];
    };
}

generators! {
    RsaPrivate CKM_RSA_PKCS_KEY_PAIR_GEN CKK_RSA CKA_VERIFY CKA_SIGN;
    EcPrivate CKM_EC_KEY_PAIR_GEN CKK_EC CKA_VERIFY CKA_SIGN;
    EdwardsPrivate CKM_EC_EDWARDS_KEY_PAIR_GEN CKK_EC_EDWARDS CKA_VERIFY CKA_SIGN;
    MontgomeryPrivate CKM_EC_MONTGOMERY_KEY_PAIR_GEN CKK_EC_MONTGOMERY CKA_DERIVE CKA_DERIVE;
}

impl PairSpec {
    /// What the private key is; None for what no token and no mechanism of this server uses.
    pub fn kind(self) -> Option<KeyKind> {
        match self {
            PairSpec::Rsa { .. } => Some(KeyKind::RsaPrivate),
            PairSpec::Ec { .. } => Some(KeyKind::EcPrivate),
            PairSpec::Named(named) => KeyKind::of_named(named),
        }
    }

    fn check(self) -> Result<(), HsmError> {
        match self {
            PairSpec::Rsa { bits } if !(2048..=8192).contains(&bits) || bits % 256 != 0 => {
                Err(HsmError::BadKey(format!(
                    "RSA keys of {bits} bits are not made: 2048 to 8192"
                )))
            }
            _ => Ok(()),
        }
    }

    /// The PKCS#11 mechanism by which tokens make such pairs; None where only the library does.
    pub fn mechanism_name(self) -> Option<&'static str> {
        self.row().map(|row| row.name)
    }

    fn row(self) -> Option<&'static Generator> {
        let kind = self.kind();
        GENERATORS.iter().find(|row| Some(row.kind) == kind)
    }

    fn generator(self) -> Result<&'static Generator, HsmError> {
        self.row()
            .ok_or_else(|| HsmError::Refused(format!("key pairs of {self:?}")))
    }

    /// What every token that Keyward runs on makes; of others each one shows by doing.
    fn is_basic(self) -> bool {
        matches!(
            self,
            PairSpec::Rsa { .. }
                | PairSpec::Ec {
                    curve: Curve::P256 | Curve::P384 | Curve::P521
                }
        )
    }

    /// An error of the token while it makes such a pair. Tokens have many codes for a curve that they do not have.
    fn failed(self, error: HsmError, code: Option<CK_ULONG>) -> HsmError {
        const PASSING: &[CK_ULONG] = &[
            CKR_DEVICE_ERROR,
            CKR_DEVICE_MEMORY,
            CKR_DEVICE_REMOVED,
            CKR_HOST_MEMORY,
            CKR_SESSION_CLOSED,
            CKR_SESSION_HANDLE_INVALID,
            CKR_TOKEN_NOT_PRESENT,
            CKR_USER_NOT_LOGGED_IN,
        ];
        match code {
            Some(code) if !self.is_basic() && !PASSING.contains(&code) => {
                HsmError::Refused(format!("key pairs of {self:?}: {error}"))
            }
            _ => error,
        }
    }

    fn token_error(self, error: token::Error) -> HsmError {
        let code = error.code();
        self.failed(error.into(), code)
    }
}

impl Hsm {
    /// Makes a key pair. Of class *token* it is made in the token and the private key is wrapped there and never leaves
    /// it in clear; else its PKCS#8 is sealed. `aad` is for that seal.
    ///
    /// # Errors
    /// [`HsmError::Refused`] when the class is *token* and the token does not make such pairs, or nobody does.
    pub async fn generate_pair(
        &self,
        keys: &TenantKeys,
        spec: PairSpec,
        class: Class,
        aad: &[u8],
    ) -> Result<Pair, HsmError> {
        spec.check()?;
        match self.pair_in_token(keys, spec, class, aad).await {
            Err(HsmError::Refused(_)) if class != Class::Token => {
                let made = tokio::task::spawn_blocking(move || library::pair::generate(spec)).await;
                let (pkcs8, public_key_info) = made
                    .map_err(|error| HsmError::Unavailable(error.to_string()))?
                    .map_err(|error| {
                        HsmError::Refused(format!("{spec:?}, nor the library: {error}"))
                    })?;
                Ok(Pair {
                    private: self.seal(keys, aad, &pkcs8).await?,
                    public_key_info,
                    maker: Maker::Library,
                })
            }
            other => other,
        }
    }

    async fn pair_in_token(
        &self,
        keys: &TenantKeys,
        spec: PairSpec,
        class: Class,
        aad: &[u8],
    ) -> Result<Pair, HsmError> {
        let generator = spec.generator()?;
        let (kind, purpose) = match class {
            Class::Token => (BlobKind::Wrapped, Purpose::Wrap),
            Class::Served | Class::Cached => (BlobKind::Sealed, Purpose::Seal),
        };
        let version = keys.newest(purpose)?;
        let mut tries = TRIES;
        loop {
            let anew = tries < TRIES;
            let tenant_key = self.tenant_key(keys, purpose, version, anew).await?;
            let job = move |seat: &Seat<'_>, [aad]: [&[u8]; 1]| {
                pair_with(
                    seat,
                    spec,
                    generator,
                    kind,
                    (seat.handle(&tenant_key)?, version),
                    aad,
                )
            };
            match self.pool.run(Cost::Long, [aad], job).await {
                Err(HsmError::Stale) if tries > 0 => tries -= 1,
                other => return other.map_err(HsmError::settled),
            }
        }
    }
}

/// Makes a pair and wraps or seals its private half under a tenant's key.
fn pair_with(
    seat: &Seat<'_>,
    spec: PairSpec,
    generator: &Generator,
    kind: BlobKind,
    (tenant_key, version): (Handle, u32),
    aad: &[u8],
) -> Result<Pair, HsmError> {
    if !seat.line.probe.mechanisms.contains(&generator.mechanism) {
        return Err(HsmError::Refused(format!("key pairs of {spec:?}")));
    }
    let (private, public_key_info) = generate(seat, spec, generator)?;
    let private = seat.temporary(private);
    let wrapping = Mechanism::Plain(seat.line.probe.key_wrap_padded);
    let wrap = |key| {
        seat.session
            .wrap(wrapping, key, private.handle)
            .map_err(|error| spec.token_error(error))
    };
    let (bytes, length) = if kind == BlobKind::Wrapped {
        let bytes = wrap(tenant_key)?;
        let length = bytes.len() - 8;
        (bytes, length)
    } else {
        let passage = seat.temporary(passage_key(seat)?);
        let wrapped = wrap(passage.handle)?;
        let mut pkcs8 = unwrap_clear(seat, wrapping, passage.handle, &wrapped)?;
        let length = der::whole_length(&pkcs8).ok_or_else(|| {
            HsmError::Damaged("the token gave a private key that is not DER".into())
        })?;
        pkcs8.truncate(length);
        (seal_with(seat.session, tenant_key, aad, &pkcs8)?, length)
    };
    let private = Blob {
        kind,
        key_version: version,
        length: length as u32,
        bytes,
    };
    Ok(Pair {
        private,
        public_key_info,
        maker: Maker::Token,
    })
}

/// The private key as a session object of this job, and the public half.
fn generate(
    seat: &Seat<'_>,
    spec: PairSpec,
    generator: &Generator,
) -> Result<(Handle, Vec<u8>), HsmError> {
    if let (Some(forge), PairSpec::Rsa { .. }) = (&seat.line.forge, spec) {
        return generate_in_forge(seat, &lock(forge), spec, generator);
    }
    let (public, private) = make(seat.session, spec, generator)?;
    let public = seat.temporary(public);
    match public_key_info(seat.session, spec, public.handle) {
        Ok(info) => Ok((private, info)),
        Err(error) => {
            drop(seat.temporary(private));
            Err(error)
        }
    }
}

/// Made in the second token and carried over wrapped under a key of this moment, which both get.
fn generate_in_forge(
    seat: &Seat<'_>,
    forge: &Session,
    spec: PairSpec,
    generator: &Generator,
) -> Result<(Handle, Vec<u8>), HsmError> {
    let mut value = Zeroizing::new([0; 32]);
    seat.session.random(value.as_mut_slice())?;
    let passage = |usage| {
        [
            (CKA_CLASS, Number(CKO_SECRET_KEY as CK_ULONG)),
            (CKA_KEY_TYPE, Number(CKK_AES as CK_ULONG)),
            (CKA_TOKEN, Flag(false)),
            (CKA_SENSITIVE, Flag(true)),
            (CKA_EXTRACTABLE, Flag(false)),
            (usage, Flag(true)),
            (CKA_VALUE, Bytes(value.as_slice())),
        ]
    };
    let wrapping = Mechanism::Plain(seat.line.probe.key_wrap_padded);
    let there = Temporary::new(forge, forge.create(&passage(CKA_WRAP))?);
    let (public, private) = make(forge, spec, generator)?;
    let (public, private) = (
        Temporary::new(forge, public),
        Temporary::new(forge, private),
    );
    let info = public_key_info(forge, spec, public.handle)?;
    let wrapped = forge.wrap(wrapping, there.handle, private.handle)?;
    let here = seat.temporary(seat.session.create(&passage(CKA_UNWRAP))?);
    let template = wrappable(CKO_PRIVATE_KEY as CK_ULONG, generator.key_type as CK_ULONG);
    let private = seat
        .session
        .unwrap(wrapping, here.handle, &wrapped, &template)?;
    Ok((private, info))
}

fn make(
    session: &Session,
    spec: PairSpec,
    generator: &Generator,
) -> Result<(Handle, Handle), HsmError> {
    let key_type = generator.key_type as CK_ULONG;
    let (public_usage, private_usage) = generator.usages;
    let parameters = match spec {
        PairSpec::Rsa { .. } => Vec::new(),
        PairSpec::Ec { curve } => object_identifier(curve.oid())?,
        PairSpec::Named(named) => object_identifier(named.oid())?,
    };
    let mut public: Vec<Attribute<'_>> = vec![
        (CKA_CLASS, Number(CKO_PUBLIC_KEY as CK_ULONG)),
        (CKA_KEY_TYPE, Number(key_type)),
        (CKA_TOKEN, Flag(false)),
        (public_usage, Flag(true)),
    ];
    match spec {
        PairSpec::Rsa { bits } => {
            public.push((CKA_MODULUS_BITS, Number(CK_ULONG::from(bits))));
            public.push((CKA_PUBLIC_EXPONENT, Bytes(&[1, 0, 1])));
        }
        PairSpec::Ec { .. } | PairSpec::Named(_) => {
            public.push((CKA_EC_PARAMS, Bytes(&parameters)));
        }
    }
    let mut private = wrappable(CKO_PRIVATE_KEY as CK_ULONG, key_type).to_vec();
    private.push((private_usage, Flag(true)));
    session
        .generate_pair(Mechanism::Plain(generator.mechanism), &public, &private)
        .map_err(|error| spec.token_error(error))
}

fn object_identifier(oid: ::der::asn1::ObjectIdentifier) -> Result<Vec<u8>, HsmError> {
    oid.to_der()
        .map_err(|error| HsmError::BadKey(error.to_string()))
}

fn public_key_info(session: &Session, spec: PairSpec, public: Handle) -> Result<Vec<u8>, HsmError> {
    let read = |kind: CK_ATTRIBUTE_TYPE| session.attribute(public, kind);
    let odd = |_| HsmError::Damaged("the token gave a public key not of its kind".into());
    let key = match spec {
        PairSpec::Rsa { .. } => {
            let number = |bytes: &[u8]| Unsigned::from_magnitude(bytes).map_err(odd);
            PublicKey::Rsa(RsaPublic {
                modulus: number(&read(CKA_MODULUS)?)?,
                public_exponent: number(&read(CKA_PUBLIC_EXPONENT)?)?,
            })
        }
        PairSpec::Ec { curve } => {
            let attribute = read(CKA_EC_POINT)?;
            let point = der::bare(&attribute, 2 * curve.field_bytes() + 1);
            PublicKey::Ec(EcPublic::new(curve, point).map_err(odd)?)
        }
        PairSpec::Named(named) => {
            let attribute = read(CKA_EC_POINT)?;
            let point = der::bare(&attribute, named.public_bytes());
            PublicKey::Named(NamedPublic::new(named, point).map_err(odd)?)
        }
    };
    key.write(Format::X509).map_err(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_passing_errors_of_odd_curves_are_not_refusals() {
        let spec = PairSpec::Named(Named::Ed448);
        let gone = || HsmError::Unavailable("gone".into());
        let is_refused =
            |spec: PairSpec, code| matches!(spec.failed(gone(), Some(code)), HsmError::Refused(_));
        assert!(is_refused(spec, token::raw::CKR_GENERAL_ERROR));
        assert!(is_refused(spec, token::raw::CKR_DOMAIN_PARAMS_INVALID));
        assert!(!is_refused(spec, CKR_SESSION_HANDLE_INVALID));
        let basic = PairSpec::Ec { curve: Curve::P256 };
        assert!(!is_refused(basic, token::raw::CKR_GENERAL_ERROR));
    }
}
