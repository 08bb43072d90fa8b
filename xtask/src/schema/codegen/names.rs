//! Names as Rust spells them.

/// `TopicId` becomes `topic_id`; a run of capitals is one word.
pub(super) fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (index, &letter) in letters.iter().enumerate() {
        let after_small = index > 0 && !letters[index - 1].is_ascii_uppercase();
        let before_small = letters.get(index + 1).is_some_and(char::is_ascii_lowercase);
        if letter.is_ascii_uppercase() && index > 0 && (after_small || before_small) {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// The name of a struct field; keywords are escaped.
pub(super) fn field(name: &str) -> String {
    let name = snake(name);
    match name.as_str() {
        "type" | "match" | "ref" | "move" | "in" => format!("r#{name}"),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_at_capitals() {
        assert_eq!(snake("TopicId"), "topic_id");
        assert_eq!(snake("offsetMetadata"), "offset_metadata");
        assert_eq!(snake("ISRNodes"), "isr_nodes");
        assert_eq!(field("Type"), "r#type");
    }
}
