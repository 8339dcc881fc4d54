#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use openssl::ec::{EcGroup, EcKey, EcPoint};

use super::*;

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

/// A pair on a curve with a known scalar, as PKCS#8 and SubjectPublicKeyInfo.
fn pair(curve: Nid, scalar: &str, x: &str, y: &str) -> (Vec<u8>, Vec<u8>) {
    let group = EcGroup::from_curve_name(curve).unwrap();
    let number = |text| BigNum::from_hex_str(text).unwrap();
    let public = EcKey::from_public_key_affine_coordinates(&group, &number(x), &number(y)).unwrap();
    let private =
        EcKey::from_private_components(&group, &number(scalar), public.public_key()).unwrap();
    let private = PKey::from_ec_key(private).unwrap();
    let public = PKey::from_ec_key(public).unwrap();
    (
        private.private_key_to_pkcs8().unwrap(),
        public.public_key_to_der().unwrap(),
    )
}

fn made(curve: Nid) -> (Vec<u8>, Vec<u8>) {
    let group = EcGroup::from_curve_name(curve).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    (
        key.private_key_to_pkcs8().unwrap(),
        key.public_key_to_der().unwrap(),
    )
}

/// RFC 5903 §8: i, gi, r, gr and the shared secret.
#[test]
fn ecdh_of_the_rfc() {
    let rows = [
        (
            Nid::X9_62_PRIME256V1,
            [
                "C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433",
                "DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C3772581180",
                "5271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3",
                "C6EF9C5D78AE012A011164ACB397CE2088685D8F06BF9BE0B283AB46476BEE53",
                "D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF63",
                "56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB",
            ],
            "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de",
        ),
        (
            Nid::SECP384R1,
            [
                "099F3C7034D4A2C699884D73A375A67F7624EF7C6B3C0F160647B67414DCE655E35B538041E649EE3FAEF896783AB194",
                "667842D7D180AC2CDE6F74F37551F55755C7645C20EF73E31634FE72B4C55EE6DE3AC808ACB4BDB4C88732AEE95F41AA",
                "9482ED1FC0EEB9CAFC4984625CCFC23F65032149E0E144ADA024181535A0F38EEB9FCFF3C2C947DAE69B4C634573A81C",
                "41CB0779B4BDB85D47846725FBEC3C9430FAB46CC8DC5060855CC9BDA0AA2942E0308312916B8ED2960E4BD55A7448FC",
                "E558DBEF53EECDE3D3FCCFC1AEA08A89A987475D12FD950D83CFA41732BC509D0D1AC43A0336DEF96FDA41D0774A3571",
                "DCFBEC7AACF3196472169E838430367F66EEBE3C6E70C416DD5F0C68759DD1FFF83FA40142209DFF5EAAD96DB9E6386C",
            ],
            "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d603135569b9e9d09cf5d4a270f59746",
        ),
    ];
    for (curve, [i, gix, giy, r, grx, gry], secret) in rows {
        let (own, own_public) = pair(curve, i, gix, giy);
        let (other, other_public) = pair(curve, r, grx, gry);
        assert_eq!(hex::encode(agree(&own, &other_public).unwrap()), secret);
        assert_eq!(hex::encode(agree(&other, &own_public).unwrap()), secret);
        let (point, field) = point(&own_public).unwrap().unwrap();
        assert_eq!(2 * field, secret.len());
        assert_eq!(hex::encode_upper(&point[1..]), [gix, giy].concat());
    }
}

#[test]
fn both_sides_have_the_same_secret_on_every_curve() {
    let curves = [
        Nid::X9_62_PRIME192V1,
        Nid::SECP224R1,
        Nid::SECP521R1,
        Nid::SECP256K1,
        Nid::BRAINPOOL_P256R1,
        Nid::BRAINPOOL_P512R1,
        Nid::SECT283K1,
        Nid::SECT571R1,
    ];
    for curve in curves {
        let (one, one_public) = made(curve);
        let (two, two_public) = made(curve);
        let secret = agree(&one, &two_public).unwrap();
        assert_eq!(secret, agree(&two, &one_public).unwrap());
        assert_ne!(secret, agree(&one, &one_public).unwrap());
    }
}

