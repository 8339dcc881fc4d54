//! The transport key of a ceremony: an RSA pair made in the token that masters are to reach. Its
//! private half never leaves that token and only unwraps; its public half travels in a request,
//! and the operator vouches for it by typing its fingerprint where the masters are.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use token::Value::{Bytes, Flag, Number};
use token::raw::{
    CK_MECHANISM_TYPE, CK_ULONG, CKA_ALWAYS_SENSITIVE, CKA_CLASS, CKA_DECRYPT, CKA_DERIVE,
    CKA_ENCRYPT, CKA_EXTRACTABLE, CKA_KEY_TYPE, CKA_LABEL, CKA_LOCAL, CKA_MODULUS,
    CKA_MODULUS_BITS, CKA_NEVER_EXTRACTABLE, CKA_PRIVATE, CKA_PUBLIC_EXPONENT, CKA_SENSITIVE,
    CKA_SIGN, CKA_TOKEN, CKA_UNWRAP, CKA_VALUE_LEN, CKA_VERIFY, CKA_WRAP, CKG_MGF1_SHA1,
    CKG_MGF1_SHA256, CKK_AES, CKK_RSA, CKM_AES_KEY_GEN, CKM_RSA_PKCS_KEY_PAIR_GEN, CKM_SHA_1,
    CKM_SHA256, CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_SECRET_KEY,
};
use token::{Handle, Mechanism, Session};

use super::crossing::Desk;
use super::line::Temporary;
use super::master;
use super::reach;
use super::{HsmError, Source};
use crate::object::format::{Format, Hint, PublicKey, RsaPublic, Unsigned};

const LABEL: &str = "keyward/transport";
/// Bits of the transport key: 128 bits of strength (SP 800-57 part 1, table 2).
const BITS: u32 = 3072;
/// First field of a request; another one is of another version.
const FORMAT: &str = "keyward transport key 1";

/// Hash and mask generation of RSA-OAEP (RFC 8017 §7.1). SHA-1 has no collision to lose there, and
/// SoftHSM has nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Oaep {
    Sha256,
    Sha1,
}

impl Oaep {
    const ALL: [Oaep; 2] = [Oaep::Sha256, Oaep::Sha1];

    pub fn mechanism(self) -> Mechanism<'static> {
        let (hash, mask_generation): (CK_MECHANISM_TYPE, CK_ULONG) = match self {
            Oaep::Sha256 => (CKM_SHA256, CKG_MGF1_SHA256),
            Oaep::Sha1 => (CKM_SHA_1, CKG_MGF1_SHA1),
        };
        Mechanism::Oaep {
            hash,
            mask_generation,
            label: &[],
        }
    }
}

/// What a token that is to get the masters hands out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    format: String,
    /// Label and serial number of the token.
    pub token: String,
    /// What its token was seen to unwrap, best first.
    pub(super) oaep: Vec<Oaep>,
    /// SubjectPublicKeyInfo, DER.
    #[serde(with = "hex::serde")]
    public_key: Vec<u8>,
}

/// SHA-256 as an operator compares and types it: 16 groups of 4 hexadecimal digits.
pub fn grouped(digest: [u8; 32]) -> String {
    let groups: Vec<String> = digest.chunks(2).map(hex::encode).collect();
    groups.join(" ")
}

/// Whether what was typed is that: case, spaces, colons and dashes do not count.
pub fn is_typed(typed: &str, shown: &str) -> bool {
    let digits = |text: &str| {
        let text = text
            .chars()
            .filter(|c| !c.is_whitespace() && !":-".contains(*c));
        text.collect::<String>().to_ascii_lowercase()
    };
    digits(typed) == digits(shown)
}

impl Request {
    /// # Errors
    /// [`HsmError::BadInput`] where it is no request of this version.
    pub fn read(bytes: &[u8]) -> Result<Request, HsmError> {
        let request: Request = serde_json::from_slice(bytes).map_err(|error| {
            HsmError::BadInput(format!("this is no transport request: {error}"))
        })?;
        if request.format != FORMAT {
            return Err(HsmError::BadInput(format!(
                "the transport request is {:?}, this version reads {FORMAT:?}",
                request.format
            )));
        }
        request.rsa()?;
        Ok(request)
    }

    /// SHA-256 of the SubjectPublicKeyInfo, in groups.
    pub fn fingerprint(&self) -> String {
        grouped(Sha256::digest(&self.public_key).into())
    }

    fn rsa(&self) -> Result<RsaPublic, HsmError> {
        let bad = |what: &str| HsmError::BadInput(format!("the transport key {what}"));
        let key = PublicKey::parse(Format::X509, &self.public_key, Hint::default())
            .map_err(|error| bad(&format!("cannot be read: {error}")))?;
        match key {
            PublicKey::Rsa(key) if 8 * key.modulus.magnitude().len() >= BITS as usize => Ok(key),
            _ => Err(bad(&format!("is not RSA of {BITS} bits or more"))),
        }
    }

