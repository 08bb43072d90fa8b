//! DescribeUserScramCredentials: who can log in with SCRAM.
//!
//! Versions: 0
//! Behaviour: nobody.
//! Not done: SASL.

use std::collections::BTreeMap;

use thalweg_model::ErrorCode;
use thalweg_wire::messages::describe_user_scram_credentials_response::DescribeUserScramCredentialsResult;
use thalweg_wire::messages::{
    DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse,
};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use crate::net::answer::{Call, Reply};

pub(super) const API: Api = Api::new(ApiKey::DescribeUserScramCredentials, 0, 0, handle);

fn handle(call: Call) -> Reply {
    call.answer(|request: DescribeUserScramCredentialsRequest, _| answer(request))
}

fn answer(request: DescribeUserScramCredentialsRequest) -> DescribeUserScramCredentialsResponse {
    let mut times: BTreeMap<Str, usize> = BTreeMap::new();
    for user in request.users.unwrap_or_default() {
        *times.entry(user.name).or_default() += 1;
    }
    let results = times.into_iter().map(|(user, times)| {
        let (code, words) = if times > 1 {
            (ErrorCode::DuplicateResource, "the user is named twice")
        } else {
            (ErrorCode::ResourceNotFound, "the user has no credentials")
        };
        DescribeUserScramCredentialsResult {
            user,
            error_code: code.code(),
            error_message: Some(Str::from(words)),
            credential_infos: Vec::new(),
        }
    });
    DescribeUserScramCredentialsResponse {
        error_message: Some(Str::default()),
        results: results.collect(),
        ..DescribeUserScramCredentialsResponse::default()
    }
}
