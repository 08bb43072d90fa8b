//! ApiVersions: what this broker serves, and which features are in force.
//!
//! Versions: 0-4
//! Behaviour: answered before anything else is known about the client; the response header is always
//! version 0. From version 3 the client names its software, which must be well formed (KIP-511).
//! A version that is not served is answered in version 0 with `UNSUPPORTED_VERSION` and the range of
//! this API, so that the client can ask again.
//! Not done: features whose lowest level is 0 are left out below version 4 (KAFKA-17011) because
//! clients cannot read them; no feature level can be changed yet.

use thalweg_model::ErrorCode;
use thalweg_wire::ApiKey;
use thalweg_wire::header::RequestHeader;
use thalweg_wire::messages::api_versions_response::ApiVersion;
use thalweg_wire::messages::{ApiVersionsRequest, ApiVersionsResponse};

use super::Api;
use crate::net::answer::{Answer, Call, Caller, Reply};
use crate::node::Node;

pub(super) const API: Api = Api::new(ApiKey::ApiVersions, 0, 4, handle);

fn handle(call: Call) -> Reply {
    call.answer(|request, caller| answer(&request, caller))
}

fn answer(request: &ApiVersionsRequest, caller: &Caller) -> ApiVersionsResponse {
    let named = |name: &str| {
        // [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?
        let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
        let ends = [name.bytes().next(), name.bytes().last()];
        ends.iter()
            .all(|end| end.is_some_and(|b| b.is_ascii_alphanumeric()))
            && name.bytes().all(inner)
    };
    let software = [
        &request.client_software_name,
        &request.client_software_version,
    ];
    if caller.version >= 3 && !software.into_iter().all(|name| named(name)) {
        return ApiVersionsResponse {
            error_code: ErrorCode::InvalidRequest.code(),
            ..ApiVersionsResponse::default()
        };
    }
    ApiVersionsResponse {
        api_keys: announced(),
        ..ApiVersionsResponse::default()
    }
}

fn announced() -> Vec<ApiVersion> {
    let rows = super::all().iter();
    rows.map(|api| ApiVersion {
        api_key: api.key.code(),
        min_version: api.announced_min,
        max_version: api.versions.1,
    })
    .collect()
}

/// Answers a request of a version that is not served.
pub(crate) fn unsupported(node: &Node, header: &RequestHeader) -> Reply {
    let own = announced()
        .into_iter()
        .filter(|api| api.api_key == ApiKey::ApiVersions.code());
    let response = ApiVersionsResponse {
        error_code: ErrorCode::UnsupportedVersion.code(),
        api_keys: own.collect(),
        ..ApiVersionsResponse::default()
    };
    Reply::Now(Answer::response_at(
        node,
        &response,
        (0, header.correlation_id),
    ))
}
