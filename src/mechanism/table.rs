//! The rows.

use token::raw::{
    CKM_AES_CBC, CKM_AES_CCM, CKM_AES_CFB128, CKM_AES_CMAC, CKM_AES_CTR, CKM_AES_ECB, CKM_AES_GCM,
    CKM_AES_GMAC, CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_KWP, CKM_AES_OFB, CKM_AES_XTS, CKM_CHACHA20,
    CKM_CHACHA20_POLY1305, CKM_DES3_CBC, CKM_DES3_CMAC, CKM_DES3_ECB, CKM_ECDSA, CKM_EDDSA,
    CKM_ML_DSA, CKM_POLY1305, CKM_RSA_PKCS, CKM_RSA_PKCS_OAEP, CKM_RSA_PKCS_PSS, CKM_SHA_1_HMAC,
    CKM_SHA3_224_HMAC, CKM_SHA3_256_HMAC, CKM_SHA3_384_HMAC, CKM_SHA3_512_HMAC, CKM_SHA224_HMAC,
    CKM_SHA256_HMAC, CKM_SHA384_HMAC, CKM_SHA512_HMAC, CKM_SLH_DSA,
};

use super::{Row, Service, Shape};
use crate::engine::access::Permission;
use crate::protocol::enumeration::{
    BlockCipherMode, CryptographicAlgorithm, HashingAlgorithm, PaddingMethod,
};
use crate::protocol::version::Version;

const AES_KEYS: &[usize] = &[16, 24, 32];
/// Two-key and three-key triple DES, with parity.
const TRIPLE_DES_KEYS: &[usize] = &[16, 24];

/// The values of a column; `none` leaves it empty.
macro_rules! column {
    (mode none) => {
        None
    };
    (mode $name:ident) => {
        Some(BlockCipherMode::$name)
    };
    (padding none) => {
        None
    };
    (padding $name:ident) => {
        Some(PaddingMethod::$name)
    };
    (token none) => {
        None
    };
    (token $name:ident) => {
        Some($name)
    };
    (library none) => {
        None
    };
    (library $name:literal) => {
        Some($name)
    };
    (needs none) => {
        None
    };
    (needs $name:ident) => {
        Some(Permission::$name)
    };
}

