pub mod activate;
pub mod destroy;
pub mod revoke;
