//! `api_key.rs`: the APIs of the broker listener and their versions.

use anyhow::{Context, Result};

use super::BANNER;
use crate::schema::message::{Kind, Message};

/// The source of the table.
pub(super) fn source(messages: &[&Message]) -> Result<String> {
    let mut variants = String::new();
    let mut all = String::new();
    let mut specs = String::new();
    let mut count = 0;
    for message in messages {
        if message.kind != Kind::Request {
            continue;
        }
        let key = message.key.context("a request has an API key")?;
        let name = message.name.trim_end_matches("Request");
        let flexible = if message.flexible.is_none() {
            "i16::MAX".to_owned()
        } else {
            message.flexible.first.to_string()
        };
        let (min, max) = (message.versions.first, message.versions.last);
        variants += &format!("/// Key {key}, versions {}.\n{name},\n", message.versions);
        all += &format!("Self::{name},\n");
        specs += &format!(
            "ApiSpec {{ name: \"{name}\", code: {key}, min_version: {min}, max_version: {max}, \
             flexible_from: {flexible}, newest_unstable: {} }},\n",
            message.newest_unstable
        );
        count += 1;
    }
    Ok(format!(
        "{BANNER}//! The APIs of the broker listener.

use crate::api::ApiSpec;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApiKey {{ {variants} }}

impl ApiKey {{
    /// Every API, by its code.
    pub const ALL: [Self; {count}] = [{all}];
}}

/// Name and versions of every API, in the order of [`ApiKey::ALL`].
pub(crate) static SPECS: [ApiSpec; {count}] = [{specs}];
"
    ))
}
