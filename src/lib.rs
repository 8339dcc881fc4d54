//! Keyward, a KMIP key server.
