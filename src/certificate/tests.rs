#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use der::Encode;
use ttlv::{Node, Value};
use x509_cert::ext::pkix::KeyUsages;

use super::extension::{Asked, key_usage, usage_mask};
use super::issue::{Issuer, Plan};
use super::{CertificateError, Request, issue, revocation, subject};
use crate::object::format::NameAttribute;
use crate::protocol::attributes::{Attribute, Attributes};
use crate::protocol::enumeration::RevocationReasonCode;
use crate::protocol::mask::CryptographicUsageMask as Mask;
use crate::protocol::tag;

/// CertReqMessages of `openssl cmp -cmd ir -popo 1 -subject "/O=Example/CN=crmf" -sans
/// crmf.example.com` (OpenSSL 3.0.19), P-256: the request of somebody else's making.
const CRMF: &str = "308201023081ff3081a502010030819fa52330213110300e060355040a0c074578616d706c65310d300b06035504030c\
     0463726d66a659301306072a8648ce3d020106082a8648ce3d030107034200048ef8f065b1bb529de8fd82a66b005b46\
     0981d73023d43650ffe8c8ed2b5ccdd68e5ed5838666a4b43e8bca1c1de8d2a07a9a6b2d117cad682fec4203b139c753\
     a91d301b0603551d1104143012821063726d662e6578616d706c652e636f6da155300a06082a8648ce3d040302034700\
     304402202c661a414dfefebfc215aaf704c26d5dc97d572134885cc8317764dea668c64d02206161257f25f62c6ae48d\
     4d2ff10e6b60d179483051dedbdf291b29141115ed65";

fn crmf() -> Vec<u8> {
    hex::decode(CRMF).unwrap()
}

#[test]
fn a_request_of_openssl_is_read_and_its_proof_verified() {
    let request = Request::from_crmf(&crmf()).unwrap();
    assert_eq!(request.subject.to_string(), "CN=crmf,O=Example");
    let asked = Asked::of(&request.extensions).unwrap();
    assert_eq!(asked.alternatives.unwrap().len(), 1);
    assert_eq!((request.not_before, request.not_after), (None, None));
}

/// Whatever byte is changed, the proof does not hold any more.
#[test]
fn a_changed_request_is_not_believed() {
    let whole = crmf();
    for position in 0..whole.len() {
        let mut changed = whole.clone();
        changed[position] ^= 1;
        let read = Request::from_crmf(&changed);
        assert!(read.is_err(), "byte {position}: {read:?}");
        assert!(Request::from_crmf(&whole[..position]).is_err());
    }
}

fn flat(parts: &[(ttlv::Tag, &str)]) -> Attributes {
    let mut attributes = Attributes::default();
    for (tag, value) in parts {
        attributes.add(Attribute::standard(
            *tag,
            Value::TextString((*value).to_owned().into()),
        ));
    }
    attributes
}

#[test]
fn single_parts_become_a_name_from_wide_to_narrow() {
    let attributes = flat(&[
        (tag::CERTIFICATE_SUBJECT_CN, "host, 1"),
        (tag::CERTIFICATE_SUBJECT_EMAIL, "a@example.com"),
        (tag::CERTIFICATE_SUBJECT_C, "NO"),
        (tag::CERTIFICATE_SUBJECT_OU, "one"),
        (tag::CERTIFICATE_SUBJECT_OU, "two"),
        (tag::CERTIFICATE_ISSUER_CN, "not the subject"),
    ]);
    let subject = subject::of_attributes(&attributes).unwrap().unwrap();
    let der = subject.name.to_der().unwrap();
    let (_, parsed) = <x509_parser::x509::X509Name<'_> as x509_parser::prelude::FromDer<
        '_,
        x509_parser::error::X509Error,
    >>::from_der(&der)
    .unwrap();
    let texts: Vec<_> = parsed
        .iter_attributes()
        .map(|part| part.as_str().unwrap())
        .collect();
    assert_eq!(texts, ["NO", "one", "two", "host, 1", "a@example.com"]);
    assert_eq!(
        subject::of_attributes(&Attributes::default()).unwrap(),
        None
    );
    for (tag, value) in [
        (tag::CERTIFICATE_SUBJECT_C, "Å"),
        (tag::CERTIFICATE_SUBJECT_DC, "blåbær"),
        (tag::CERTIFICATE_SUBJECT_CN, ""),
        (tag::CERTIFICATE_SUBJECT_CN, &"x".repeat(1025)),
    ] {
        assert!(matches!(
            subject::of_attributes(&flat(&[(tag, value)])),
            Err(CertificateError::Attribute(_))
        ));
    }
}

