//! New keys: in the token (class *token*), or from its generator and sealed (*served*, *cached*).

use token::Value::{Bytes, Flag, Number};
use token::raw::{
    CK_ATTRIBUTE_TYPE, CK_MECHANISM_TYPE, CK_ULONG, CKA_CLASS, CKA_EC_PARAMS, CKA_EC_POINT,
    CKA_EXTRACTABLE, CKA_KEY_TYPE, CKA_MODULUS, CKA_MODULUS_BITS, CKA_PRIVATE, CKA_PUBLIC_EXPONENT,
    CKA_SENSITIVE, CKA_SIGN, CKA_TOKEN, CKA_UNWRAP, CKA_VALUE, CKA_VALUE_LEN, CKA_VERIFY, CKA_WRAP,
    CKK_AES, CKK_CHACHA20, CKK_DES2, CKK_DES3, CKK_EC, CKK_GENERIC_SECRET, CKK_RSA, CKM_AES_KEY_GEN, CKM_CHACHA20_KEY_GEN,
    CKM_DES2_KEY_GEN, CKM_DES3_KEY_GEN, CKM_EC_KEY_PAIR_GEN, CKM_GENERIC_SECRET_KEY_GEN,
    CKM_RSA_PKCS_KEY_PAIR_GEN, CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_SECRET_KEY,
};
use token::{Attribute, Handle, Mechanism, Session};
use zeroize::Zeroizing;

use super::line::{Seat, Temporary};
use super::passage::{passage_key, unwrap_clear};
use super::pool::{Cost, lock};
use super::tenant::seal_with;
use super::use_key::KeyKind;
use super::{Hsm, HsmError, Purpose, TenantKeys, der};
use crate::store::record::{Blob, BlobKind, Class};

/// The longest secret that is generated, in bytes.
const LONGEST: usize = 4096;

