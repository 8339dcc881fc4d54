//! Discover Versions (1.4 §4.26, 2.1 §6.1.16).

use crate::engine::context::Context;
use crate::engine::error::Fault;
use crate::operation::Handler;
use crate::protocol::message::ProtocolVersion;
use crate::protocol::version::Version;
use crate::structure;

structure! {
    pub struct DiscoverVersionsRequest {
        protocol_version: Vec<ProtocolVersion> = PROTOCOL_VERSION;
    }
    pub struct DiscoverVersionsResponse {
        protocol_version: Vec<ProtocolVersion> = PROTOCOL_VERSION;
    }
}

#[derive(Debug)]
pub struct DiscoverVersions;

/// Without versions in the request all that are served, newest first; else those of them that are
/// served, in the client's order of preference.
pub fn answer(request: &DiscoverVersionsRequest) -> DiscoverVersionsResponse {
    let written = |version: &Version| ProtocolVersion {
        major: version.major.into(),
        minor: version.minor.into(),
    };
    let served = || Version::SUPPORTED.iter().map(written);
    let protocol_version = if request.protocol_version.is_empty() {
        served().collect()
    } else {
        let mut asked = request.protocol_version.clone();
        asked.retain(|version| served().any(|ours| ours == *version));
        asked
    };
    DiscoverVersionsResponse { protocol_version }
}

impl Handler for DiscoverVersions {
    type Request = DiscoverVersionsRequest;
    type Response = DiscoverVersionsResponse;

    async fn run(_: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        Ok(answer(request))
    }
}