    /// The public half in another token, for one job: it wraps, and nothing else.
    pub(super) fn enter<'a>(&self, session: &'a Session) -> Result<Temporary<'a>, HsmError> {
        let key = self.rsa()?;
        let key = session.create(&[
            (CKA_CLASS, Number(CKO_PUBLIC_KEY as CK_ULONG)),
            (CKA_KEY_TYPE, Number(CKK_RSA as CK_ULONG)),
            (CKA_TOKEN, Flag(false)),
            (CKA_WRAP, Flag(true)),
            (CKA_ENCRYPT, Flag(false)),
            (CKA_VERIFY, Flag(false)),
            (CKA_MODULUS, Bytes(key.modulus.magnitude())),
            (CKA_PUBLIC_EXPONENT, Bytes(key.public_exponent.magnitude())),
        ])?;
        Ok(Temporary::new(session, key))
    }
}

/// Makes the transport key of a token, or takes the one that waits there for an answer. An embedded
/// token that is not there is made.
pub fn request(source: &Source) -> Result<Request, HsmError> {
    let token = reach::bare(source, Some("keyward replica"))?;
    let desk = Desk::of(&token);
    request_of(desk, token.name.clone())
}

/// The same for a token that is at hand.
pub(super) fn request_of(desk: Desk<'_>, token: String) -> Result<Request, HsmError> {
    let session = desk.session;
    let public = match pair(session)? {
        Some((public, private)) => {
            check(session, private)?;
            public
        }
        None => make(session)?.0,
    };
    let request = Request {
        format: FORMAT.into(),
        oaep: shown(session)?,
        public_key: public_key_info(session, public)?,
        token,
    };
    match request.oaep.is_empty() {
        true => Err(HsmError::Refused("unwrapping with RSA-OAEP".into())),
        false => Ok(request),
    }
}

/// Public and private half, where there is such a pair.
fn pair(session: &Session) -> Result<Option<(Handle, Handle)>, HsmError> {
    let public = master::find_labelled(session, LABEL, CKO_PUBLIC_KEY)?;
    let private = master::find_labelled(session, LABEL, CKO_PRIVATE_KEY)?;
    match (public.as_slice(), private.as_slice()) {
        ([public], [private]) => Ok(Some((*public, *private))),
        ([], []) => Ok(None),
        _ => {
            // Half a pair, or two, is nobody's.
            remove(session)?;
            Ok(None)
        }
    }
}

/// The private half that unwraps an answer to `fingerprint`.
pub(super) fn unwrapping_key(session: &Session, fingerprint: &str) -> Result<Handle, HsmError> {
    let other = || {
        HsmError::BadInput(
            "the answer is not for this token: its transport key is another one, or was used"
                .into(),
        )
    };
    let (public, private) = pair(session)?.ok_or_else(other)?;
    check(session, private)?;
    let info = public_key_info(session, public)?;
    match grouped(Sha256::digest(&info).into()) == fingerprint {
        true => Ok(private),
        false => Err(other()),
    }
}

/// A transport key serves once.
pub(super) fn remove(session: &Session) -> Result<(), HsmError> {
    for class in [CKO_PRIVATE_KEY, CKO_PUBLIC_KEY] {
        for key in master::find_labelled(session, LABEL, class)? {
            session.destroy(key)?;
        }
    }
    Ok(())
}

fn make(session: &Session) -> Result<(Handle, Handle), HsmError> {
    let public = [
        (CKA_CLASS, Number(CKO_PUBLIC_KEY as CK_ULONG)),
        (CKA_KEY_TYPE, Number(CKK_RSA as CK_ULONG)),
        (CKA_TOKEN, Flag(true)),
        (CKA_LABEL, Bytes(LABEL.as_bytes())),
        (CKA_WRAP, Flag(true)),
        (CKA_ENCRYPT, Flag(false)),
        (CKA_VERIFY, Flag(false)),
        (CKA_MODULUS_BITS, Number(CK_ULONG::from(BITS))),
        (CKA_PUBLIC_EXPONENT, Bytes(&[1, 0, 1])),
    ];
    let private = [
        (CKA_CLASS, Number(CKO_PRIVATE_KEY as CK_ULONG)),
        (CKA_KEY_TYPE, Number(CKK_RSA as CK_ULONG)),
        (CKA_TOKEN, Flag(true)),
        (CKA_PRIVATE, Flag(true)),
        (CKA_LABEL, Bytes(LABEL.as_bytes())),
        (CKA_SENSITIVE, Flag(true)),
        (CKA_EXTRACTABLE, Flag(false)),
        (CKA_UNWRAP, Flag(true)),
        (CKA_DECRYPT, Flag(false)),
        (CKA_SIGN, Flag(false)),
        (CKA_DERIVE, Flag(false)),
    ];
    Ok(session.generate_pair(
        Mechanism::Plain(CKM_RSA_PKCS_KEY_PAIR_GEN),
        &public,
        &private,
    )?)
}

