pub mod certify;
pub mod re_certify;
pub mod validate;

mod request;
