//! Counters of the engine.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::error::Reason;
use crate::hsm::TokenState;
use crate::protocol::enumeration::Operation;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    operation: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TokenLabels {
    /// Position in the configuration, from 1.
    token: u64,
    name: String,
}

#[derive(Debug, Default)]
pub struct Metrics {
    token_up: Family<TokenLabels, Gauge>,
    operations: Family<Labels, Counter>,
    pub miscounted_batches: Counter,
    /// Connections on which this server asks, and objects of whose changes subscribers were not told.
    pub turned: Gauge,
    pub untold: Counter,
    /// Rows that were moved to the newest versions of their keys, and those that are left.
    pub rewrapped: Gauge,
    pub unwrapped: Gauge,
    /// Keys of class *cached* in memory, and keys that stay loaded in the token.
    pub cached_keys: Gauge,
    pub loaded_keys: Gauge,
}

impl Metrics {
    pub fn operation(&self, operation: Operation, failure: Option<Reason>) {
        let labels = Labels {
            operation: operation.name().unwrap_or("unknown"),
            result: failure.map_or("success", Reason::name),
        };
        self.operations.get_or_create(&labels).inc();
    }

    /// Whether each of several tokens serves.
    pub fn tokens(&self, tokens: &[TokenState]) {
        for token in tokens {
            let labels = TokenLabels {
                token: token.number as u64,
                name: token.name.clone(),
            };
            let up = i64::from(token.away.is_none());
            self.token_up.get_or_create(&labels).set(up);
        }
    }

    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "keyward_operations",
            "Operations by result",
            self.operations.clone(),
        );
        registry.register(
            "keyward_token_up",
            "Of several tokens: 1 where it serves, 0 where it was left",
            self.token_up.clone(),
        );
        registry.register(
            "keyward_miscounted_batches",
            "Messages whose Batch Count differs from their items",
            self.miscounted_batches.clone(),
        );
        registry.register(
            "keyward_endpoint_turned",
            "Connections whose roles are turned: the server tells the client what changes",
            self.turned.clone(),
        );
        registry.register(
            "keyward_endpoint_untold",
            "Objects of whose changes a subscribed client was not told: too many waited, too old, or refused",
            self.untold.clone(),
        );
        registry.register(
            "keyward_rewrap_done",
            "Rows that this server moved to the newest versions of their keys since it last found some to move",
            self.rewrapped.clone(),
        );
        registry.register(
            "keyward_rewrap_left",
            "Rows that are still under older versions, as far as this server moves them",
            self.unwrapped.clone(),
        );
        registry.register(
            "keyward_cached_keys",
            "Keys of class cached that are in clear in locked memory",
            self.cached_keys.clone(),
        );
        registry.register(
            "keyward_token_loaded_keys",
            "Managed keys that stay loaded in the token for their next use",
            self.loaded_keys.clone(),
        );
    }
}
