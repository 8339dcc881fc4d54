//! Engines for tests: nodes with a clock, a store and a token in common, and who asks them.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::sync::Arc;

use super::Engine;
use super::context::Context;
use super::directory::Caller;
use super::founding::{self, FIRST_TENANT};
use super::settings::Settings;
use super::tenant::{Classes, Identity, Tenant};
use crate::clock::Clock;
use crate::hsm::{Hsm, fixture};
use crate::protocol::version::Version;
use crate::store::Store;

/// Nodes of these names on one SQLite database in `directory`.
pub(crate) async fn nodes(directory: &Path, clock: &Clock, names: &[&str]) -> Vec<Arc<Engine>> {
    let url = format!("sqlite:{}", directory.join("keyward.db").display());
    let store = Arc::new(Store::open(&url).await.unwrap());
    let tenant = Tenant {
        name: "default".into(),
        share: true,
        duplicate_names: false,
        withheld: Vec::new(),
        classes: Classes {
            cached: true,
            preferred: None,
        },
    };
    let token = fixture::directory();
    let open = |opening: founding::Opening<'_>| {
        let config = crate::hsm::Config {
            deployment: opening.deployment.to_owned(),
            ..fixture::embedded(&token)
        };
        match opening.first {
            true => Hsm::init(config),
            false => Hsm::open(config),
        }
    };
    let (hsm, deployment) = founding::token(&store, clock, &tenant, open).await.unwrap();
    let mut nodes = Vec::new();
    for name in names {
        let settings = Settings {
            node: (*name).into(),
            ..Settings::default()
        };
        let (store, hsm) = (Arc::clone(&store), Arc::clone(&hsm));
        let node = Engine::open(store, hsm, clock.clone(), settings, deployment.clone()).await;
        nodes.push(node.unwrap());
    }
    nodes
}

/// What an identity called `owner` asks now.
pub(crate) async fn context(engine: &Arc<Engine>) -> Context {
    let caller = Caller {
        tenant_id: FIRST_TENANT,
        tenant: engine.tenant(FIRST_TENANT).await.unwrap(),
        identity: Identity {
            name: "owner".into(),
            created: 0,
            profiles: Vec::new(),
            requires_credential: false,
            derive: Vec::new(),
        },
        credential: None,
    };
    let now = engine.clock.now();
    Context::new(Arc::clone(engine), Arc::new(caller), Version::NEWEST, now)
}
