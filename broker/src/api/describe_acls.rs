//! DescribeAcls: who may do what.
//!
//! Versions: 1-3
//! Behaviour: `SECURITY_DISABLED`, as Kafka answers where no authorizer is configured. A configured
//! one stops the start, so this answer never hides one.
//! Not done: access control lists.

use thalweg_model::ErrorCode;
use thalweg_wire::messages::{DescribeAclsRequest, DescribeAclsResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use crate::net::answer::{Call, Reply};

pub(super) const API: Api = Api::new(ApiKey::DescribeAcls, 1, 3, handle);

/// Why nothing about access is known or can be changed.
pub(super) const NO_AUTHORIZER: &str = "No authorizer is configured on the broker";

fn handle(call: Call) -> Reply {
    call.answer(|_: DescribeAclsRequest, _| DescribeAclsResponse {
        error_code: ErrorCode::SecurityDisabled.code(),
        error_message: Some(Str::from(NO_AUTHORIZER)),
        ..DescribeAclsResponse::default()
    })
}