/// RFC 7748 §5.2, the first of each curve, in RFC 8410's structures.
#[test]
fn montgomery_curves_of_the_rfc() {
    let rows = [
        (
            (
                "302e020100300506032b656e04220420",
                "302a300506032b656e032100",
            ),
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (
            (
                "3046020100300506032b656f043a0438",
                "3042300506032b656f033900",
            ),
            "3d262fddf9ec8e88495266fea19a34d28882acef045104d0d1aae121700a779c984c24f8cdd78fbff44943eba368f54b29259a4f1c600ad3",
            "06fce640fa3487bfda5f6cf2d5263f8aad88334cbd07437f020f08f9814dc031ddbdc38c19c6da2583fa5429db94ada18aa7a7fb4ef8a086",
            "ce3e4ff95a60dc6697da1db1d85e6afbdf79b50a2412d7546d5f239fe14fbaadeb445fc66a01b0779d98223961111e21766282f73dd96b6f",
        ),
    ];
    for ((private, public), own, other, secret) in rows {
        let pkcs8 = bytes(&[private, own].concat());
        let spki = bytes(&[public, other].concat());
        assert_eq!(hex::encode(agree(&pkcs8, &spki).unwrap()), secret);
        // The point of order 1, and one of order 2 or 4.
        for low in ["00", "01"] {
            let low = format!("{low:0<width$}", width = other.len());
            let spki = bytes(&[public, low.as_str()].concat());
            assert_eq!(agree(&pkcs8, &spki), Err(AgreementError::Zero));
            assert_eq!(point(&spki), Err(AgreementError::Zero));
        }
    }
}

#[test]
fn unsound_points_are_refused() {
    let (private, public) = made(Nid::X9_62_PRIME256V1);
    // The point's last byte: almost surely not on the curve, whatever it becomes.
    let mut off = public.clone();
    *off.last_mut().unwrap() ^= 1;
    assert!(matches!(
        agree(&private, &off),
        Err(AgreementError::Public(_))
    ));
    assert!(matches!(point(&off), Err(AgreementError::Public(_))));
    // Another curve, another algorithm, no key.
    let (_, other) = made(Nid::SECP256K1);
    assert_eq!(agree(&private, &other), Err(AgreementError::Different));
    let x25519 = PKey::generate_x25519().unwrap();
    let spki = x25519.public_key_to_der().unwrap();
    assert_eq!(agree(&private, &spki), Err(AgreementError::Different));
    assert_eq!(point(&spki).unwrap().unwrap().1, 32);
    assert!(matches!(
        agree(&private, b"no"),
        Err(AgreementError::Public(_))
    ));
    assert!(matches!(
        agree(b"no", &public),
        Err(AgreementError::Private(_))
    ));
    // The point at infinity has no place in a SubjectPublicKeyInfo.
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let nowhere = EcPoint::new(&group).unwrap();
    let key = EcKey::from_public_key(&group, &nowhere).unwrap();
    if let Ok(spki) = PKey::from_ec_key(key).unwrap().public_key_to_der() {
        assert!(matches!(
            agree(&private, &spki),
            Err(AgreementError::Public(_))
        ));
    }
    // RSA does not agree on keys.
    let rsa = PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap();
    let pkcs8 = rsa.private_key_to_pkcs8().unwrap();
    let spki = rsa.public_key_to_der().unwrap();
    assert!(matches!(
        agree(&pkcs8, &spki),
        Err(AgreementError::Private(_))
    ));
}

#[test]
fn diffie_hellman() {
    let group = || Dh::get_2048_256().unwrap();
    let spki = |number: BigNum| {
        let key = group().set_public_key(number).unwrap();
        PKey::from_dh(key).unwrap().public_key_to_der().unwrap()
    };
    let number = |key: &Dh<Private>| key.public_key().to_owned().unwrap();
    let one = group().generate_key().unwrap();
    let two = group().generate_key().unwrap();
    let (one_public, two_public) = (spki(number(&one)), spki(number(&two)));
    let mut below = group().prime_p().to_owned().unwrap();
    below.sub_word(1).unwrap();
    let pkcs8 = |key: Dh<Private>| PKey::from_dh(key).unwrap().private_key_to_pkcs8().unwrap();
    let (one, two) = (pkcs8(one), pkcs8(two));
    let secret = agree(&one, &two_public).unwrap();
    assert_eq!(secret.len(), 256);
    assert_eq!(secret, agree(&two, &one_public).unwrap());
    // 1, p − 1, p and a number outside the subgroup (2 generates a larger one).
    let mut beyond = below.to_owned().unwrap();
    beyond.add_word(1).unwrap();
    for unsound in [
        BigNum::from_u32(1).unwrap(),
        below,
        beyond,
        BigNum::from_u32(2).unwrap(),
    ] {
        let failed = agree(&one, &spki(unsound));
        assert!(
            matches!(failed, Err(AgreementError::Public(_))),
            "{failed:?}"
        );
    }
    let other = Dh::get_2048_224().unwrap().generate_key().unwrap();
    assert_eq!(
        agree(&pkcs8(other), &two_public),
        Err(AgreementError::Different)
    );
    let small = PKey::from_dh(Dh::get_1024_160().unwrap().generate_key().unwrap()).unwrap();
    let own = Dh::get_1024_160()
        .unwrap()
        .generate_key()
        .unwrap()
        .public_key()
        .to_owned()
        .unwrap();
    let public = Dh::get_1024_160().unwrap().set_public_key(own).unwrap();
    let public = PKey::from_dh(public).unwrap().public_key_to_der().unwrap();
    let failed = agree(&small.private_key_to_pkcs8().unwrap(), &public);
    assert!(matches!(failed, Err(AgreementError::Private(_))));
}
