//! Algorithms, modes and their parameters.

use super::enumeration;

enumeration! {
    /// KMIP 2.1 §11.12.
    CryptographicAlgorithm, "Cryptographic Algorithm", [CRYPTOGRAPHIC_ALGORITHM] {
        DES = 0x01, "DES", 1.0;
        DES3 = 0x02, "DES3", 1.0;
        AES = 0x03, "AES", 1.0;
        RSA = 0x04, "RSA", 1.0;
        DSA = 0x05, "DSA", 1.0;
        ECDSA = 0x06, "ECDSA", 1.0;
        HMAC_SHA1 = 0x07, "HMAC_SHA1", 1.0;
        HMAC_SHA224 = 0x08, "HMAC_SHA224", 1.0;
        HMAC_SHA256 = 0x09, "HMAC_SHA256", 1.0;
        HMAC_SHA384 = 0x0A, "HMAC_SHA384", 1.0;
        HMAC_SHA512 = 0x0B, "HMAC_SHA512", 1.0;
        HMAC_MD5 = 0x0C, "HMAC_MD5", 1.0;
        DH = 0x0D, "DH", 1.0;
        ECDH = 0x0E, "ECDH", 1.0;
        ECMQV = 0x0F, "ECMQV", 1.0;
        BLOWFISH = 0x10, "Blowfish", 1.0;
        CAMELLIA = 0x11, "Camellia", 1.0;
        CAST5 = 0x12, "CAST5", 1.0;
        IDEA = 0x13, "IDEA", 1.0;
        MARS = 0x14, "MARS", 1.0;
        RC2 = 0x15, "RC2", 1.0;
        RC4 = 0x16, "RC4", 1.0;
        RC5 = 0x17, "RC5", 1.0;
        SKIPJACK = 0x18, "SKIPJACK", 1.0;
        TWOFISH = 0x19, "Twofish", 1.0;
        EC = 0x1A, "EC", 1.2;
        ONE_TIME_PAD = 0x1B, "OneTimePad", 1.3;
        CHACHA20 = 0x1C, "ChaCha20", 1.4;
        POLY1305 = 0x1D, "Poly1305", 1.4;
        CHACHA20POLY1305 = 0x1E, "ChaCha20Poly1305", 1.4;
        SHA3_224 = 0x1F, "SHA3_224", 1.4;
        SHA3_256 = 0x20, "SHA3_256", 1.4;
        SHA3_384 = 0x21, "SHA3_384", 1.4;
        SHA3_512 = 0x22, "SHA3_512", 1.4;
        HMAC_SHA3_224 = 0x23, "HMAC_SHA3_224", 1.4;
        HMAC_SHA3_256 = 0x24, "HMAC_SHA3_256", 1.4;
        HMAC_SHA3_384 = 0x25, "HMAC_SHA3_384", 1.4;
        HMAC_SHA3_512 = 0x26, "HMAC_SHA3_512", 1.4;
        SHAKE_128 = 0x27, "SHAKE_128", 1.4;
        SHAKE_256 = 0x28, "SHAKE_256", 1.4;
        ARIA = 0x29, "ARIA", 2.0;
        SEED = 0x2A, "SEED", 2.0;
        SM2 = 0x2B, "SM2", 2.0;
        SM3 = 0x2C, "SM3", 2.0;
        SM4 = 0x2D, "SM4", 2.0;
        GOST_R_34_10_2012 = 0x2E, "GOSTR34_10_2012", 2.0;
        GOST_R_34_11_2012 = 0x2F, "GOSTR34_11_2012", 2.0;
        GOST_R_34_13_2015 = 0x30, "GOSTR34_13_2015", 2.0;
        GOST_28147_89 = 0x31, "GOST28147_89", 2.0;
        XMSS = 0x32, "XMSS", 2.0;
        SPHINCS_256 = 0x33, "SPHINCS_256", 2.0;
        MCELIECE = 0x34, "McEliece", 2.0;
        MCELIECE_6960119 = 0x35, "McEliece_6960119", 2.0;
        MCELIECE_8192128 = 0x36, "McEliece_8192128", 2.0;
        ED25519 = 0x37, "Ed25519", 2.0;
        ED448 = 0x38, "Ed448", 2.0;
        ML_KEM_512 = 0x39, "ML_KEM_512", 3.0;
        ML_KEM_768 = 0x3A, "ML_KEM_768", 3.0;
        ML_KEM_1024 = 0x3B, "ML_KEM_1024", 3.0;
        ML_DSA_44 = 0x3C, "ML_DSA_44", 3.0;
        ML_DSA_65 = 0x3D, "ML_DSA_65", 3.0;
        ML_DSA_87 = 0x3E, "ML_DSA_87", 3.0;
        SLH_DSA_SHA2_128S = 0x3F, "SLH_DSA_SHA2_128s", 3.0;
        SLH_DSA_SHA2_128F = 0x40, "SLH_DSA_SHA2_128f", 3.0;
        SLH_DSA_SHA2_192S = 0x41, "SLH_DSA_SHA2_192s", 3.0;
        SLH_DSA_SHA2_192F = 0x42, "SLH_DSA_SHA2_192f", 3.0;
        SLH_DSA_SHA2_256S = 0x43, "SLH_DSA_SHA2_256s", 3.0;
        SLH_DSA_SHA2_256F = 0x44, "SLH_DSA_SHA2_256f", 3.0;
        SLH_DSA_SHAKE_128S = 0x45, "SLH_DSA_SHAKE_128s", 3.0;
        SLH_DSA_SHAKE_128F = 0x46, "SLH_DSA_SHAKE_128f", 3.0;
        SLH_DSA_SHAKE_192S = 0x47, "SLH_DSA_SHAKE_192s", 3.0;
        SLH_DSA_SHAKE_192F = 0x48, "SLH_DSA_SHAKE_192f", 3.0;
        SLH_DSA_SHAKE_256S = 0x49, "SLH_DSA_SHAKE_256s", 3.0;
        SLH_DSA_SHAKE_256F = 0x4A, "SLH_DSA_SHAKE_256f", 3.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.6.
    BlockCipherMode, "Block Cipher Mode", [BLOCK_CIPHER_MODE] {
        CBC = 0x01, "CBC", 1.0;
        ECB = 0x02, "ECB", 1.0;
        PCBC = 0x03, "PCBC", 1.0;
        CFB = 0x04, "CFB", 1.0;
        OFB = 0x05, "OFB", 1.0;
        CTR = 0x06, "CTR", 1.0;
        CMAC = 0x07, "CMAC", 1.0;
        CCM = 0x08, "CCM", 1.0;
        GCM = 0x09, "GCM", 1.0;
        CBC_MAC = 0x0A, "CBC_MAC", 1.0;
        XTS = 0x0B, "XTS", 1.0;
        AES_KEY_WRAP_PADDING = 0x0C, "AESKeyWrapPadding", 1.0;
        NIST_KEY_WRAP = 0x0D, "NISTKeyWrap", 1.0;
        X9_102_AESKW = 0x0E, "X9_102AESKW", 1.0;
        X9_102_TDKW = 0x0F, "X9_102TDKW", 1.0;
        X9_102_AKW1 = 0x10, "X9_102AKW1", 1.0;
        X9_102_AKW2 = 0x11, "X9_102AKW2", 1.0;
        AEAD = 0x12, "AEAD", 1.4;
    }
}

enumeration! {
    /// KMIP 2.1 §11.37.
    PaddingMethod, "Padding Method", [PADDING_METHOD] {
        NONE = 0x01, "None", 1.0;
        OAEP = 0x02, "OAEP", 1.0;
        PKCS5 = 0x03, "PKCS5", 1.0;
        SSL3 = 0x04, "SSL3", 1.0;
        ZEROS = 0x05, "Zeros", 1.0;
        ANSI_X9_23 = 0x06, "ANSIX9_23", 1.0;
        ISO_10126 = 0x07, "ISO10126", 1.0;
        PKCS1_V1_5 = 0x08, "PKCS1V1_5", 1.0;
        X9_31 = 0x09, "X9_31", 1.0;
        PSS = 0x0A, "PSS", 1.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.21.
    HashingAlgorithm, "Hashing Algorithm", [HASHING_ALGORITHM, MASK_GENERATOR_HASHING_ALGORITHM] {
        MD2 = 0x01, "MD2", 1.0;
        MD4 = 0x02, "MD4", 1.0;
        MD5 = 0x03, "MD5", 1.0;
        SHA_1 = 0x04, "SHA_1", 1.0;
        SHA_224 = 0x05, "SHA_224", 1.0;
        SHA_256 = 0x06, "SHA_256", 1.0;
        SHA_384 = 0x07, "SHA_384", 1.0;
        SHA_512 = 0x08, "SHA_512", 1.0;
        RIPEMD_160 = 0x09, "RIPEMD_160", 1.0;
        TIGER = 0x0A, "Tiger", 1.0;
        WHIRLPOOL = 0x0B, "Whirlpool", 1.0;
        SHA_512_224 = 0x0C, "SHA_512_224", 1.2;
        SHA_512_256 = 0x0D, "SHA_512_256", 1.2;
        SHA3_224 = 0x0E, "SHA3_224", 2.0;
        SHA_3_224 = 0x0E, "SHA_3_224", 1.4 to 1.4;
        SHA3_256 = 0x0F, "SHA3_256", 2.0;
        SHA_3_256 = 0x0F, "SHA_3_256", 1.4 to 1.4;
        SHA3_384 = 0x10, "SHA3_384", 2.0;
        SHA_3_384 = 0x10, "SHA_3_384", 1.4 to 1.4;
        SHA3_512 = 0x11, "SHA3_512", 2.0;
        SHA_3_512 = 0x11, "SHA_3_512", 1.4 to 1.4;
    }
}

enumeration! {
    /// KMIP 2.1 §11.16.
    DigitalSignatureAlgorithm, "Digital Signature Algorithm", [DIGITAL_SIGNATURE_ALGORITHM] {
        MD2_WITH_RSA_ENCRYPTION = 0x01, "MD2WithRSAEncryption", 2.0;
        MD2_WITH_RSA_ENCRYPTION_PKCS_1_V1_5 = 0x01, "MD2WithRSAEncryptionPKCS_1V1_5", 1.1 to 1.4;
        MD5_WITH_RSA_ENCRYPTION = 0x02, "MD5WithRSAEncryption", 2.0;
        MD5_WITH_RSA_ENCRYPTION_PKCS_1_V1_5 = 0x02, "MD5WithRSAEncryptionPKCS_1V1_5", 1.1 to 1.4;
        SHA_1_WITH_RSA_ENCRYPTION = 0x03, "SHA_1WithRSAEncryption", 2.0;
        SHA_1_WITH_RSA_ENCRYPTION_PKCS_1_V1_5 = 0x03, "SHA_1WithRSAEncryptionPKCS_1V1_5", 1.1 to 1.4;
        SHA_224_WITH_RSA_ENCRYPTION = 0x04, "SHA_224WithRSAEncryption", 2.0;
        SHA_224_WITH_RSA_ENCRYPTION_PKCS_1_V1_5 = 0x04, "SHA_224WithRSAEncryptionPKCS_1V1_5", 1.1 to 1.4;
        SHA_256_WITH_RSA_ENCRYPTION = 0x05, "SHA_256WithRSAEncryption", 2.0;
        SHA_256_WITH_RSA_ENCRYPTION_PKCS_1_V1_5 = 0x05, "SHA_256WithRSAEncryptionPKCS_1V1_5", 1.1 to 1.4;
        SHA_384_WITH_RSA_ENCRYPTION = 0x06, "SHA_384WithRSAEncryption", 2.0;
        SHA_384_WITH_RSA_ENCRYPTION_PKCS_1_V1_5 = 0x06, "SHA_384WithRSAEncryptionPKCS_1V1_5", 1.1 to 1.4;
        SHA_512_WITH_RSA_ENCRYPTION = 0x07, "SHA_512WithRSAEncryption", 2.0;
        SHA_512_WITH_RSA_ENCRYPTION_PKCS_1_V1_5 = 0x07, "SHA_512WithRSAEncryptionPKCS_1V1_5", 1.1 to 1.4;
        RSASSA_PSS = 0x08, "RSASSA_PSS", 2.0;
        RSASSA_PSS_PKCS_1_V2_1 = 0x08, "RSASSA_PSSPKCS_1V2_1", 1.1 to 1.4;
        DSA_WITH_SHA_1 = 0x09, "DSAWithSHA_1", 1.1;
        DSA_WITH_SHA224 = 0x0A, "DSAWithSHA224", 1.1;
        DSA_WITH_SHA256 = 0x0B, "DSAWithSHA256", 1.1;
        ECDSA_WITH_SHA_1 = 0x0C, "ECDSAWithSHA_1", 1.1;
        ECDSA_WITH_SHA224 = 0x0D, "ECDSAWithSHA224", 1.1;
        ECDSA_WITH_SHA256 = 0x0E, "ECDSAWithSHA256", 1.1;
        ECDSA_WITH_SHA384 = 0x0F, "ECDSAWithSHA384", 1.1;
        ECDSA_WITH_SHA512 = 0x10, "ECDSAWithSHA512", 1.1;
        SHA3_256_WITH_RSA_ENCRYPTION = 0x11, "SHA3_256WithRSAEncryption", 1.4;
        SHA3_384_WITH_RSA_ENCRYPTION = 0x12, "SHA3_384WithRSAEncryption", 1.4;
        SHA3_512_WITH_RSA_ENCRYPTION = 0x13, "SHA3_512WithRSAEncryption", 1.4;
    }
}

enumeration! {
    /// KMIP 2.1 §11.30.
    ///
    /// Versions 2.0 and 2.1 print "MFG1"; every OASIS test case says MGF1, and so do we.
    MaskGenerator, "Mask Generator", [MASK_GENERATOR] {
        MGF1 = 0x01, "MGF1" | "MFG1", 1.4;
    }
}

enumeration! {
    /// KMIP 2.1 §11.26.
    KeyRoleType, "Key Role Type", [KEY_ROLE_TYPE] {
        BDK = 0x01, "BDK", 1.0;
        CVK = 0x02, "CVK", 1.0;
        DEK = 0x03, "DEK", 1.0;
        MKAC = 0x04, "MKAC", 1.0;
        MKSMC = 0x05, "MKSMC", 1.0;
        MKSMI = 0x06, "MKSMI", 1.0;
        MKDAC = 0x07, "MKDAC", 1.0;
        MKDN = 0x08, "MKDN", 1.0;
        MKCP = 0x09, "MKCP", 1.0;
        MKOTH = 0x0A, "MKOTH", 1.0;
        KEK = 0x0B, "KEK", 1.0;
        MAC16609 = 0x0C, "MAC16609", 1.0;
        MAC97971 = 0x0D, "MAC97971", 1.0;
        MAC97972 = 0x0E, "MAC97972", 1.0;
        MAC97973 = 0x0F, "MAC97973", 1.0;
        MAC97974 = 0x10, "MAC97974", 1.0;
        MAC97975 = 0x11, "MAC97975", 1.0;
        ZPK = 0x12, "ZPK", 1.0;
        PVKIBM = 0x13, "PVKIBM", 1.0;
        PVKPVV = 0x14, "PVKPVV", 1.0;
        PVKOTH = 0x15, "PVKOTH", 1.0;
        DUKPT = 0x16, "DUKPT", 1.4;
        IV = 0x17, "IV", 1.4;
        TRKBK = 0x18, "TRKBK", 1.4;
    }
}

enumeration! {
    /// KMIP 2.1 §11.45.
    RecommendedCurve, "Recommended Curve", [RECOMMENDED_CURVE] {
        P_192 = 0x01, "P_192", 1.0;
        K_163 = 0x02, "K_163", 1.0;
        B_163 = 0x03, "B_163", 1.0;
        P_224 = 0x04, "P_224", 1.0;
        K_233 = 0x05, "K_233", 1.0;
        B_233 = 0x06, "B_233", 1.0;
        P_256 = 0x07, "P_256", 1.0;
        K_283 = 0x08, "K_283", 1.0;
        B_283 = 0x09, "B_283", 1.0;
        P_384 = 0x0A, "P_384", 1.0;
        K_409 = 0x0B, "K_409", 1.0;
        B_409 = 0x0C, "B_409", 1.0;
        P_521 = 0x0D, "P_521", 1.0;
        K_571 = 0x0E, "K_571", 1.0;
        B_571 = 0x0F, "B_571", 1.0;
        SECP112R1 = 0x10, "SECP112R1", 1.2;
        SECP112R2 = 0x11, "SECP112R2", 1.2;
        SECP128R1 = 0x12, "SECP128R1", 1.2;
        SECP128R2 = 0x13, "SECP128R2", 1.2;
        SECP160K1 = 0x14, "SECP160K1", 1.2;
        SECP160R1 = 0x15, "SECP160R1", 1.2;
        SECP160R2 = 0x16, "SECP160R2", 1.2;
        SECP192K1 = 0x17, "SECP192K1", 1.2;
        SECP224K1 = 0x18, "SECP224K1", 1.2;
        SECP256K1 = 0x19, "SECP256K1", 1.2;
        SECT113R1 = 0x1A, "SECT113R1", 1.2;
        SECT113R2 = 0x1B, "SECT113R2", 1.2;
        SECT131R1 = 0x1C, "SECT131R1", 1.2;
        SECT131R2 = 0x1D, "SECT131R2", 1.2;
        SECT163R1 = 0x1E, "SECT163R1", 1.2;
        SECT193R1 = 0x1F, "SECT193R1", 1.2;
        SECT193R2 = 0x20, "SECT193R2", 1.2;
        SECT239K1 = 0x21, "SECT239K1", 1.2;
        ANSIX9P192V2 = 0x22, "ANSIX9P192V2", 1.2;
        ANSIX9P192V3 = 0x23, "ANSIX9P192V3", 1.2;
        ANSIX9P239V1 = 0x24, "ANSIX9P239V1", 1.2;
        ANSIX9P239V2 = 0x25, "ANSIX9P239V2", 1.2;
        ANSIX9P239V3 = 0x26, "ANSIX9P239V3", 1.2;
        ANSIX9C2PNB163V1 = 0x27, "ANSIX9C2PNB163V1", 1.2;
        ANSIX9C2PNB163V2 = 0x28, "ANSIX9C2PNB163V2", 1.2;
        ANSIX9C2PNB163V3 = 0x29, "ANSIX9C2PNB163V3", 1.2;
        ANSIX9C2PNB176V1 = 0x2A, "ANSIX9C2PNB176V1", 1.2;
        ANSIX9C2TNB191V1 = 0x2B, "ANSIX9C2TNB191V1", 1.2;
        ANSIX9C2TNB191V2 = 0x2C, "ANSIX9C2TNB191V2", 1.2;
        ANSIX9C2TNB191V3 = 0x2D, "ANSIX9C2TNB191V3", 1.2;
        ANSIX9C2PNB208W1 = 0x2E, "ANSIX9C2PNB208W1", 1.2;
        ANSIX9C2TNB239V1 = 0x2F, "ANSIX9C2TNB239V1", 1.2;
        ANSIX9C2TNB239V2 = 0x30, "ANSIX9C2TNB239V2", 1.2;
        ANSIX9C2TNB239V3 = 0x31, "ANSIX9C2TNB239V3", 1.2;
        ANSIX9C2PNB272W1 = 0x32, "ANSIX9C2PNB272W1", 1.2;
        ANSIX9C2PNB304W1 = 0x33, "ANSIX9C2PNB304W1", 1.2;
        ANSIX9C2TNB359V1 = 0x34, "ANSIX9C2TNB359V1", 1.2;
        ANSIX9C2PNB368W1 = 0x35, "ANSIX9C2PNB368W1", 1.2;
        ANSIX9C2TNB431R1 = 0x36, "ANSIX9C2TNB431R1", 1.2;
        BRAINPOOLP160R1 = 0x37, "BRAINPOOLP160R1", 1.2;
        BRAINPOOLP160T1 = 0x38, "BRAINPOOLP160T1", 1.2;
        BRAINPOOLP192R1 = 0x39, "BRAINPOOLP192R1", 1.2;
        BRAINPOOLP192T1 = 0x3A, "BRAINPOOLP192T1", 1.2;
        BRAINPOOLP224R1 = 0x3B, "BRAINPOOLP224R1", 1.2;
        BRAINPOOLP224T1 = 0x3C, "BRAINPOOLP224T1", 1.2;
        BRAINPOOLP256R1 = 0x3D, "BRAINPOOLP256R1", 1.2;
        BRAINPOOLP256T1 = 0x3E, "BRAINPOOLP256T1", 1.2;
        BRAINPOOLP320R1 = 0x3F, "BRAINPOOLP320R1", 1.2;
        BRAINPOOLP320T1 = 0x40, "BRAINPOOLP320T1", 1.2;
        BRAINPOOLP384R1 = 0x41, "BRAINPOOLP384R1", 1.2;
        BRAINPOOLP384T1 = 0x42, "BRAINPOOLP384T1", 1.2;
        BRAINPOOLP512R1 = 0x43, "BRAINPOOLP512R1", 1.2;
        BRAINPOOLP512T1 = 0x44, "BRAINPOOLP512T1", 1.2;
        CURVE25519 = 0x45, "CURVE25519", 2.0;
        CURVE448 = 0x46, "CURVE448", 2.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.14.
    DerivationMethod, "Derivation Method", [DERIVATION_METHOD] {
        PBKDF2 = 0x01, "PBKDF2", 1.0;
        HASH = 0x02, "HASH", 1.0;
        HMAC = 0x03, "HMAC", 1.0;
        ENCRYPT = 0x04, "ENCRYPT", 1.0;
        NIST800_108_C = 0x05, "NIST800_108_C", 1.0;
        NIST800_108_F = 0x06, "NIST800_108_F", 1.0;
        NIST800_108_DPI = 0x07, "NIST800_108_DPI", 1.0;
        ASYMMETRIC_KEY = 0x08, "AsymmetricKey", 1.4;
        AWS_SIGNATURE_VERSION_4 = 0x09, "AWSSignatureVersion4", 2.0;
        HKDF = 0x0A, "HKDF", 2.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.62.
    WrappingMethod, "Wrapping Method", [WRAPPING_METHOD] {
        ENCRYPT = 0x01, "Encrypt", 1.0;
        MAC_SIGN = 0x02, "MACSign", 1.0;
        ENCRYPT_THEN_MAC_SIGN = 0x03, "EncryptThenMACSign", 1.0;
        MAC_SIGN_THEN_ENCRYPT = 0x04, "MACSignThenEncrypt", 1.0;
        TR_31 = 0x05, "TR_31", 1.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.18.
    EncodingOption, "Encoding Option", [ENCODING_OPTION] {
        NO_ENCODING = 0x01, "NoEncoding", 1.1;
        TTLV_ENCODING = 0x02, "TTLVEncoding", 1.1;
    }
}

enumeration! {
    /// KMIP 2.1 §11.54.
    ///
    /// The OASIS test cases write GF2_16 and GF2_8 where the naming rule (Additional Message
    /// Encodings 1.0 §6.1.3) gives GF216 and GF28.
    SplitKeyMethod, "Split Key Method", [SPLIT_KEY_METHOD] {
        XOR = 0x01, "XOR", 1.0;
        POLYNOMIAL_SHARING_GF2_16 = 0x02, "PolynomialSharingGF2_16" | "PolynomialSharingGF216", 1.0;
        POLYNOMIAL_SHARING_PRIME_FIELD = 0x03, "PolynomialSharingPrimeField", 1.0;
        POLYNOMIAL_SHARING_GF2_8 = 0x04, "PolynomialSharingGF2_8" | "PolynomialSharingGF28", 1.2;
    }
}

enumeration! {
    /// KMIP 3.0.
    SplitKeyPolynomial, "Split Key Polynomial", [SPLIT_KEY_POLYNOMIAL] {
        POLYNOMIAL_283 = 0x01, "Polynomial_283", 3.0;
        POLYNOMIAL_285 = 0x02, "Polynomial_285", 3.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.49.
    RNGAlgorithm, "RNG Algorithm", [RNG_ALGORITHM] {
        UNSPECIFIED = 0x01, "Unspecified", 1.3;
        FIPS_186_2 = 0x02, "FIPS186_2", 1.3;
        DRBG = 0x03, "DRBG", 1.3;
        NRBG = 0x04, "NRBG", 1.3;
        ANSI_X9_31 = 0x05, "ANSIX9_31", 1.3;
        ANSI_X9_62 = 0x06, "ANSIX9_62", 1.3;
    }
}

enumeration! {
    /// KMIP 2.1 §11.50.
    RNGMode, "RNG Mode", [RNG_MODE] {
        UNSPECIFIED = 0x01, "Unspecified", 1.3;
        SHARED_INSTANTIATION = 0x02, "SharedInstantiation", 1.3;
        NON_SHARED_INSTANTIATION = 0x03, "NonSharedInstantiation", 1.3;
    }
}

enumeration! {
    /// KMIP 2.1 §11.17.
    DRBGAlgorithm, "DRBG Algorithm", [DRBG_ALGORITHM] {
        UNSPECIFIED = 0x01, "Unspecified", 1.3;
        DUAL_EC = 0x02, "Dual_EC", 1.3;
        HASH = 0x03, "Hash", 1.3;
        HMAC = 0x04, "HMAC", 1.3;
        CTR = 0x05, "CTR", 1.3;
    }
}

enumeration! {
    /// KMIP 2.1 §11.20.
    FIPS186Variation, "FIPS186 Variation", [FIPS186_VARIATION] {
        UNSPECIFIED = 0x01, "Unspecified", 1.3;
        GP_X_ORIGINAL = 0x02, "GPXOriginal", 1.3;
        GP_X_CHANGE_NOTICE = 0x03, "GPXChangeNotice", 1.3;
        X_ORIGINAL = 0x04, "XOriginal", 1.3;
        X_CHANGE_NOTICE = 0x05, "XChangeNotice", 1.3;
        K_ORIGINAL = 0x06, "KOriginal", 1.3;
        K_CHANGE_NOTICE = 0x07, "KChangeNotice", 1.3;
    }
}

enumeration! {
    /// KMIP 2.1 §11.32.
    NISTKeyType, "NIST Key Type", [NIST_KEY_TYPE] {
        PRIVATE_SIGNATURE_KEY = 0x01, "PrivateSignatureKey", 2.0;
        PUBLIC_SIGNATURE_VERIFICATION_KEY = 0x02, "PublicSignatureVerificationKey", 2.0;
        SYMMETRIC_AUTHENTICATION_KEY = 0x03, "SymmetricAuthenticationKey", 2.0;
        PRIVATE_AUTHENTICATION_KEY = 0x04, "PrivateAuthenticationKey", 2.0;
        PUBLIC_AUTHENTICATION_KEY = 0x05, "PublicAuthenticationKey", 2.0;
        SYMMETRIC_DATA_ENCRYPTION_KEY = 0x06, "SymmetricDataEncryptionKey", 2.0;
        SYMMETRIC_KEY_WRAPPING_KEY = 0x07, "SymmetricKeyWrappingKey", 2.0;
        SYMMETRIC_RANDOM_NUMBER_GENERATION_KEY = 0x08, "SymmetricRandomNumberGenerationKey", 2.0;
        SYMMETRIC_MASTER_KEY = 0x09, "SymmetricMasterKey", 2.0;
        PRIVATE_KEY_TRANSPORT_KEY = 0x0A, "PrivateKeyTransportKey", 2.0;
        PUBLIC_KEY_TRANSPORT_KEY = 0x0B, "PublicKeyTransportKey", 2.0;
        SYMMETRIC_KEY_AGREEMENT_KEY = 0x0C, "SymmetricKeyAgreementKey", 2.0;
        PRIVATE_STATIC_KEY_AGREEMENT_KEY = 0x0D, "PrivateStaticKeyAgreementKey", 2.0;
        PUBLIC_STATIC_KEY_AGREEMENT_KEY = 0x0E, "PublicStaticKeyAgreementKey", 2.0;
        PRIVATE_EPHEMERAL_KEY_AGREEMENT_KEY = 0x0F, "PrivateEphemeralKeyAgreementKey", 2.0;
        PUBLIC_EPHEMERAL_KEY_AGREEMENT_KEY = 0x10, "PublicEphemeralKeyAgreementKey", 2.0;
        SYMMETRIC_AUTHORIZATION_KEY = 0x11, "SymmetricAuthorizationKey", 2.0;
        PRIVATE_AUTHORIZATION_KEY = 0x12, "PrivateAuthorizationKey", 2.0;
        PUBLIC_AUTHORIZATION_KEY = 0x13, "PublicAuthorizationKey", 2.0;
    }
}

enumeration! {
    /// KMIP 3.0.
    OTPAlgorithm, "OTP Algorithm", [OTP_ALGORITHM] {
        HOTP = 0x01, "HOTP", 3.0;
        TOTP = 0x02, "TOTP", 3.0;
    }
}
