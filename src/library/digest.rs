//! Hash functions.

use openssl::md::Md;
use openssl::md_ctx::MdCtx;

use super::LibraryError;
use crate::mechanism::hash::HashRow;

/// OpenSSL's name for it.
pub(super) fn fetch(row: &HashRow) -> Result<Md, LibraryError> {
    Ok(Md::fetch(None, row.name, None)?)
}

/// The digest of all of `data`.
pub fn hash(row: &'static HashRow, data: &[u8]) -> Result<Vec<u8>, LibraryError> {
    let mut running = Running::new(row)?;
    running.update(data)?;
    running.finish()
}

/// A hash over data that comes in parts.
pub struct Running {
    row: &'static HashRow,
    context: MdCtx,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("hash", &self.row.name)
            .finish_non_exhaustive()
    }
}

impl Running {
    pub fn new(row: &'static HashRow) -> Result<Running, LibraryError> {
        let mut context = MdCtx::new()?;
        let digest = fetch(row)?;
        context.digest_init(&digest)?;
        Ok(Running { row, context })
    }

    pub fn row(&self) -> &'static HashRow {
        self.row
    }

    pub fn update(&mut self, data: &[u8]) -> Result<(), LibraryError> {
        Ok(self.context.digest_update(data)?)
    }

    pub fn finish(mut self) -> Result<Vec<u8>, LibraryError> {
        let mut out = vec![0; self.row.length];
        let length = self.context.digest_final(&mut out)?;
        out.truncate(length);
        Ok(out)
    }
}
