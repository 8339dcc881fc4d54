use cryptoki_sys as raw;

/// A mechanism with its parameters; numbers are the standard's CKM_* or a vendor's.
#[derive(Clone, Copy, Debug)]
pub enum Mechanism<'a> {
    Plain(raw::CK_MECHANISM_TYPE),
    /// The parameter is the bytes of an initialisation vector.
    Iv(raw::CK_MECHANISM_TYPE, &'a [u8]),
    /// CK_GCM_PARAMS; `tag_bits` 96 to 128.
    Gcm {
        iv: &'a [u8],
        aad: &'a [u8],
        tag_bits: u32,
    },
    /// CK_CCM_PARAMS; lengths in bytes, `data_length` that of the clear text.
    Ccm {
        nonce: &'a [u8],
        aad: &'a [u8],
        tag_length: u32,
        data_length: usize,
    },
    /// CK_AES_CTR_PARAMS: the whole block counts down from `block`, its last `bits` are the counter.
    Ctr {
        block: [u8; 16],
        bits: u32,
    },
    /// CK_CHACHA20_PARAMS in the layout of RFC 8439: a block number of 32 bits, a nonce of 12 bytes.
    ChaCha20 {
        counter: u32,
        nonce: &'a [u8],
    },
    /// CK_SALSA20_CHACHA20_POLY1305_PARAMS; nonce of 12 bytes, tag of 16.
    ChaCha20Poly1305 {
        nonce: &'a [u8],
        aad: &'a [u8],
    },
    /// CKM_EDDSA with CK_EDDSA_PARAMS that say: the whole message, no context.
    EdDsaWithParameters,
    /// CK_RSA_PKCS_PSS_PARAMS; `salt_length` in bytes.
    Pss {
        mechanism: raw::CK_MECHANISM_TYPE,
        hash: raw::CK_MECHANISM_TYPE,
        mask_generation: raw::CK_ULONG,
        salt_length: u32,
    },
    /// CK_RSA_PKCS_OAEP_PARAMS with a label that may be empty.
    Oaep {
        hash: raw::CK_MECHANISM_TYPE,
        mask_generation: raw::CK_ULONG,
        label: &'a [u8],
    },
    /// CK_ECDH1_DERIVE_PARAMS without a derivation function: the shared secret itself. `point` as
    /// SEC 1 §2.3.3 writes it.
    Ecdh {
        point: &'a [u8],
    },
    /// CK_HKDF_PARAMS, extract and expand (RFC 5869); an empty salt is the RFC's absent one.
    Hkdf {
        hash: raw::CK_MECHANISM_TYPE,
        salt: &'a [u8],
        info: &'a [u8],
    },
    /// CK_SP800_108_KDF_PARAMS in counter mode: a counter of 32 bits, big-endian, then `fixed`.
    CounterKdf {
        prf: raw::CK_MECHANISM_TYPE,
        fixed: &'a [u8],
    },
}