/// A symmetric key to be made; `length` in bytes of material (triple DES: 16 or 24, parity included).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretSpec {
    pub kind: KeyKind,
    pub length: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    fn parameters(self) -> &'static [u8] {
        match self {
            Curve::P256 => der::P256,
            Curve::P384 => der::P384,
            Curve::P521 => der::P521,
        }
    }

    /// Length of a coordinate in bytes.
    pub fn size(self) -> usize {
        match self {
            Curve::P256 => 32,
            Curve::P384 => 48,
            Curve::P521 => 66,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairSpec {
    /// Public exponent 65537.
    Rsa {
        bits: u32,
    },
    Ec {
        curve: Curve,
    },
}

/// The public half in the standard's parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicParts {
    /// Unsigned, big-endian.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    /// Uncompressed point (SEC 1).
    Ec { curve: Curve, point: Vec<u8> },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// PKCS#8 (DER) inside. Of a wrapped one `length` is an upper bound: DER knows its own.
    pub private: Blob,
    pub public: PublicParts,
    /// SubjectPublicKeyInfo, DER.
    pub public_key_info: Vec<u8>,
}

impl SecretSpec {
    fn check(self) -> Result<(), HsmError> {
        let fits = match self.kind {
            KeyKind::Aes => matches!(self.length, 16 | 24 | 32),
            KeyKind::TripleDes => matches!(self.length, 16 | 24),
            KeyKind::ChaCha20 => self.length == 32,
            KeyKind::Generic => (1..=LONGEST).contains(&self.length),
            KeyKind::RsaPrivate | KeyKind::EcPrivate => false,
        };
        if fits {
            return Ok(());
        }
        Err(HsmError::BadKey(format!(
            "{:?} keys of {} bytes are not made",
            self.kind, self.length
        )))
    }

    fn generator(self) -> (CK_MECHANISM_TYPE, CK_ULONG) {
        match (self.kind, self.length) {
            (KeyKind::Aes, _) => (CKM_AES_KEY_GEN, CKK_AES as CK_ULONG),
            (KeyKind::TripleDes, 16) => (CKM_DES2_KEY_GEN, CKK_DES2 as CK_ULONG),
            (KeyKind::TripleDes, _) => (CKM_DES3_KEY_GEN, CKK_DES3 as CK_ULONG),
            (KeyKind::ChaCha20, _) => (CKM_CHACHA20_KEY_GEN, CKK_CHACHA20 as CK_ULONG),
            _ => (CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET as CK_ULONG),
        }
    }
}

impl Hsm {
    /// Makes a symmetric key. `aad` is for the seal of classes served and cached.
    pub async fn generate(
        &self,
        keys: &TenantKeys,
        spec: SecretSpec,
        class: Class,
        aad: &[u8],
    ) -> Result<Blob, HsmError> {
        spec.check()?;
        if class != Class::Token {
            let mut material = self.random(spec.length).await?;
            if spec.kind == KeyKind::TripleDes {
                set_odd_parity(&mut material);
            }
            return self.seal(keys, aad, &material).await;
        }
        let version = keys.newest(Purpose::Wrap)?;
        let bytes = self
            .with_tenant_key(keys, Purpose::Wrap, version, [], move |seat, wrap, []| {
                if !seat.line.probe.exact_lengths
                    && !spec.length.is_multiple_of(8)
                    && spec.length > 64
                {
                    return Err(HsmError::Refused(format!(
                        "keys of {} bytes in the token: it keeps multiples of 8 only",
                        spec.length
                    )));
                }
                let (generator, key_type) = spec.generator();
                let mut template = wrappable(CKO_SECRET_KEY as CK_ULONG, key_type).to_vec();
                if spec.kind != KeyKind::TripleDes {
                    template.push((CKA_VALUE_LEN, Number(spec.length as CK_ULONG)));
                }
                let key = seat
                    .session
                    .generate_key(Mechanism::Plain(generator), &template)?;
                let key = seat.temporary(key);
                let wrapping = Mechanism::Plain(seat.line.probe.key_wrap_padded);
                Ok(seat.session.wrap(wrapping, wrap, key.handle)?)
            })
            .await?;
        Ok(Blob {
            kind: BlobKind::Wrapped,
            key_version: version,
            length: spec.length as u32,
            bytes,
        })
    }

    /// Makes a key pair in the token. Of class *token* the private key is wrapped there and never
    /// leaves it in clear; else its PKCS#8 is sealed.
    pub async fn generate_pair(
        &self,
        keys: &TenantKeys,
        spec: PairSpec,
        class: Class,
        aad: &[u8],
    ) -> Result<Pair, HsmError> {
        if let PairSpec::Rsa { bits } = spec
            && (!(2048..=8192).contains(&bits) || bits % 256 != 0)
        {
            return Err(HsmError::BadKey(format!(
                "RSA keys of {bits} bits are not made: 2048 to 8192"
            )));
        }
        let (kind, purpose) = match class {
            Class::Token => (BlobKind::Wrapped, Purpose::Wrap),
            Class::Served | Class::Cached => (BlobKind::Sealed, Purpose::Seal),
        };
        let version = keys.newest(purpose)?;
        let tenant_key = self.tenant_key(keys, purpose, version, false).await?;
        self.pool
            .run(Cost::Long, [aad], move |seat, [aad]| {
                let tenant_key = seat.handle(&tenant_key)?;
                let (private, public, public_key_info) = generate(seat, spec)?;
                let private = seat.temporary(private);
                let wrapping = Mechanism::Plain(seat.line.probe.key_wrap_padded);
                let (bytes, length) = if kind == BlobKind::Wrapped {
                    let bytes = seat.session.wrap(wrapping, tenant_key, private.handle)?;
                    let length = bytes.len() - 8;
                    (bytes, length)
                } else {
                    let passage = passage_key(seat)?;
                    let passage = seat.temporary(passage);
                    let wrapped = seat
                        .session
                        .wrap(wrapping, passage.handle, private.handle)?;
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
                    public,
                    public_key_info,
                })
            })
            .await
    }
}

/// Extractable for the moment until it is wrapped; it may do nothing else.
fn wrappable(class: CK_ULONG, key_type: CK_ULONG) -> [Attribute<'static>; 6] {
    [
        (CKA_CLASS, Number(class)),
        (CKA_KEY_TYPE, Number(key_type)),
        (CKA_TOKEN, Flag(false)),
        (CKA_PRIVATE, Flag(true)),
        (CKA_SENSITIVE, Flag(true)),
        (CKA_EXTRACTABLE, Flag(true)),
    ]
}

