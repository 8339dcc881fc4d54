//! Certificate requests in every form, and the extensions that they ask for.
#![no_main]

use der::Decode;
use keyward::certificate::extension::Asked;
use keyward::certificate::request::check_key;
use keyward::certificate::{CertificateError, Request};
use keyward_fuzz as _;
use libfuzzer_sys::{Corpus, fuzz_target};
use x509_cert::ext::Extension;
use x509_cert::name::Name;

fn asked(extensions: &[Extension]) {
    if let Ok(asked) = Asked::of(extensions) {
        let _ = asked.write(&Name::default());
    }
}

fn look(request: Result<Request, CertificateError>) {
    if let Ok(request) = request {
        let _ = check_key(&request.public_key_info);
        asked(&request.extensions);
    }
}

fuzz_target!(|input: &[u8]| -> Corpus {
    let Some((choice, bytes)) = input.split_first() else {
        return Corpus::Reject;
    };
    match choice {
        0 => look(Request::from_pkcs10(bytes)),
        1 => look(Request::from_pem(bytes)),
        2 => look(Request::from_crmf(bytes)),
        // Requests prove their key, so no mutation of one comes to its extensions.
        3 => {
            if let Ok(extensions) = Vec::<Extension>::from_der(bytes) {
                asked(&extensions);
            }
        }
        4 => {
            let _ = check_key(bytes);
        }
        _ => return Corpus::Reject,
    }
    Corpus::Keep
});
