use cryptoki_sys as raw;
use zeroize::Zeroizing;

use super::module::{Module, call};
use super::operation::output;
use crate::attribute::{Attribute, Template};
use crate::calls::{Handle, User};
use crate::error::{Error, check};
use crate::mechanism::Mechanism;

impl User {
    fn number(self) -> raw::CK_USER_TYPE {
        match self {
            User::SecurityOfficer => raw::CKU_SO,
            User::User => raw::CKU_USER,
        }
    }
}

#[derive(Debug)]
pub struct Session {
    pub(crate) module: &'static Module,
    pub(crate) handle: raw::CK_SESSION_HANDLE,
}

impl Session {
    pub fn close(self) -> Result<(), Error> {
        call!(self.module, C_CloseSession, self.handle)
    }

    pub fn alive(&self) -> Result<(), Error> {
        let mut info = raw::CK_SESSION_INFO::default();
        call!(self.module, C_GetSessionInfo, self.handle, &raw mut info)?;
        if info.state == raw::CKS_RW_USER_FUNCTIONS {
            Ok(())
        } else {
            check("C_GetSessionInfo", raw::CKR_USER_NOT_LOGGED_IN)
        }
    }

    pub fn login(&self, user: User, pin: &[u8]) -> Result<(), Error> {
        call!(
            self.module,
            C_Login,
            self.handle,
            user.number(),
            pin.as_ptr().cast_mut(),
            pin.len() as raw::CK_ULONG
        )
    }

    pub fn logout(&self) -> Result<(), Error> {
        call!(self.module, C_Logout, self.handle)
    }

    pub fn initialise_pin(&self, pin: &[u8]) -> Result<(), Error> {
        call!(
            self.module,
            C_InitPIN,
            self.handle,
            pin.as_ptr().cast_mut(),
            pin.len() as raw::CK_ULONG
        )
    }

