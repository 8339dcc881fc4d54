//! Operations of two calls, init and the operation itself, on a session of one's own.

use cryptoki_sys as raw;
use zeroize::Zeroizing;

use super::module::call;
use super::session::Session;
use crate::calls::Handle;
use crate::error::{Error, check};
use crate::mechanism::Mechanism;

type Init = unsafe extern "C" fn(
    raw::CK_SESSION_HANDLE,
    *mut raw::CK_MECHANISM,
    raw::CK_OBJECT_HANDLE,
) -> raw::CK_RV;

type Single = unsafe extern "C" fn(
    raw::CK_SESSION_HANDLE,
    *mut u8,
    raw::CK_ULONG,
    *mut u8,
    *mut raw::CK_ULONG,
) -> raw::CK_RV;

impl Session {
    pub fn encrypt(
        &self,
        mechanism: Mechanism<'_>,
        key: Handle,
        data: &[u8],
        extra: usize,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.begin(
            "C_EncryptInit",
            self.module.list.C_EncryptInit,
            mechanism,
            key,
        )?;
        self.single(
            "C_Encrypt",
            self.module.list.C_Encrypt,
            data,
            data.len() + extra,
        )
    }

    pub fn decrypt(
        &self,
        mechanism: Mechanism<'_>,
        key: Handle,
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.begin(
            "C_DecryptInit",
            self.module.list.C_DecryptInit,
            mechanism,
            key,
        )?;
        self.single("C_Decrypt", self.module.list.C_Decrypt, data, data.len())
    }

    pub fn sign(
        &self,
        mechanism: Mechanism<'_>,
        key: Handle,
        data: &[u8],
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.begin("C_SignInit", self.module.list.C_SignInit, mechanism, key)?;
        self.single("C_Sign", self.module.list.C_Sign, data, length)
    }

    pub fn sign_into(
        &self,
        mechanism: Mechanism<'_>,
        key: Handle,
        data: &[u8],
        into: &mut [u8],
    ) -> Result<usize, Error> {
        self.begin("C_SignInit", self.module.list.C_SignInit, mechanism, key)?;
        let mut length = into.len() as raw::CK_ULONG;
        call!(
            self.module,
            C_Sign,
            self.handle,
            data.as_ptr().cast_mut(),
            data.len() as raw::CK_ULONG,
            into.as_mut_ptr(),
            &raw mut length
        )?;
        Ok(length as usize)
    }

    pub fn verify(
        &self,
        mechanism: Mechanism<'_>,
        key: Handle,
        data: &[u8],
        signature: &[u8],
    ) -> Result<bool, Error> {
        self.begin(
            "C_VerifyInit",
            self.module.list.C_VerifyInit,
            mechanism,
            key,
        )?;
        let result = call!(
            self.module,
            C_Verify,
            self.handle,
            data.as_ptr().cast_mut(),
            data.len() as raw::CK_ULONG,
            signature.as_ptr().cast_mut(),
            signature.len() as raw::CK_ULONG
        );
        match result {
            Err(Error::Call {
                code: raw::CKR_SIGNATURE_INVALID | raw::CKR_SIGNATURE_LEN_RANGE,
                ..
            }) => Ok(false),
            Err(error) => Err(error),
            Ok(()) => Ok(true),
        }
    }

    pub fn random(&self, into: &mut [u8]) -> Result<(), Error> {
        call!(
            self.module,
            C_GenerateRandom,
            self.handle,
            into.as_mut_ptr(),
            into.len() as raw::CK_ULONG
        )
    }

    pub fn draw(&self, length: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut bytes = Zeroizing::new(vec![0; length]);
        self.random(&mut bytes)?;
        Ok(bytes)
    }

    pub fn seed(&self, seed: &[u8]) -> Result<bool, Error> {
        let taken = call!(
            self.module,
            C_SeedRandom,
            self.handle,
            seed.as_ptr().cast_mut(),
            seed.len() as raw::CK_ULONG
        );
        match taken {
            Err(Error::Call {
                code: raw::CKR_RANDOM_SEED_NOT_SUPPORTED | raw::CKR_FUNCTION_NOT_SUPPORTED,
                ..
            }) => Ok(false),
            Err(error) => Err(error),
            Ok(()) => Ok(true),
        }
    }

    fn begin(
        &self,
        call: &'static str,
        init: Option<Init>,
        mechanism: Mechanism<'_>,
        key: Handle,
    ) -> Result<(), Error> {
        let init = init.ok_or_else(|| Error::missing(call))?;
        let start = || {
            // SAFETY: as in `call!`; the mechanism's pointers live during the call.
            mechanism.with(|mechanism| check(call, unsafe { init(self.handle, mechanism, key) }))
        };
        match start() {
            // An operation that failed half-way was left open: PKCS#11 v3.0 §5.8 ends it with a
            // NULL mechanism.
            Err(Error::Call {
                code: raw::CKR_OPERATION_ACTIVE,
                ..
            }) => {
                // SAFETY: a NULL mechanism is the standard's cancel.
                unsafe { init(self.handle, std::ptr::null_mut(), 0) };
                start()
            }
            other => other,
        }
    }

    fn single(
        &self,
        call: &'static str,
        function: Option<Single>,
        data: &[u8],
        capacity: usize,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let function = function.ok_or_else(|| Error::missing(call))?;
        output(capacity, |bytes, length| {
            // SAFETY: as in `call!`; `output` gives a buffer of the length it tells.
            check(call, unsafe {
                function(
                    self.handle,
                    data.as_ptr().cast_mut(),
                    data.len() as raw::CK_ULONG,
                    bytes,
                    length,
                )
            })
        })
    }
}

/// Runs a call that writes into a buffer; once more when it says that the buffer is too small
/// (the operation stays active then, PKCS#11 v3.0 §5.2).
pub(crate) fn output(
    capacity: usize,
    mut run: impl FnMut(*mut u8, *mut raw::CK_ULONG) -> Result<(), Error>,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    // Never an empty buffer: a pointer without memory asks for the length only.
    let mut buffer = Zeroizing::new(vec![0_u8; capacity.max(1)]);
    let mut length = buffer.len() as raw::CK_ULONG;
    match run(buffer.as_mut_ptr(), &raw mut length) {
        Err(Error::Call {
            code: raw::CKR_BUFFER_TOO_SMALL,
            ..
        }) if length as usize > buffer.len() && length < 1 << 30 => {
            buffer = Zeroizing::new(vec![0_u8; length as usize]);
            run(buffer.as_mut_ptr(), &raw mut length)?;
        }
        other => other?,
    }
    buffer.truncate(length as usize);
    Ok(buffer)
}
