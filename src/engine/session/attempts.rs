//! Wrong credentials cost waiting: per identity in the database, so that neither a restart nor
//! another node gives new attempts, and per address in memory. What is waited for is not verified,
//! the right password included: time tells nobody that a guess was right.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// How many wrong ones are free, and how waiting grows. Seconds.
#[derive(Clone, Copy, Debug)]
struct Patience {
    free: u32,
    /// The first wait is one second; each doubles the one before it up to this.
    longest: i64,
}

const OF_IDENTITY: Patience = Patience {
    free: 5,
    longest: 300,
};
/// Many clients may come from one address.
const OF_ADDRESS: Patience = Patience {
    free: 50,
    longest: 60,
};
/// Seconds without a wrong one after which those before are forgotten.
const FORGOTTEN: i64 = 900;
/// Addresses that are remembered.
const MOST: usize = 10_000;

/// Wrong ones of an identity (body of an Attempts row; its key is the identity) or an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wrong {
    count: u32,
    /// Seconds since 1970.
    last: i64,
    until: i64,
}

impl Wrong {
    /// Seconds still to wait at `now`.
    pub fn wait(&self, now: i64) -> Option<i64> {
        // A clock that was set back must not make the wait longer than it was.
        (now < self.until).then(|| (self.until - now).min(OF_IDENTITY.longest))
    }

    /// With one more for an identity.
    #[must_use]
    pub fn of_identity(self, now: i64) -> Wrong {
        self.more(OF_IDENTITY, now)
    }

    fn more(self, patience: Patience, now: i64) -> Wrong {
        let count = match now.saturating_sub(self.last) > FORGOTTEN {
            true => 1,
            false => self.count.saturating_add(1),
        };
        let wait = match count.checked_sub(patience.free) {
            Some(over) => 1_i64
                .checked_shl(over.min(30))
                .unwrap_or(patience.longest)
                .min(patience.longest),
            None => 0,
        };
        Wrong {
            count,
            last: now,
            until: now.saturating_add(wait),
        }
    }
}

/// Wrong ones by address.
#[derive(Debug, Default)]
pub struct Addresses {
    wrong: Mutex<HashMap<String, Wrong>>,
}

/// Whoever has one IPv6 address has the 2^64 beside it.
fn place(address: &str) -> String {
    match address
        .parse::<IpAddr>()
        .map(|address| address.to_canonical())
    {
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Ok(IpAddr::V4(address)) => address.to_string(),
        Err(_) => address.to_owned(),
    }
}

impl Addresses {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Wrong>> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seconds still to wait.
    pub fn wait(&self, address: &str, now: i64) -> Option<i64> {
        self.lock().get(&place(address))?.wait(now)
    }

    pub fn wrong(&self, address: &str, now: i64) {
        let mut all = self.lock();
        let place = place(address);
        if all.len() >= MOST && !all.contains_key(&place) {
            all.retain(|_, wrong| now.saturating_sub(wrong.last) <= FORGOTTEN);
            let oldest = all.iter().min_by_key(|(_, wrong)| wrong.last);
            if all.len() >= MOST
                && let Some(oldest) = oldest.map(|(place, _)| place.clone())
            {
                all.remove(&oldest);
            }
        }
        let wrong = all.entry(place).or_default();
        *wrong = wrong.more(OF_ADDRESS, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_free_and_then_each_waits_twice_as_long() {
        let (mut wrong, now) = (Wrong::default(), 1_000_000);
        for _ in 1..OF_IDENTITY.free {
            wrong = wrong.of_identity(now);
            assert_eq!(wrong.wait(now), None);
        }
        for expected in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            wrong = wrong.of_identity(now);
            assert_eq!(wrong.wait(now), Some(expected));
        }
        assert_eq!(wrong.wait(now + 300), None);
        // Still remembered after the wait: one more and it waits again.
        assert_eq!(
            wrong.of_identity(now + 301).wait(now + 301),
            Some(OF_IDENTITY.longest)
        );
        let later = now + FORGOTTEN + 1;
        assert_eq!(wrong.of_identity(later).wait(later), None, "forgotten");
    }

    #[test]
    fn no_count_makes_the_wait_end_early() {
        let mut wrong = Wrong {
            count: u32::MAX - 1,
            last: 5,
            until: 0,
        };
        for _ in 0..3 {
            wrong = wrong.of_identity(5);
            assert_eq!(wrong.wait(5), Some(OF_IDENTITY.longest));
        }
        assert_eq!(wrong.wait(-1_000_000), Some(OF_IDENTITY.longest));
    }

    #[test]
    fn an_address_is_a_network_in_ipv6_and_their_number_is_bounded() {
        let addresses = Addresses::default();
        for last in 0..OF_ADDRESS.free {
            addresses.wrong(&format!("2001:db8::{last:x}"), 10);
        }
        assert_eq!(addresses.wait("2001:db8::ffff", 10), Some(1));
        assert_eq!(addresses.wait("2001:db8:0:1::1", 10), None);
        assert_eq!(addresses.wait("192.0.2.1", 10), None);
        for number in 0..MOST + 5 {
            addresses.wrong(&format!("10.{}.{}.1", number / 256, number % 256), 10);
        }
        assert!(addresses.lock().len() <= MOST);
    }
}
