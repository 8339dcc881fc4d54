//! Passwords that were verified a short while ago: appliances send theirs with every message, and
//! Argon2id is made to be slow. What is kept is a keyed hash that dies with the process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::Proven;
use crate::store::record::TenantId;

/// How long a password stays known, and of how many users one is.
const AGE: Duration = Duration::from_secs(300);
const MOST: usize = 4096;

#[derive(Debug)]
struct Right {
    epoch: u32,
    hash: [u8; 32],
    since: Instant,
}

pub struct Known {
    key: Zeroizing<Vec<u8>>,
    right: quick_cache::sync::Cache<(TenantId, String), Arc<Right>>,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Known({})", self.right.len())
    }
}

impl Known {
    pub fn new(key: Zeroizing<Vec<u8>>) -> Self {
        Known {
            key,
            right: quick_cache::sync::Cache::new(MOST),
        }
    }

    fn hash(&self, tenant: TenantId, key: &str, password: &str) -> Option<[u8; 32]> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(&tenant.0.to_be_bytes());
        mac.update(&(key.len() as u64).to_be_bytes());
        mac.update(key.as_bytes());
        mac.update(password.as_bytes());
        Some(mac.finalize().into_bytes().into())
    }

    /// Whether the password is known to be right.
    pub fn accepts(&self, tenant: TenantId, user: &Proven, password: &str) -> bool {
        let Some(right) = self.right.get(&(tenant, user.key.clone())) else {
            return false;
        };
        let hash = self.hash(tenant, &user.key, password);
        right.epoch == user.epoch
            && right.since.elapsed() < AGE
            && hash.is_some_and(|hash| bool::from(hash.ct_eq(&right.hash)))
    }

    /// The password was verified.
    pub fn learn(&self, tenant: TenantId, user: &Proven, password: &str) {
        if let Some(hash) = self.hash(tenant, &user.key, password) {
            let right = Right {
                epoch: user.epoch,
                hash,
                since: Instant::now(),
            };
            self.right
                .insert((tenant, user.key.clone()), Arc::new(right));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_for_its_user_tenant_and_epoch_only() {
        let known = Known::new(Zeroizing::new(vec![1; 32]));
        let user = |key: &str, epoch| Proven {
            key: key.to_owned(),
            epoch,
        };
        let (one, two) = (TenantId(1), TenantId(2));
        assert!(!known.accepts(one, &user("a", 1), "right"));
        known.learn(one, &user("a", 1), "right");
        assert!(known.accepts(one, &user("a", 1), "right"));
        assert!(!known.accepts(one, &user("a", 1), "wrong"));
        assert!(!known.accepts(one, &user("a", 2), "right"), "changed since");
        assert!(!known.accepts(one, &user("b", 1), "right"));
        assert!(!known.accepts(two, &user("a", 1), "right"));
    }
}