/// 1.4 §3.14: names in text, and what alternative names look like.
#[test]
fn a_subject_in_text_is_read() {
    let field = |tag, value: &str| Node::text(tag, value.to_owned());
    let mut attributes = Attributes::default();
    let alternatives = [
        "host.example.com",
        "a@example.com",
        "https://x/",
        "10.0.0.1",
        "::1",
    ];
    let mut fields = vec![field(
        tag::CERTIFICATE_SUBJECT_DISTINGUISHED_NAME,
        "CN=EE,O=Kmip Test,C=AU",
    )];
    for value in alternatives {
        fields.push(field(tag::CERTIFICATE_SUBJECT_ALTERNATIVE_NAME, value));
    }
    attributes.set(tag::CERTIFICATE_SUBJECT, Value::Structure(fields));
    let subject = subject::of_attributes(&attributes).unwrap().unwrap();
    // TC-CERTATTR-1: the same name in both forms.
    assert_eq!(
        hex::encode(subject.name.to_der().unwrap())[..24],
        *"302e310b3009060355040613"
    );
    // dNSName, rfc822Name, uniformResourceIdentifier, iPAddress, iPAddress
    let tags: Vec<_> = subject
        .alternatives
        .iter()
        .map(|name| name.to_der().unwrap()[..2].to_vec())
        .collect();
    assert_eq!(
        tags,
        [[0x82, 16], [0x81, 13], [0x86, 10], [0x87, 4], [0x87, 16]]
    );
    for nonsense in ["no name", "CN", "=", "CN=a,,", "\\"] {
        let fields = vec![field(tag::CERTIFICATE_SUBJECT_DISTINGUISHED_NAME, nonsense)];
        attributes.set(tag::CERTIFICATE_SUBJECT, Value::Structure(fields));
        assert!(subject::of_attributes(&attributes).is_err(), "{nonsense:?}");
    }
}

/// 1.4 Table 96.
#[test]
fn usages_and_masks_are_one_table() {
    let rows = [
        (Mask::SIGN, KeyUsages::DigitalSignature, Mask::VERIFY),
        (Mask::VERIFY, KeyUsages::DigitalSignature, Mask::VERIFY),
        (
            Mask::CONTENT_COMMITMENT,
            KeyUsages::NonRepudiation,
            Mask::CONTENT_COMMITMENT,
        ),
        (Mask::WRAP_KEY, KeyUsages::KeyEncipherment, Mask::WRAP_KEY),
        (Mask::UNWRAP_KEY, KeyUsages::KeyEncipherment, Mask::WRAP_KEY),
        (Mask::ENCRYPT, KeyUsages::DataEncipherment, Mask::ENCRYPT),
        (Mask::DECRYPT, KeyUsages::DataEncipherment, Mask::ENCRYPT),
        (
            Mask::KEY_AGREEMENT,
            KeyUsages::KeyAgreement,
            Mask::KEY_AGREEMENT,
        ),
    ];
    for (mask, usage, of_key) in rows {
        let usages = key_usage(mask).unwrap().unwrap();
        assert!(usages == usage, "{mask}");
        assert_eq!(usage_mask(usages), of_key);
    }
    assert_eq!(key_usage(Mask::MAC_GENERATE).unwrap(), None);
    for mask in [Mask::CERTIFICATE_SIGN, Mask::CRL_SIGN | Mask::VERIFY] {
        assert!(matches!(key_usage(mask), Err(CertificateError::Refused(_))));
    }
}

