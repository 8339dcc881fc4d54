pub mod re_key;
pub mod re_key_key_pair;
pub mod re_provision;
