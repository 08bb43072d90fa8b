//! DescribeClientQuotas: how much users, clients and addresses may ask for.
//!
//! Versions: 0-1
//! Behaviour: no quota is set, so nothing is found. What does not name an entity is refused, as in Kafka.
//! Not done: quotas.

use std::collections::BTreeSet;

use thalweg_model::ErrorCode;
use thalweg_wire::messages::describe_client_quotas_request::ComponentData;
use thalweg_wire::messages::{DescribeClientQuotasRequest, DescribeClientQuotasResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use crate::net::answer::{Call, Reply};

pub(super) const API: Api = Api::new(ApiKey::DescribeClientQuotas, 0, 1, handle);

/// Kafka's numbers of the ways to name an entity.
const EXACTLY: i8 = 0;
const DEFAULT: i8 = 1;
const ANY: i8 = 2;

fn handle(call: Call) -> Reply {
    call.answer(|request: DescribeClientQuotasRequest, _| answer(&request))
}

fn answer(request: &DescribeClientQuotasRequest) -> DescribeClientQuotasResponse {
    match check(&request.components) {
        Ok(()) => DescribeClientQuotasResponse {
            error_message: Some(Str::default()),
            entries: Some(Vec::new()),
            ..DescribeClientQuotasResponse::default()
        },
        Err((code, words)) => DescribeClientQuotasResponse {
            error_code: code.code(),
            error_message: Some(Str::from(words)),
            entries: None,
            ..DescribeClientQuotasResponse::default()
        },
    }
}

fn check(components: &[ComponentData]) -> Result<(), (ErrorCode, String)> {
    let invalid = |words: String| Err((ErrorCode::InvalidRequest, words));
    let mut kinds = BTreeSet::new();
    for component in components {
        let kind = &*component.entity_type;
        match kind {
            "" => return invalid("an entity needs a type".to_owned()),
            "user" | "client-id" | "ip" => {}
            other => {
                let words = format!("no entity has the type {other}");
                return Err((ErrorCode::UnsupportedVersion, words));
            }
        }
        if !kinds.insert(kind) {
            return invalid(format!("the type {kind} is named twice"));
        }
        match (component.match_type, &component.r#match) {
            (EXACTLY, Some(_)) | (DEFAULT | ANY, None) => {}
            (EXACTLY, None) => return invalid(format!("which {kind} is not said")),
            (DEFAULT | ANY, Some(_)) => {
                return invalid(format!("a {kind} is named where none can be"));
            }
            (unknown, _) => return invalid(format!("there is no match of type {unknown}")),
        }
    }
    if kinds.contains("ip") && kinds.len() > 1 {
        return invalid("an address has no users and no clients".to_owned());
    }
    Ok(())
}
