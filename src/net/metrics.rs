//! What the network side counts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

macro_rules! metrics {
    ($($(#[doc = $help:literal])* $field:ident : $kind:ident, $name:literal;)*) => {
        #[derive(Debug, Default)]
        pub struct NetMetrics {
            $($(#[doc = $help])* pub(super) $field: $kind,)*
        }

        impl NetMetrics {
            pub fn register(registry: &mut Registry) -> NetMetrics {
                let metrics = NetMetrics::default();
                $(registry.register($name, concat!($($help),*).trim(), metrics.$field.clone());)*
                metrics
            }
        }
    };
}

metrics! {
    /// Connections accepted
    accepted: Counter, "keyward_net_connections_accepted";
    /// Connections open now
    open: Gauge, "keyward_net_connections_open";
    /// TLS handshakes that failed, those closed without a byte not counted
    handshakes_failed: Counter, "keyward_net_handshakes_failed";
    /// Sessions resumed
    resumed: Counter, "keyward_net_sessions_resumed";
    /// Connections on the legacy port
    legacy: Counter, "keyward_net_legacy_connections";
    /// Requests received whole
    requests: Counter, "keyward_net_requests";
    /// Messages refused before they were read: too large, or not KMIP
    refused: Counter, "keyward_net_messages_refused";
}