macro_rules! mechanisms {
    ($($name:literal: $service:ident $algorithm:ident $mode:ident $padding:ident
        = $shape:expr, $keys:expr, $token:ident, $library:tt, $since:ident, $needs:ident;)*) => {
        pub static MECHANISMS: &[Row] = &[$(Row {
            name: $name,
            service: Service::$service,
            algorithm: CryptographicAlgorithm::$algorithm,
            mode: column!(mode $mode),
            padding: column!(padding $padding),
            shape: { #[allow(unused_imports, reason = "not every row names a shape with fields")] use Shape::*; $shape },
            keys: $keys,
            token: column!(token $token),
            token_name: stringify!($token),
            library: column!(library $library),
            since: Version::$since,
            needs: column!(needs $needs),
        },)*];
    };
}

// name: service algorithm mode padding = shape, keys, token, library, since, permission of its own
mechanisms! {
    "aes-ecb": Cipher AES ECB none = Codebook { block: 16 }, AES_KEYS, CKM_AES_ECB, "AES-*-ECB", V1_2, UseEcb;
    "aes-cbc": Cipher AES CBC none = Chained { block: 16 }, AES_KEYS, CKM_AES_CBC, "AES-*-CBC", V1_2, none;
    "aes-cfb": Cipher AES CFB none = CipherFeedback { block: 16 }, AES_KEYS, CKM_AES_CFB128, "AES-*-CFB", V1_2, none;
    "aes-ofb": Cipher AES OFB none = OutputFeedback { block: 16 }, AES_KEYS, CKM_AES_OFB, "AES-*-OFB", V1_2, none;
    "aes-ctr": Cipher AES CTR none = Counter, AES_KEYS, CKM_AES_CTR, "AES-*-CTR", V1_2, none;
    "aes-gcm": Cipher AES GCM none = Gcm, AES_KEYS, CKM_AES_GCM, "AES-*-GCM", V1_2, none;
    "aes-ccm": Cipher AES CCM none = Ccm, AES_KEYS, CKM_AES_CCM, "AES-*-CCM", V1_2, none;
    "aes-xts": Cipher AES XTS none = Xts, &[32, 64], CKM_AES_XTS, "AES-*-XTS", V1_2, none;
    "aes-key-wrap": Cipher AES NIST_KEY_WRAP none = KeyWrap, AES_KEYS, CKM_AES_KEY_WRAP, "AES-*-WRAP", V1_2, none;
    "aes-key-wrap-padded": Cipher AES AES_KEY_WRAP_PADDING none = KeyWrapPadded, AES_KEYS, CKM_AES_KEY_WRAP_KWP, "AES-*-WRAP-PAD", V1_2, none;
    "des3-ecb": Cipher DES3 ECB none = Codebook { block: 8 }, TRIPLE_DES_KEYS, CKM_DES3_ECB, "DES-EDE3-ECB", V1_2, UseEcb;
    "des3-cbc": Cipher DES3 CBC none = Chained { block: 8 }, TRIPLE_DES_KEYS, CKM_DES3_CBC, "DES-EDE3-CBC", V1_2, none;
    "des3-cfb": Cipher DES3 CFB none = CipherFeedback { block: 8 }, TRIPLE_DES_KEYS, none, "DES-EDE3-CFB", V1_2, none;
    "des3-ofb": Cipher DES3 OFB none = OutputFeedback { block: 8 }, TRIPLE_DES_KEYS, none, "DES-EDE3-OFB", V1_2, none;
    "chacha20": Cipher CHACHA20 none none = ChaCha20, &[32], CKM_CHACHA20, "ChaCha20", V1_4, none;
    "chacha20-poly1305": Cipher CHACHA20POLY1305 AEAD none = ChaCha20Poly1305, &[32], CKM_CHACHA20_POLY1305, "ChaCha20-Poly1305", V1_4, none;

    "rsa-oaep": Encipherment RSA none OAEP = RsaOaep, &[], CKM_RSA_PKCS_OAEP, "RSA", V1_2, none;
    "rsa-pkcs1": Encipherment RSA none PKCS1_V1_5 = RsaPkcs1, &[], CKM_RSA_PKCS, "RSA", V1_2, none;

    "hmac-sha1": Mac HMAC_SHA1 none none = Hmac { hash: HashingAlgorithm::SHA_1 }, &[], CKM_SHA_1_HMAC, "SHA1", V1_2, none;
    "hmac-sha224": Mac HMAC_SHA224 none none = Hmac { hash: HashingAlgorithm::SHA_224 }, &[], CKM_SHA224_HMAC, "SHA224", V1_2, none;
    "hmac-sha256": Mac HMAC_SHA256 none none = Hmac { hash: HashingAlgorithm::SHA_256 }, &[], CKM_SHA256_HMAC, "SHA256", V1_2, none;
    "hmac-sha384": Mac HMAC_SHA384 none none = Hmac { hash: HashingAlgorithm::SHA_384 }, &[], CKM_SHA384_HMAC, "SHA384", V1_2, none;
    "hmac-sha512": Mac HMAC_SHA512 none none = Hmac { hash: HashingAlgorithm::SHA_512 }, &[], CKM_SHA512_HMAC, "SHA512", V1_2, none;
    "hmac-sha3-224": Mac HMAC_SHA3_224 none none = Hmac { hash: HashingAlgorithm::SHA3_224 }, &[], CKM_SHA3_224_HMAC, "SHA3-224", V1_4, none;
    "hmac-sha3-256": Mac HMAC_SHA3_256 none none = Hmac { hash: HashingAlgorithm::SHA3_256 }, &[], CKM_SHA3_256_HMAC, "SHA3-256", V1_4, none;
    "hmac-sha3-384": Mac HMAC_SHA3_384 none none = Hmac { hash: HashingAlgorithm::SHA3_384 }, &[], CKM_SHA3_384_HMAC, "SHA3-384", V1_4, none;
    "hmac-sha3-512": Mac HMAC_SHA3_512 none none = Hmac { hash: HashingAlgorithm::SHA3_512 }, &[], CKM_SHA3_512_HMAC, "SHA3-512", V1_4, none;
    "aes-cmac": Mac AES CMAC none = Cmac, AES_KEYS, CKM_AES_CMAC, "AES-*-CBC", V1_2, none;
    "des3-cmac": Mac DES3 CMAC none = Cmac, TRIPLE_DES_KEYS, CKM_DES3_CMAC, "DES-EDE3-CBC", V1_2, none;
    "aes-gmac": Mac AES GCM none = Gmac, AES_KEYS, CKM_AES_GMAC, "AES-*-GCM", V1_2, none;
    "poly1305": Mac POLY1305 none none = Poly1305, &[32], CKM_POLY1305, "Poly1305", V1_4, none;

    "rsa-pkcs1-signature": Signature RSA none PKCS1_V1_5 = RsaPkcs1Signature, &[], CKM_RSA_PKCS, "RSA", V1_2, none;
    "rsa-pss": Signature RSA none PSS = RsaPss, &[], CKM_RSA_PKCS_PSS, "RSA", V1_2, none;
    "ecdsa": Signature ECDSA none none = DigestSignature, &[], CKM_ECDSA, "EC", V1_2, none;
    "dsa": Signature DSA none none = DigestSignature, &[], none, "DSA", V1_2, none;
    "ed25519": Signature ED25519 none none = MessageSignature, &[], CKM_EDDSA, "ED25519", V2_0, none;
    "ed448": Signature ED448 none none = MessageSignature, &[], CKM_EDDSA, "ED448", V2_0, none;
    "ml-dsa-44": Signature ML_DSA_44 none none = MessageSignature, &[], CKM_ML_DSA, "ML-DSA-44", V3_0, none;
    "ml-dsa-65": Signature ML_DSA_65 none none = MessageSignature, &[], CKM_ML_DSA, "ML-DSA-65", V3_0, none;
    "ml-dsa-87": Signature ML_DSA_87 none none = MessageSignature, &[], CKM_ML_DSA, "ML-DSA-87", V3_0, none;
    "slh-dsa-sha2-128s": Signature SLH_DSA_SHA2_128S none none = MessageSignature, &[], CKM_SLH_DSA, "SLH-DSA-SHA2-128s", V3_0, none;
    "slh-dsa-sha2-128f": Signature SLH_DSA_SHA2_128F none none = MessageSignature, &[], CKM_SLH_DSA, "SLH-DSA-SHA2-128f", V3_0, none;
    "slh-dsa-sha2-192s": Signature SLH_DSA_SHA2_192S none none = MessageSignature, &[], CKM_SLH_DSA, "SLH-DSA-SHA2-192s", V3_0, none;
    "slh-dsa-sha2-192f": Signature SLH_DSA_SHA2_192F none none = MessageSignature, &[], CKM_SLH_DSA, "SLH-DSA-SHA2-192f", V3_0, none;
    "slh-dsa-sha2-256s": Signature SLH_DSA_SHA2_256S none none = MessageSignature, &[], CKM_SLH_DSA, "SLH-DSA-SHA2-256s", V3_0, none;
    "slh-dsa-sha2-256f": Signature SLH_DSA_SHA2_256F none none = MessageSignature, &[], CKM_SLH_DSA, "SLH-DSA-SHA2-256f", V3_0, none;
    "slh-dsa-shake-128s": Signature SLH_DSA_SHAKE_128S none none = MessageSignature, &[], CKM_SLH_DSA, "SLH-DSA-SHAKE-128s", V3_0, none;
    "slh-dsa-shake-128f": Signature SLH_DSA_SHAKE_128F none none = MessageSignature, &[], CKM_SLH_DSA, "SLH-DSA-SHAKE-128f", V3_0, none;
    "slh-dsa-shake-192s": Signature SLH_DSA_SHAKE_192S none none = MessageSignature, &[], CKM_SLH_DSA, "SLH-DSA-SHAKE-192s", V3_0, none;
    "slh-dsa-shake-192f": Signature SLH_DSA_SHAKE_192F none none = MessageSignature, &[], CKM_SLH_DSA, "SLH-DSA-SHAKE-192f", V3_0, none;
    "slh-dsa-shake-256s": Signature SLH_DSA_SHAKE_256S none none = MessageSignature, &[], CKM_SLH_DSA, "SLH-DSA-SHAKE-256s", V3_0, none;
    "slh-dsa-shake-256f": Signature SLH_DSA_SHAKE_256F none none = MessageSignature, &[], CKM_SLH_DSA, "SLH-DSA-SHAKE-256f", V3_0, none;
}
