//! Counters of the engine.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::error::Reason;
use crate::protocol::enumeration::Operation;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    operation: &'static str,
    result: &'static str,
}

#[derive(Debug, Default)]
pub struct Metrics {
    operations: Family<Labels, Counter>,
    pub miscounted_batches: Counter,
    /// Connections on which this server asks, and changes that subscribers were not told of.
    pub turned: Gauge,
    pub untold: Counter,
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

    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "keyward_operations",
            "Operations by result",
            self.operations.clone(),
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
            "Changes that a subscribed and connected client was not told of",
            self.untold.clone(),
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
