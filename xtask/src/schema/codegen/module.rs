//! `messages/mod.rs`: the list of files, and the messages by their own names.

use super::{BANNER, names};
use crate::schema::message::Message;

/// The module file.
pub(super) fn source(messages: &[&Message]) -> String {
    let mut modules: Vec<String> = messages
        .iter()
        .map(|message| {
            let module = names::snake(&message.name);
            format!("pub mod {module};\npub use {module}::{};\n", message.name)
        })
        .collect();
    modules.sort();
    format!(
        "{BANNER}//! Every message of the broker listener and every stored record, one file each.\n\n{}",
        modules.concat()
    )
}