/// RFC 5280 §4.1.2.5: the encoding of dates changes with 2050.
#[test]
fn dates_are_written_in_the_form_of_their_century() {
    let issuer = Issuer {
        name: subject::name(&[(NameAttribute::CommonName, "authority")]).unwrap(),
        public_key_info: Request::from_crmf(&crmf()).unwrap().public_key_info,
    };
    let made = |not_after| {
        let plan = Plan {
            serial: vec![0x80; issue::SERIAL],
            not_before: 0,
            not_after,
            subject: issuer.name.clone(),
            public_key_info: issuer.public_key_info.clone(),
            extensions: Vec::new(),
        };
        issue::leaf(&issuer, plan).unwrap().signed(&[1]).unwrap()
    };
    for (seconds, form) in [
        (2_524_607_999, b"\x17\x0d491231235959Z".as_slice()),
        (2_524_608_000, b"\x18\x0f20500101000000Z".as_slice()),
    ] {
        let der = made(seconds);
        assert!(der.windows(form.len()).any(|window| window == form));
    }
    // An unsigned serial number stays positive: 17 octets, the first zero.
    let serial = [[2, 17, 0].as_slice(), [0x80; 16].as_slice()].concat();
    assert!(made(1).windows(19).any(|window| window == serial));
    // A list's entry with a leading zero in its number, and one without a reason.
    let list = revocation::Period {
        from: 10,
        until: 20,
    };
    let revoked = [
        (vec![0, 0x81], RevocationReasonCode::SUPERSEDED),
        (vec![5], RevocationReasonCode::UNSPECIFIED),
    ]
    .map(|(serial, reason)| revocation::Revoked {
        serial,
        since: 15,
        reason,
    });
    let unsigned = revocation::list(&made(1), 7, list, &revoked).unwrap();
    let der = unsigned.signed(&[1]).unwrap();
    let list = &revocation::read(&der).unwrap()[0];
    let entries = list.get_revoked().unwrap();
    assert_eq!(entries.len(), 2);
    let reason = |index: usize| {
        let reason = entries[index]
            .extension::<openssl::x509::ReasonCode>()
            .unwrap();
        reason.map(|(critical, code)| (critical, code.get_i64().unwrap()))
    };
    assert_eq!((reason(0), reason(1)), (Some((false, 4)), None));
    assert_eq!(
        revocation::read(b"neither PEM nor DER").map(|lists| lists.len()),
        None
    );
}

proptest::proptest! {
    /// What a client sends as a request is anything; what a file holds as a list as well.
    #[test]
    fn no_bytes_make_a_parser_fall(
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
        place in 0_usize..262,
        length in 0_usize..8,
    ) {
        let mut changed = crmf();
        let end = (place + length).min(changed.len());
        changed.splice(place..end, bytes.iter().copied());
        for input in [bytes.as_slice(), &changed] {
            drop((Request::from_pkcs10(input), Request::from_pem(input), Request::from_crmf(input)));
            drop(revocation::read(input));
        }
    }

    #[test]
    fn no_text_makes_the_parser_of_names_fall(text in ".{0,60}") {
        let field = Node::text(tag::CERTIFICATE_SUBJECT_DISTINGUISHED_NAME, text);
        let mut attributes = Attributes::default();
        attributes.set(tag::CERTIFICATE_SUBJECT, Value::Structure(vec![field]));
        drop(subject::of_attributes(&attributes));
    }

    #[test]
    fn single_parts_are_written_as_they_are(text in "[ -~æøå,+=#]{1,40}") {
        let name = subject::name(&[(NameAttribute::CommonName, &text)]).unwrap();
        let der = name.to_der().unwrap();
        let (_, parsed) = <x509_parser::x509::X509Name<'_> as x509_parser::prelude::FromDer<
            '_,
            x509_parser::error::X509Error,
        >>::from_der(&der).unwrap();
        let back = parsed.iter_common_name().next().unwrap().as_str().unwrap().to_owned();
        proptest::prop_assert_eq!(back, text);
    }
}
