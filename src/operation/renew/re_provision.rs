//! Re-Provision (2.0 §6.1.44, 2.1 §6.1.48): the client's certificate gives way to another one, with
//! which it connects from then on.

use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::credential;
use crate::engine::error::{Fault, Reason};
use crate::object::admission;
use crate::object::creation::{self, Origin};
use crate::operation::Handler;
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{CertificateType, UniqueIdentifier};
use crate::protocol::object::{Certificate, CertificateRequest, Object};
use crate::structure;

structure! {
    pub struct ReProvisionRequest {
        certificate_request: Option<CertificateRequest> = CERTIFICATE_REQUEST;
        certificate: Option<Certificate> = CERTIFICATE;
    }
    pub struct ReProvisionResponse {
        unique_identifier: Option<String> = UNIQUE_IDENTIFIER;
    }
}

#[derive(Debug)]
pub struct ReProvision;

impl Handler for ReProvision {
    type Request = ReProvisionRequest;
    type Response = ReProvisionResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::ReProvision)?;
        let certificate = match (&request.certificate, &request.certificate_request) {
            (Some(certificate), None) => certificate,
            (Some(_), Some(_)) => {
                return Err(Fault::new(
                    Reason::InvalidField,
                    "the request holds a certificate and a request for one; expected one of them",
                ));
            }
            // Only administrators reach the authority of client certificates (DESIGN §6).
            (None, _) => {
                return Err(Fault::new(
                    Reason::FeatureNotSupported,
                    "this server does not issue client certificates; send a Certificate",
                ));
            }
        };
        if certificate.certificate_type != CertificateType::X_509 {
            return Err(Fault::new(
                Reason::InvalidField,
                format!(
                    "the certificate is of type {}; clients connect with X.509",
                    certificate.certificate_type
                ),
            ));
        }
        credential::replace(context, &certificate.certificate_value).await?;
        let unique_identifier = creation::new_identifier();
        admission::admit(
            context,
            &unique_identifier,
            Object::Certificate(certificate.clone()),
            Attributes::default(),
            Origin::Registered,
            None,
        )
        .await?;
        context.produce(UniqueIdentifier::RE_PROVISION, &unique_identifier);
        Ok(ReProvisionResponse {
            unique_identifier: Some(unique_identifier),
        })
    }
}
