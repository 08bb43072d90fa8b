//! Histories as text: one operation a line, in JSON, so that tests in any language can write them.
//!
//! ```text
//! {"invoked":10,"returned":20,"call":"send","partition":{"topic":"t","number":0},"acks":"all","producer":null,
//!  "records":[{"value":"a","body":1}],"outcome":{"ok":0}}
//! ```
//! (one line each; an outcome is `{"ok":…}`, `"failed"` or `"unknown"`).

use super::Operation;

/// A line that is no operation.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {cause}")]
pub struct TextError {
    line: usize,
    cause: serde_json::Error,
}

/// Reads a history; empty lines are passed over.
///
/// # Errors
/// A line is no operation.
pub fn parse(text: &str) -> Result<Vec<Operation>, TextError> {
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(at, line)| {
            serde_json::from_str(line).map_err(|cause| TextError {
                line: at + 1,
                cause,
            })
        })
        .collect()
}

/// One operation as a line, without its end.
///
/// # Panics
/// Never: an operation has no map with keys that JSON lacks.
#[must_use]
pub fn line(operation: &Operation) -> String {
    serde_json::to_string(operation).expect("names and numbers have a form in JSON")
}
