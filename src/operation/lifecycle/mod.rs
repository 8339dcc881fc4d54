pub mod activate;
pub mod archive;
pub mod destroy;
pub mod get_usage_allocation;
pub mod obtain_lease;
pub mod recover;
pub mod revoke;
