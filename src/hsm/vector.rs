//! Initialisation vectors and nonces that the server makes: of the token's generator, drawn ahead.

use std::sync::Mutex;

use zeroize::Zeroizing;

use super::pool::lock;
use super::{Hsm, HsmError};

/// Bytes drawn at a time. A call to a generator costs about as much for 12 bytes as for these.
const DRAWN: usize = 1024;
/// Longer ones are drawn alone.
const LONGEST: usize = 64;

/// Random bytes of which each is given out once.
#[derive(Debug, Default)]
pub(super) struct Vectors(Mutex<Zeroizing<Vec<u8>>>);

impl Vectors {
    fn take(&self, length: usize) -> Option<Zeroizing<Vec<u8>>> {
        let mut drawn = lock(&self.0);
        let rest = drawn.len().checked_sub(length)?;
        Some(Zeroizing::new(drawn.split_off(rest)))
    }

    fn add(&self, bytes: &[u8]) {
        let mut drawn = lock(&self.0);
        // Two may have drawn at once: what would be too much is not kept.
        if drawn.len() < DRAWN {
            drawn.extend_from_slice(bytes);
        }
    }
}

impl Hsm {
    /// Random bytes of the token that protect something but are no secret, and go out with it.
    /// Keys, salts and whatever must stay unknown come from [`Hsm::random`].
    pub async fn vector(&self, length: usize) -> Result<Zeroizing<Vec<u8>>, HsmError> {
        if length == 0 || length > LONGEST {
            return self.random(length).await;
        }
        if let Some(vector) = self.vectors.take(length) {
            return Ok(vector);
        }
        let mut drawn = self.random(DRAWN).await?;
        let vector = drawn.split_off(DRAWN - length);
        self.vectors.add(&drawn);
        Ok(Zeroizing::new(vector))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::collections::HashSet;

    use crate::hsm::fixture;

    #[tokio::test]
    async fn no_byte_is_given_out_twice() {
        let hsm = fixture::hsm();
        let mut seen = HashSet::new();
        for _ in 0..1000 {
            let vector = hsm.vector(12).await.unwrap();
            assert_eq!(vector.len(), 12);
            assert!(seen.insert(vector.to_vec()));
        }
        assert_eq!(hsm.vector(100).await.unwrap().len(), 100);
        assert_eq!(hsm.vector(0).await.unwrap().len(), 0);
    }
}
