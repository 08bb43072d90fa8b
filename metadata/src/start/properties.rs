//! The text form of Java's properties.

/// An entry and the line it begins on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it begins, counted from 1.
    pub line: usize,
    /// The key.
    pub key: String,
    /// The value, with the blanks at its end.
    pub value: String,
}

/// Reads entries in their order; of equal keys the last counts, which is the caller's affair.
///
/// `#` and `!` begin comments, a backslash at the end of a line continues it, `=`, `:` or blanks end a key.
#[must_use]
pub fn parse(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut lines = (1..).zip(text.lines());
    while let Some((line, first)) = lines.next() {
        let first = first.trim_start_matches(BLANK);
        if first.is_empty() || first.starts_with(['#', '!']) {
            continue;
        }
        let mut logical = first.to_owned();
        while is_continued(&logical) {
            logical.pop();
            let Some((_, next)) = lines.next() else { break };
            logical.push_str(next.trim_start_matches(BLANK));
        }
        let (key, value) = split(&logical);
        entries.push(Entry {
            line,
            key: unescape(key),
            value: unescape(value),
        });
    }
    entries
}

const BLANK: [char; 3] = [' ', '\t', '\u{c}'];

/// An even number of backslashes at the end is that many escaped ones.
fn is_continued(line: &str) -> bool {
    let backslashes = line.len() - line.trim_end_matches('\\').len();
    backslashes % 2 == 1
}

/// Ends the key at the first `=`, `:` or blank that is not escaped.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line.find(|c: char| {
        let ends = !escaped && (matches!(c, '=' | ':') || BLANK.contains(&c));
        escaped = c == '\\' && !escaped;
        ends
    });
    let Some(end) = end else {
        return (line, "");
    };
    let rest = line[end..].trim_start_matches(BLANK);
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (&line[..end], value.trim_start_matches(BLANK))
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('t') => plain.push('\t'),
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('f') => plain.push('\u{c}'),
            Some('u') => {
                let digits: String = chars.by_ref().take(4).collect();
                let code = u32::from_str_radix(&digits, 16).ok();
                plain.push(
                    code.and_then(char::from_u32)
                        .unwrap_or(char::REPLACEMENT_CHARACTER),
                );
            }
            Some(other) => plain.push(other),
            None => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let entries = parse(text).into_iter();
        entries.map(|entry| (entry.key, entry.value)).collect()
    }

    #[test]
    fn keys_end_where_java_ends_them() {
        for line in [
            "a=b",
            "a:b",
            "a b",
            " a = b",
            "a\t:  b",
            "\\u0061=b",
            "a=\\\n   b",
        ] {
            assert_eq!(pairs(line), [("a".to_owned(), "b".to_owned())], "{line}");
        }
        assert_eq!(
            pairs("a\\ b\\=c=d e "),
            [("a b=c".to_owned(), "d e ".to_owned())]
        );
        assert_eq!(pairs("a"), [("a".to_owned(), String::new())]);
    }

    #[test]
    fn comments_and_continuations_are_told_apart() {
        let text =
            "# a=1\n! b=2\n\nlisteners=A://:1,\\\n          B://:2\nlog.dirs=C:\\\\data\\\\\nx=1\n";
        assert_eq!(
            pairs(text),
            [
                ("listeners".to_owned(), "A://:1,B://:2".to_owned()),
                ("log.dirs".to_owned(), "C:\\data\\".to_owned()),
                ("x".to_owned(), "1".to_owned()),
            ]
        );
        assert_eq!(parse(text)[1].line, 6);
    }
}
