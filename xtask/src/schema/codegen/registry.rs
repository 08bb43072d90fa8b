//! The list of messages the tests walk.

use super::BANNER;
use crate::schema::message::{Kind, Message};

/// A macro that calls another one with the names of all messages.
pub(super) fn source(messages: &[&Message]) -> String {
    let names = |kinds: &[Kind]| -> String {
        messages
            .iter()
            .filter(|message| kinds.contains(&message.kind))
            .map(|message| format!("{}, ", message.name))
            .collect()
    };
    format!(
        "{BANNER}//! Every generated message, for tests that walk all of them.

macro_rules! for_each_api_message {{
    ($call:ident) => {{ $call!({}) }};
}}

macro_rules! for_each_stored_message {{
    ($call:ident) => {{ $call!({}) }};
}}

pub(crate) use for_each_api_message;
pub(crate) use for_each_stored_message;
",
        names(&[Kind::Request, Kind::Response]),
        names(&[Kind::CoordinatorKey, Kind::CoordinatorValue, Kind::Data]),
    )
}