impl Mechanism<'_> {
    pub fn number(&self) -> raw::CK_MECHANISM_TYPE {
        match self {
            Mechanism::Plain(number) | Mechanism::Iv(number, _) => *number,
            Mechanism::Gcm { .. } => raw::CKM_AES_GCM,
            Mechanism::Ccm { .. } => raw::CKM_AES_CCM,
            Mechanism::Ctr { .. } => raw::CKM_AES_CTR,
            Mechanism::ChaCha20 { .. } => raw::CKM_CHACHA20,
            Mechanism::ChaCha20Poly1305 { .. } => raw::CKM_CHACHA20_POLY1305,
            Mechanism::EdDsaWithParameters => raw::CKM_EDDSA,
            Mechanism::Pss { mechanism, .. } => *mechanism,
            Mechanism::Oaep { .. } => raw::CKM_RSA_PKCS_OAEP,
            Mechanism::Ecdh { .. } => raw::CKM_ECDH1_DERIVE,
            Mechanism::Hkdf { .. } => raw::CKM_HKDF_DERIVE,
            Mechanism::CounterKdf { .. } => raw::CKM_SP800_108_COUNTER_KDF,
        }
    }

    /// Runs `call` with the C form, whose pointers are valid during the call only.
    pub(crate) fn with<T>(&self, call: impl FnOnce(*mut raw::CK_MECHANISM) -> T) -> T {
        let number = self.number();
        match *self {
            Mechanism::Plain(_) => run(number, std::ptr::null(), 0, call),
            Mechanism::Iv(_, iv) => run(number, iv.as_ptr(), iv.len(), call),
            Mechanism::Gcm { iv, aad, tag_bits } => with_struct(
                number,
                &raw::CK_GCM_PARAMS {
                    pIv: iv.as_ptr().cast_mut(),
                    ulIvLen: iv.len() as raw::CK_ULONG,
                    ulIvBits: (iv.len() as raw::CK_ULONG) * 8,
                    pAAD: pointer_or_null(aad),
                    ulAADLen: aad.len() as raw::CK_ULONG,
                    ulTagBits: raw::CK_ULONG::from(tag_bits),
                },
                call,
            ),
            Mechanism::Ccm {
                nonce,
                aad,
                tag_length,
                data_length,
            } => with_struct(
                number,
                &raw::CK_CCM_PARAMS {
                    ulDataLen: data_length as raw::CK_ULONG,
                    pNonce: nonce.as_ptr().cast_mut(),
                    ulNonceLen: nonce.len() as raw::CK_ULONG,
                    pAAD: pointer_or_null(aad),
                    ulAADLen: aad.len() as raw::CK_ULONG,
                    ulMACLen: raw::CK_ULONG::from(tag_length),
                },
                call,
            ),
            Mechanism::Ctr { block, bits } => with_struct(
                number,
                &raw::CK_AES_CTR_PARAMS {
                    ulCounterBits: raw::CK_ULONG::from(bits),
                    cb: block,
                },
                call,
            ),
            Mechanism::ChaCha20 { counter, nonce } => {
                let mut block = counter.to_le_bytes();
                with_struct(
                    number,
                    &raw::CK_CHACHA20_PARAMS {
                        pBlockCounter: block.as_mut_ptr(),
                        blockCounterBits: 32,
                        pNonce: nonce.as_ptr().cast_mut(),
                        ulNonceBits: (nonce.len() as raw::CK_ULONG) * 8,
                    },
                    call,
                )
            }
            Mechanism::ChaCha20Poly1305 { nonce, aad } => with_struct(
                number,
                &raw::CK_SALSA20_CHACHA20_POLY1305_PARAMS {
                    pNonce: nonce.as_ptr().cast_mut(),
                    ulNonceLen: nonce.len() as raw::CK_ULONG,
                    pAAD: pointer_or_null(aad),
                    ulAADLen: aad.len() as raw::CK_ULONG,
                },
                call,
            ),
            Mechanism::EdDsaWithParameters => with_struct(
                number,
                &raw::CK_EDDSA_PARAMS {
                    phFlag: raw::CK_FALSE,
                    ulContextDataLen: 0,
                    pContextData: std::ptr::null_mut(),
                },
                call,
            ),
            Mechanism::Pss {
                hash,
                mask_generation,
                salt_length,
                ..
            } => with_struct(
                number,
                &raw::CK_RSA_PKCS_PSS_PARAMS {
                    hashAlg: hash,
                    mgf: mask_generation,
                    sLen: raw::CK_ULONG::from(salt_length),
                },
                call,
            ),
            Mechanism::Oaep {
                hash,
                mask_generation,
                label,
            } => with_struct(
                number,
                &raw::CK_RSA_PKCS_OAEP_PARAMS {
                    hashAlg: hash,
                    mgf: mask_generation,
                    source: raw::CKZ_DATA_SPECIFIED,
                    pSourceData: pointer_or_null(label).cast(),
                    ulSourceDataLen: label.len() as raw::CK_ULONG,
                },
                call,
            ),
            Mechanism::Ecdh { point } => with_struct(
                number,
                &raw::CK_ECDH1_DERIVE_PARAMS {
                    kdf: raw::CKD_NULL,
                    ulSharedDataLen: 0,
                    pSharedData: std::ptr::null_mut(),
                    ulPublicDataLen: point.len() as raw::CK_ULONG,
                    pPublicData: point.as_ptr().cast_mut(),
                },
                call,
            ),
            Mechanism::Hkdf { hash, salt, info } => with_struct(
                number,
                &raw::CK_HKDF_PARAMS {
                    bExtract: raw::CK_TRUE,
                    bExpand: raw::CK_TRUE,
                    prfHashMechanism: hash,
                    ulSaltType: if salt.is_empty() {
                        raw::CKF_HKDF_SALT_NULL
                    } else {
                        raw::CKF_HKDF_SALT_DATA
                    },
                    pSalt: pointer_or_null(salt),
                    ulSaltLen: salt.len() as raw::CK_ULONG,
                    hSaltKey: 0,
                    pInfo: pointer_or_null(info),
                    ulInfoLen: info.len() as raw::CK_ULONG,
                },
                call,
            ),
            Mechanism::CounterKdf { prf, fixed } => with_counter_kdf(number, prf, fixed, call),
        }
    }
}

