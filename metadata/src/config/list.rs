//! Lists between commas.

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
    let mut elements = non_empty(text);
    for element in non_empty(added) {
        if !elements.contains(&element) {
            elements.push(element);
        }
    }
    elements.join(",")
}

/// `text` without the elements of `removed`.
pub(crate) fn subtract(text: &str, removed: &str) -> String {
    let gone = non_empty(removed);
    let mut elements = non_empty(text);
    elements.retain(|element| !gone.contains(element));
    elements.join(",")
}

fn non_empty(text: &str) -> Vec<String> {
    let mut elements = split(text);
    elements.retain(|element| !element.is_empty());
    elements
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
