//! Patterns of the lists: `*` stands for any text.

/// Whether all of `text` fits.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let Some((literal, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(literal) else {
        return false;
    };
    text.char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .any(|at| fits(rest, &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn stars_stand_for_any_text() {
        assert!(fits("Fetch/*Epoch", "Fetch/Responses/LeaderEpoch"));
        assert!(fits("*", ""));
        assert!(fits("a*b*c", "abbc"));
        assert!(!fits("a*b", "abc"));
        assert!(!fits("", "a"));
    }
}