/// The private key as a session object of this job, and the public half.
fn generate(seat: &Seat<'_>, spec: PairSpec) -> Result<(Handle, PublicParts, Vec<u8>), HsmError> {
    if let (Some(forge), PairSpec::Rsa { .. }) = (&seat.line.forge, spec) {
        return generate_in_forge(seat, &lock(forge), spec);
    }
    let (public, private) = make(seat.session, spec)?;
    let public = seat.temporary(public);
    match public_parts(seat.session, spec, public.handle) {
        Ok((parts, info)) => Ok((private, parts, info)),
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
) -> Result<(Handle, PublicParts, Vec<u8>), HsmError> {
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
    let (public, private) = make(forge, spec)?;
    let (public, private) = (
        Temporary::new(forge, public),
        Temporary::new(forge, private),
    );
    let (parts, info) = public_parts(forge, spec, public.handle)?;
    let wrapped = forge.wrap(wrapping, there.handle, private.handle)?;
    let here = seat.temporary(seat.session.create(&passage(CKA_UNWRAP))?);
    let template = wrappable(CKO_PRIVATE_KEY as CK_ULONG, CKK_RSA as CK_ULONG);
    let private = seat
        .session
        .unwrap(wrapping, here.handle, &wrapped, &template)?;
    Ok((private, parts, info))
}

fn make(session: &Session, spec: PairSpec) -> Result<(Handle, Handle), HsmError> {
    let (generator, key_type) = match spec {
        PairSpec::Rsa { .. } => (CKM_RSA_PKCS_KEY_PAIR_GEN, CKK_RSA as CK_ULONG),
        PairSpec::Ec { .. } => (CKM_EC_KEY_PAIR_GEN, CKK_EC as CK_ULONG),
    };
    let mut public: Vec<Attribute<'_>> = vec![
        (CKA_CLASS, Number(CKO_PUBLIC_KEY as CK_ULONG)),
        (CKA_KEY_TYPE, Number(key_type)),
        (CKA_TOKEN, Flag(false)),
        (CKA_VERIFY, Flag(true)),
    ];
    match spec {
        PairSpec::Rsa { bits } => {
            public.push((CKA_MODULUS_BITS, Number(CK_ULONG::from(bits))));
            public.push((CKA_PUBLIC_EXPONENT, Bytes(&[1, 0, 1])));
        }
        PairSpec::Ec { curve } => public.push((CKA_EC_PARAMS, Bytes(curve.parameters()))),
    }
    let mut private = wrappable(CKO_PRIVATE_KEY as CK_ULONG, key_type).to_vec();
    private.push((CKA_SIGN, Flag(true)));
    Ok(session.generate_pair(Mechanism::Plain(generator), &public, &private)?)
}

fn public_parts(
    session: &Session,
    spec: PairSpec,
    public: Handle,
) -> Result<(PublicParts, Vec<u8>), HsmError> {
    let read = |kind: CK_ATTRIBUTE_TYPE| session.attribute(public, kind);
    match spec {
        PairSpec::Rsa { .. } => {
            let (modulus, exponent) = (
                read(CKA_MODULUS)?.to_vec(),
                read(CKA_PUBLIC_EXPONENT)?.to_vec(),
            );
            let info = der::rsa_public_key(&modulus, &exponent);
            Ok((PublicParts::Rsa { modulus, exponent }, info))
        }
        PairSpec::Ec { curve } => {
            let attribute = read(CKA_EC_POINT)?;
            let point = der::point(&attribute, curve.size())
                .ok_or_else(|| HsmError::Damaged("the token gave a point not of the curve".into()))?
                .to_vec();
            let info = der::ec_public_key(curve.parameters(), &point);
            Ok((PublicParts::Ec { curve, point }, info))
        }
    }
}

/// The lowest bit of each byte makes its number of ones odd (SP 800-67 §3.1).
fn set_odd_parity(key: &mut [u8]) {
    for byte in key {
        *byte = *byte & 0xfe | u8::from((*byte & 0xfe).count_ones() % 2 == 0);
    }
}
