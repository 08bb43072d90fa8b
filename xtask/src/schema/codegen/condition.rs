//! Version conditions, left out where they always hold.

use crate::schema::versions::Versions;

/// The condition for `wanted` among `possible` versions, or none if it always holds.
pub(super) fn condition(wanted: Versions, possible: Versions) -> Option<String> {
    let from = (wanted.first > possible.first).then_some(wanted.first);
    let to = (wanted.last < possible.last).then_some(wanted.last);
    match (from, to) {
        (None, None) => None,
        (Some(from), None) => Some(format!("version >= {from}")),
        (None, Some(to)) if to == possible.first => Some(format!("version == {to}")),
        (None, Some(to)) => Some(format!("version <= {to}")),
        (Some(from), Some(to)) if from == to => Some(format!("version == {from}")),
        (Some(from), Some(to)) => Some(format!("({from}..={to}).contains(&version)")),
    }
}

/// A statement under its condition.
pub(super) fn guarded(condition: Option<&str>, statement: &str) -> String {
    match condition {
        None => format!("{statement}\n"),
        Some(condition) => format!("if {condition} {{ {statement} }}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_ends_that_matter_are_tested() {
        let range = |text: &str| text.parse::<Versions>().unwrap();
        let case = |wanted, possible| condition(range(wanted), range(possible));
        assert_eq!(case("0+", "3-13"), None);
        assert_eq!(case("5+", "3-13").as_deref(), Some("version >= 5"));
        assert_eq!(case("0-12", "3-13").as_deref(), Some("version <= 12"));
        assert_eq!(case("3", "3-13").as_deref(), Some("version == 3"));
        assert_eq!(case("6", "3-13").as_deref(), Some("version == 6"));
        assert_eq!(
            case("6-8", "3-13").as_deref(),
            Some("(6..=8).contains(&version)")
        );
    }
}
