//! DeleteAcls: takes back what CreateAcls gave.
//!
//! Versions: 1-3
//! Behaviour: `SECURITY_DISABLED` for each filter, as Kafka answers where no authorizer is configured.
//! Not done: access control lists.

use thalweg_model::ErrorCode;
use thalweg_wire::messages::delete_acls_response::DeleteAclsFilterResult;
use thalweg_wire::messages::{DeleteAclsRequest, DeleteAclsResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use super::describe_acls::NO_AUTHORIZER;
use crate::net::answer::{Call, Reply};

pub(super) const API: Api = Api::new(ApiKey::DeleteAcls, 1, 3, handle);

fn handle(call: Call) -> Reply {
    call.answer(|request: DeleteAclsRequest, _| answer(&request))
}

fn answer(request: &DeleteAclsRequest) -> DeleteAclsResponse {
    let refused = DeleteAclsFilterResult {
        error_code: ErrorCode::SecurityDisabled.code(),
        error_message: Some(Str::from(NO_AUTHORIZER)),
        matching_acls: Vec::new(),
    };
    DeleteAclsResponse {
        filter_results: vec![refused; request.filters.len()],
        ..DeleteAclsResponse::default()
    }
}
