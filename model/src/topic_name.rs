//! The rules for topic names.

use crate::limits::TOPIC_NAME_BYTES_MAX;

/// Why a topic name is refused; the text is Kafka's reason, shown to the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicNameError {
    /// The empty name.
    #[error("the empty string is not allowed")]
    Empty,
    /// `.` or `..`, which would be directories.
    #[error("'{0}' is not allowed")]
    Dots(String),
    /// Longer than 249 characters.
    #[error("the length of '{0}' is longer than the max allowed length {TOPIC_NAME_BYTES_MAX}")]
    TooLong(String),
    /// A character outside `[a-zA-Z0-9._-]`.
    #[error(
        "'{0}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
    )]
    Characters(String),
}

/// Checks a topic name by Kafka's rules.
///
/// # Errors
/// The first rule the name breaks.
pub fn check_topic_name(name: &str) -> Result<(), TopicNameError> {
    if name.is_empty() {
        return Err(TopicNameError::Empty);
    }
    if name == "." || name == ".." {
        return Err(TopicNameError::Dots(name.to_owned()));
    }
    if name.len() > TOPIC_NAME_BYTES_MAX {
        return Err(TopicNameError::TooLong(name.to_owned()));
    }
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if !name.bytes().all(legal) {
        return Err(TopicNameError::Characters(name.to_owned()));
    }
    Ok(())
}

/// Whether clients may not write to the topic directly: the coordinators' own logs.
#[must_use]
pub fn is_internal_topic(name: &str) -> bool {
    matches!(
        name,
        "__consumer_offsets" | "__transaction_state" | "__share_group_state"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_kafkas_rules() {
        for good in ["a", "A.b_c-9", "...", &"x".repeat(249)] {
            assert_eq!(check_topic_name(good), Ok(()), "{good}");
        }
        for bad in ["", ".", "..", "a b", "ä", "a/b", &"x".repeat(250)] {
            assert!(check_topic_name(bad).is_err(), "{bad}");
        }
    }
}
