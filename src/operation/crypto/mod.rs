pub mod decrypt;
pub mod encrypt;
pub mod mac;
pub mod mac_verify;
pub mod parameters;
