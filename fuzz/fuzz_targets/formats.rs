//! Key material and certificates as they are registered: read, and written in every other format.
#![no_main]

use keyward::object::format::{
    Certificate, Container, Curve, Format, Hint, Named, PrivateKey, PublicKey,
};
use keyward::object::transparent;
use keyward::protocol::key_block::KeyMaterial;
use keyward_fuzz as _;
use libfuzzer_sys::{Corpus, fuzz_target};

/// What the first byte chooses besides the format of a key, of which there are fewer.
const CERTIFICATE: u8 = 0x40;
const CONTAINER: u8 = 0x41;
const PUBLIC: u8 = 0x80;

fn formats() -> impl Iterator<Item = Format> {
    (0..0x20).filter_map(Format::from_number)
}

fn private(format: Format, hint: Hint, bytes: &[u8]) -> Corpus {
    let key = match format.is_transparent() {
        true => transparent::read_private(format, bytes),
        false => PrivateKey::parse(format, bytes, hint),
    };
    let Ok(key) = key else { return Corpus::Keep };
    let _ = (key.bits(), key.curve(), key.algorithm());
    for format in formats() {
        if let Ok(bytes) = key.write(format) {
            let hint = Hint {
                curve: key.curve(),
                named: named(key.algorithm()),
            };
            assert!(
                PrivateKey::parse(format, &bytes, hint).is_ok(),
                "{format:?} {key:?}"
            );
        }
        if let Ok(Some(KeyMaterial::Transparent(bytes))) = transparent::write_private(&key, format)
        {
            assert!(
                transparent::read_private(format, &bytes).is_ok(),
                "{format:?} {key:?}"
            );
        }
    }
    if let Some(key) = key.public() {
        written(&key);
    }
    Corpus::Keep
}

fn public(format: Format, hint: Hint, bytes: &[u8]) -> Corpus {
    let key = match format.is_transparent() {
        true => transparent::read_public(format, bytes),
        false => PublicKey::parse(format, bytes, hint),
    };
    if let Ok(key) = key {
        written(&key);
    }
    Corpus::Keep
}

fn written(key: &PublicKey) {
    let _ = (key.bits(), key.curve(), key.algorithm());
    for format in formats() {
        if let Ok(bytes) = key.write(format) {
            let hint = Hint {
                curve: key.curve(),
                named: named(key.algorithm()),
            };
            assert!(
                PublicKey::parse(format, &bytes, hint).is_ok(),
                "{format:?} {key:?}"
            );
        }
        if let Ok(Some(KeyMaterial::Transparent(bytes))) = transparent::write_public(key, format) {
            assert!(
                transparent::read_public(format, &bytes).is_ok(),
                "{format:?} {key:?}"
            );
        }
    }
}

fn named(algorithm: keyward::object::format::Algorithm) -> Option<Named> {
    match algorithm {
        keyward::object::format::Algorithm::Named(named) => Some(named),
        _ => None,
    }
}

fuzz_target!(|input: &[u8]| -> Corpus {
    let [choice, hint, bytes @ ..] = input else {
        return Corpus::Reject;
    };
    match *choice {
        CERTIFICATE => {
            if let Ok(certificate) = Certificate::parse(bytes) {
                let _ = (certificate.serial_der(), certificate.serial_text());
            }
            return Corpus::Keep;
        }
        CONTAINER => {
            let _ = Container::open(bytes, "password");
            return Corpus::Keep;
        }
        _ => {}
    }
    let Some(format) = Format::from_number(u32::from(choice & !PUBLIC)) else {
        return Corpus::Reject;
    };
    let hint = Hint {
        curve: Curve::from_recommended_curve(u32::from(*hint)),
        named: Named::from_kmip(u32::from(*hint), None),
    };
    match choice & PUBLIC {
        0 => private(format, hint, bytes),
        _ => public(format, hint, bytes),
    }
});
