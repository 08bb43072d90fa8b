//! CreateAcls: lets principals do things, or forbids them.
//!
//! Versions: 1-3
//! Behaviour: `SECURITY_DISABLED` for each, as Kafka answers where no authorizer is configured.
//! Not done: access control lists.

use thalweg_model::ErrorCode;
use thalweg_wire::messages::create_acls_response::AclCreationResult;
use thalweg_wire::messages::{CreateAclsRequest, CreateAclsResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use super::describe_acls::NO_AUTHORIZER;
use crate::net::answer::{Call, Reply};

pub(super) const API: Api = Api::new(ApiKey::CreateAcls, 1, 3, handle);

fn handle(call: Call) -> Reply {
    call.answer(|request: CreateAclsRequest, _| answer(&request))
}

fn answer(request: &CreateAclsRequest) -> CreateAclsResponse {
    let refused = AclCreationResult {
        error_code: ErrorCode::SecurityDisabled.code(),
        error_message: Some(Str::from(NO_AUTHORIZER)),
    };
    CreateAclsResponse {
        results: vec![refused; request.creations.len()],
        ..CreateAclsResponse::default()
    }
}
