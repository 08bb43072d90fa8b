//! Lists between commas.
//!
//! A list and what is added to it or taken from it come from clients: both are walked once, whatever their length.

use std::collections::BTreeSet;

/// Splits at commas and drops the spaces around them; the empty text is the empty list.
pub(super) fn split(text: &str) -> Vec<String> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Vec::new();
    }
    trimmed
        .split(',')
        .map(|element| element.trim().to_owned())
        .collect()
}

/// `text` with the elements of `added` that it does not hold yet, in their order.
pub(crate) fn append(text: &str, added: &str) -> String {
    let mut elements: Vec<&str> = non_empty(text).collect();
    let mut held: BTreeSet<&str> = elements.iter().copied().collect();
    elements.extend(non_empty(added).filter(|element| held.insert(element)));
    elements.join(",")
}

/// `text` without the elements of `removed`.
pub(crate) fn subtract(text: &str, removed: &str) -> String {
    let gone: BTreeSet<&str> = non_empty(removed).collect();
    let kept: Vec<&str> = non_empty(text)
        .filter(|element| !gone.contains(element))
        .collect();
    kept.join(",")
}

fn non_empty(text: &str) -> impl Iterator<Item = &str> {
    let elements = text.split(',').map(str::trim);
    elements.filter(|element| !element.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appending_keeps_the_order_and_repeats_nothing() {
        assert_eq!(append("delete", "compact"), "delete,compact");
        assert_eq!(
            append("delete,compact", " compact , x "),
            "delete,compact,x"
        );
        assert_eq!(append("", " delete , compact "), "delete,compact");
    }

    #[test]
    fn subtracting_what_is_not_there_changes_nothing() {
        assert_eq!(subtract("delete,compact", "delete"), "compact");
        assert_eq!(subtract("compact", "delete"), "compact");
        assert_eq!(subtract("compact", "compact"), "");
    }
}
