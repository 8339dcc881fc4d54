//! Who is told of what: a row of each identity that an administrator subscribed. The standard leaves
//! this to "unspecified configuration or administrative mechanisms" (1.4 §5.1, 2.1 §6.2.2).

use serde::{Deserialize, Serialize};

use super::mark::{self, Mark};
use crate::audit::administration::{self, Deed};
use crate::clock::Clock;
use crate::engine::entity::{self, Verified};
use crate::engine::founding::FoundingError;
use crate::hsm::Hsm;
use crate::object::managed::Managed;
use crate::protocol::tag;
use crate::store::Store;
use crate::store::record::{Change, EntityKind, TenantId};
use ttlv::Value;

const KIND: EntityKind = EntityKind::Subscription;
/// Object Groups in one subscription.
const MOST_GROUPS: usize = 100;
/// What `--notify` calls an identity's own objects.
pub const OWN: &str = "own";

/// Body of a Subscription's row; the row's key is the identity's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// Its own objects.
    pub own: bool,
    /// Objects of these Object Groups, as far as it may look at them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// New objects are given, not only told of.
    pub put: bool,
    /// Unique Identifier of the key that wraps keys which are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrap_with: Option<String>,
}

impl Subscription {
    pub fn is_empty(&self) -> bool {
        !self.own && self.groups.is_empty()
    }

    /// Whether `identity` is to be told of what happens to the object. That it may look at it is
    /// asked when it is told.
    pub fn concerns(&self, identity: &str, object: &Managed) -> bool {
        let grouped = || {
            object.attributes.values(tag::OBJECT_GROUP).any(|group| {
                matches!(group, Value::TextString(name) if self.groups.iter().any(|own| own == name))
            })
        };
        (self.own && object.owner == identity) || grouped()
    }
}

/// A subscription as the command line shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    pub tenant: String,
    pub name: String,
    #[serde(flatten)]
    pub subscription: Subscription,
}

/// Where an administrator works.
#[derive(Debug)]
pub struct Desk<'a> {
    pub store: &'a Store,
    pub hsm: &'a Hsm,
    pub clock: &'a Clock,
}

impl Desk<'_> {
    /// Puts an identity's subscription in the place of the one it has; an empty one ends it.
    ///
    /// # Errors
    /// Refused when the tenant has no such identity, or there is too much of it.
    pub async fn subscribe(
        &self,
        tenant: TenantId,
        name: &str,
        subscription: &Subscription,
    ) -> Result<(), FoundingError> {
        let refused = |why: String| Err(FoundingError::Refused(why));
        let known = self
            .store
            .entity(EntityKind::Identity, tenant, name)
            .await?;
        if known.is_none() {
            return refused(format!(
                "the tenant has no identity {name:?}; see `keyward client list`"
            ));
        }
        if subscription.groups.len() > MOST_GROUPS {
            return refused(format!(
                "a subscription has {MOST_GROUPS} object groups at the most"
            ));
        }
        let before = self.read(tenant, name).await?;
        if before.is_none() && subscription.is_empty() {
            return refused(format!("{name:?} has no subscription"));
        }
        let version = before.as_ref().map_or(0, |row| row.version) + 1;
        let ended = before.is_none_or(|row| row.body.is_empty());
        let mut rows =
            vec![entity::put(self.hsm, KIND, tenant, name, version, subscription).await?];
        if ended {
            // What happened before is not told.
            rows.push(self.mark_now(tenant, name).await?);
        }
        let deed = Deed {
            command: match subscription.is_empty() {
                true => "client unsubscribe",
                false => "client subscribe",
            },
            tenant,
            object: name,
            time: self.clock.now(),
        };
        Ok(administration::write(self.store, rows, deed).await?)
    }

    async fn mark_now(&self, tenant: TenantId, name: &str) -> Result<Change, FoundingError> {
        let known = entity::read::<Mark>(self.store, self.hsm, mark::KIND, tenant, name).await?;
        let version = known.map_or(0, |row| row.version) + 1;
        let mark = Mark {
            position: self.store.journal_head().await?,
            node: None,
        };
        Ok(entity::put(self.hsm, mark::KIND, tenant, name, version, &mark).await?)
    }

    async fn read(
        &self,
        tenant: TenantId,
        name: &str,
    ) -> Result<Option<Verified<Subscription>>, FoundingError> {
        Ok(entity::read(self.store, self.hsm, KIND, tenant, name).await?)
    }

    /// All subscriptions of these tenants.
    ///
    /// # Errors
    /// When a row cannot be read or is not what was written.
    pub async fn all(&self, tenants: &[(TenantId, String)]) -> Result<Vec<Listed>, FoundingError> {
        let mut listed = Vec::new();
        for (tenant, tenant_name) in tenants {
            for row in self.store.entities(KIND, Some(*tenant)).await? {
                let row = entity::verify::<Subscription>(self.hsm, row).await?;
                if !row.body.is_empty() {
                    listed.push(Listed {
                        tenant: tenant_name.clone(),
                        name: row.key,
                        subscription: row.body,
                    });
                }
            }
        }
        Ok(listed)
    }
}