    pub fn find(&self, template: &[Attribute<'_>], limit: usize) -> Result<Vec<Handle>, Error> {
        let mut attributes = Template::new(template);
        let count = attributes.count();
        call!(
            self.module,
            C_FindObjectsInit,
            self.handle,
            attributes.pointer(),
            count
        )?;
        let mut handles = vec![0; limit];
        let mut found: raw::CK_ULONG = 0;
        let result = call!(
            self.module,
            C_FindObjects,
            self.handle,
            handles.as_mut_ptr(),
            limit as raw::CK_ULONG,
            &raw mut found
        );
        // Also after a failure: the search would block the session's next one.
        let ended = call!(self.module, C_FindObjectsFinal, self.handle);
        result?;
        ended?;
        handles.truncate(found as usize);
        Ok(handles)
    }

    pub fn create(&self, template: &[Attribute<'_>]) -> Result<Handle, Error> {
        let mut attributes = Template::new(template);
        let count = attributes.count();
        let mut handle = 0;
        call!(
            self.module,
            C_CreateObject,
            self.handle,
            attributes.pointer(),
            count,
            &raw mut handle
        )?;
        Ok(handle)
    }

    pub fn copy(&self, object: Handle, template: &[Attribute<'_>]) -> Result<Handle, Error> {
        let mut attributes = Template::new(template);
        let count = attributes.count();
        let mut handle = 0;
        call!(
            self.module,
            C_CopyObject,
            self.handle,
            object,
            attributes.pointer(),
            count,
            &raw mut handle
        )?;
        Ok(handle)
    }

    pub fn set(&self, object: Handle, template: &[Attribute<'_>]) -> Result<(), Error> {
        let mut attributes = Template::new(template);
        let count = attributes.count();
        call!(
            self.module,
            C_SetAttributeValue,
            self.handle,
            object,
            attributes.pointer(),
            count
        )
    }

    pub fn destroy(&self, object: Handle) -> Result<(), Error> {
        call!(self.module, C_DestroyObject, self.handle, object)
    }

    pub fn attribute(
        &self,
        object: Handle,
        kind: raw::CK_ATTRIBUTE_TYPE,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut attribute = raw::CK_ATTRIBUTE {
            type_: kind,
            pValue: std::ptr::null_mut(),
            ulValueLen: 0,
        };
        call!(
            self.module,
            C_GetAttributeValue,
            self.handle,
            object,
            &raw mut attribute,
            1
        )?;
        if attribute.ulValueLen == raw::CK_UNAVAILABLE_INFORMATION {
            return Err(Error::call(
                "C_GetAttributeValue",
                raw::CKR_ATTRIBUTE_TYPE_INVALID,
            ));
        }
        let mut value = Zeroizing::new(vec![0; attribute.ulValueLen as usize]);
        attribute.pValue = value.as_mut_ptr().cast();
        call!(
            self.module,
            C_GetAttributeValue,
            self.handle,
            object,
            &raw mut attribute,
            1
        )?;
        value.truncate(attribute.ulValueLen as usize);
        Ok(value)
    }

    pub fn generate_key(
        &self,
        mechanism: Mechanism<'_>,
        template: &[Attribute<'_>],
    ) -> Result<Handle, Error> {
        let mut attributes = Template::new(template);
        let count = attributes.count();
        let mut handle = 0;
        mechanism.with(|mechanism| {
            call!(
                self.module,
                C_GenerateKey,
                self.handle,
                mechanism,
                attributes.pointer(),
                count,
                &raw mut handle
            )
        })?;
        Ok(handle)
    }

    pub fn generate_pair(
        &self,
        mechanism: Mechanism<'_>,
        public: &[Attribute<'_>],
        private: &[Attribute<'_>],
    ) -> Result<(Handle, Handle), Error> {
        let mut public = Template::new(public);
        let mut private = Template::new(private);
        let (public_count, private_count) = (public.count(), private.count());
        let (mut public_handle, mut private_handle) = (0, 0);
        mechanism.with(|mechanism| {
            call!(
                self.module,
                C_GenerateKeyPair,
                self.handle,
                mechanism,
                public.pointer(),
                public_count,
                private.pointer(),
                private_count,
                &raw mut public_handle,
                &raw mut private_handle
            )
        })?;
        Ok((public_handle, private_handle))
    }

    pub fn wrap(
        &self,
        mechanism: Mechanism<'_>,
        wrapping: Handle,
        key: Handle,
    ) -> Result<Vec<u8>, Error> {
        let function = self
            .module
            .list
            .C_WrapKey
            .ok_or_else(|| Error::missing("C_WrapKey"))?;
        // Enough for a wrapped RSA-4096 private key; C_WrapKey is one call, not init and final,
        // so a second with the length it told is allowed.
        let mut wrapped = output(4096, |bytes, length| {
            mechanism.with(|mechanism| {
                // SAFETY: as in `call!`; `output` gives a buffer of the length it tells.
                check("C_WrapKey", unsafe {
                    function(self.handle, mechanism, wrapping, key, bytes, length)
                })
            })
        })?;
        Ok(std::mem::take(&mut *wrapped))
    }

    pub fn unwrap(
        &self,
        mechanism: Mechanism<'_>,
        unwrapping: Handle,
        wrapped: &[u8],
        template: &[Attribute<'_>],
    ) -> Result<Handle, Error> {
        let mut attributes = Template::new(template);
        let count = attributes.count();
        let mut handle = 0;
        mechanism.with(|mechanism| {
            call!(
                self.module,
                C_UnwrapKey,
                self.handle,
                mechanism,
                unwrapping,
                wrapped.as_ptr().cast_mut(),
                wrapped.len() as raw::CK_ULONG,
                attributes.pointer(),
                count,
                &raw mut handle
            )
        })?;
        Ok(handle)
    }

    pub fn derive(
        &self,
        mechanism: Mechanism<'_>,
        base: Handle,
        template: &[Attribute<'_>],
    ) -> Result<Handle, Error> {
        let mut attributes = Template::new(template);
        let count = attributes.count();
        let mut handle = 0;
        mechanism.with(|mechanism| {
            call!(
                self.module,
                C_DeriveKey,
                self.handle,
                mechanism,
                base,
                attributes.pointer(),
                count,
                &raw mut handle
            )
        })?;
        Ok(handle)
    }
}