/// Masters go to no key that anybody else could hold.
fn check(session: &Session, private: Handle) -> Result<(), HsmError> {
    for (kind, expected) in [
        (CKA_SENSITIVE, true),
        (CKA_EXTRACTABLE, false),
        (CKA_ALWAYS_SENSITIVE, true),
        (CKA_NEVER_EXTRACTABLE, true),
        (CKA_LOCAL, true),
        (CKA_UNWRAP, true),
        (CKA_DECRYPT, false),
    ] {
        if session.flag(private, kind)? != expected {
            return Err(HsmError::Damaged(format!(
                "{LABEL} was not made here for unwrapping only; destroy it with the token's own tools"
            )));
        }
    }
    Ok(())
}

fn public_key_info(session: &Session, public: Handle) -> Result<Vec<u8>, HsmError> {
    let odd = |_| HsmError::Damaged("the token gave a public key not of its kind".into());
    let number = |kind| -> Result<Unsigned, HsmError> {
        Unsigned::from_magnitude(&session.attribute(public, kind)?).map_err(odd)
    };
    PublicKey::Rsa(RsaPublic {
        modulus: number(CKA_MODULUS)?,
        public_exponent: number(CKA_PUBLIC_EXPONENT)?,
    })
    .write(Format::X509)
    .map_err(odd)
}

/// What of OAEP the token does, seen by wrapping and unwrapping a key of this moment.
fn shown(session: &Session) -> Result<Vec<Oaep>, HsmError> {
    let (public, private) =
        pair(session)?.ok_or_else(|| HsmError::Damaged(format!("{LABEL} is missing")))?;
    let key = passing_key(session)?;
    let does = |oaep: Oaep| {
        let wrapped = session.wrap(oaep.mechanism(), public, key.handle)?;
        let back = session.unwrap(oaep.mechanism(), private, &wrapped, &passed_key())?;
        session.destroy(back)
    };
    let all = Oaep::ALL.into_iter();
    Ok(all.filter(|oaep| does(*oaep).is_ok()).collect())
}

/// An AES key of this moment under which masters travel; extractable, for it travels itself.
pub(super) fn passing_key(session: &Session) -> Result<Temporary<'_>, HsmError> {
    let key = session.generate_key(
        Mechanism::Plain(CKM_AES_KEY_GEN),
        &[
            (CKA_CLASS, Number(CKO_SECRET_KEY as CK_ULONG)),
            (CKA_KEY_TYPE, Number(CKK_AES as CK_ULONG)),
            (CKA_TOKEN, Flag(false)),
            (CKA_PRIVATE, Flag(true)),
            (CKA_SENSITIVE, Flag(true)),
            (CKA_EXTRACTABLE, Flag(true)),
            (CKA_VALUE_LEN, Number(32)),
            (CKA_WRAP, Flag(true)),
            (CKA_UNWRAP, Flag(false)),
            (CKA_ENCRYPT, Flag(false)),
            (CKA_DECRYPT, Flag(false)),
        ],
    )?;
    Ok(Temporary::new(session, key))
}

/// The same where it arrived: it unwraps, and goes no further.
pub(super) fn passed_key() -> [token::Attribute<'static>; 10] {
    [
        (CKA_CLASS, Number(CKO_SECRET_KEY as CK_ULONG)),
        (CKA_KEY_TYPE, Number(CKK_AES as CK_ULONG)),
        (CKA_TOKEN, Flag(false)),
        (CKA_PRIVATE, Flag(true)),
        (CKA_SENSITIVE, Flag(true)),
        (CKA_EXTRACTABLE, Flag(false)),
        (CKA_WRAP, Flag(false)),
        (CKA_UNWRAP, Flag(true)),
        (CKA_ENCRYPT, Flag(false)),
        (CKA_DECRYPT, Flag(false)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_typed_in_any_grouping() {
        let shown = grouped([0xab; 32]);
        assert_eq!(shown.len(), 16 * 4 + 15);
        assert!(is_typed(&"AB".repeat(32), &shown));
        assert!(is_typed(&shown.replace(' ', ":"), &shown));
        assert!(!is_typed(&shown[..shown.len() - 5], &shown));
        assert!(!is_typed("", &shown));
    }
}