fn with_counter_kdf<T>(
    number: raw::CK_MECHANISM_TYPE,
    prf: raw::CK_MECHANISM_TYPE,
    fixed: &[u8],
    call: impl FnOnce(*mut raw::CK_MECHANISM) -> T,
) -> T {
    let counter = raw::CK_SP800_108_COUNTER_FORMAT {
        bLittleEndian: raw::CK_FALSE,
        ulWidthInBits: 32,
    };
    let mut parts = [
        raw::CK_PRF_DATA_PARAM {
            type_: raw::CK_SP800_108_ITERATION_VARIABLE,
            pValue: std::ptr::from_ref(&counter).cast_mut().cast(),
            ulValueLen: size_of_val(&counter) as raw::CK_ULONG,
        },
        raw::CK_PRF_DATA_PARAM {
            type_: raw::CK_SP800_108_BYTE_ARRAY,
            pValue: pointer_or_null(fixed).cast(),
            ulValueLen: fixed.len() as raw::CK_ULONG,
        },
    ];
    with_struct(
        number,
        &raw::CK_SP800_108_KDF_PARAMS {
            prfType: prf,
            ulNumberOfDataParams: parts.len() as raw::CK_ULONG,
            pDataParams: parts.as_mut_ptr(),
            ulAdditionalDerivedKeys: 0,
            pAdditionalDerivedKeys: std::ptr::null_mut(),
        },
        call,
    )
}

/// Some modules refuse a pointer without a length.
fn pointer_or_null(bytes: &[u8]) -> *mut u8 {
    if bytes.is_empty() {
        std::ptr::null_mut()
    } else {
        bytes.as_ptr().cast_mut()
    }
}

fn with_struct<P, T>(
    number: raw::CK_MECHANISM_TYPE,
    parameters: &P,
    call: impl FnOnce(*mut raw::CK_MECHANISM) -> T,
) -> T {
    run(
        number,
        std::ptr::from_ref(parameters).cast(),
        size_of::<P>(),
        call,
    )
}

fn run<T>(
    number: raw::CK_MECHANISM_TYPE,
    parameters: *const u8,
    length: usize,
    call: impl FnOnce(*mut raw::CK_MECHANISM) -> T,
) -> T {
    let mut mechanism = raw::CK_MECHANISM {
        mechanism: number,
        pParameter: parameters.cast_mut().cast(),
        ulParameterLen: length as raw::CK_ULONG,
    };
    call(&mut mechanism)
}
