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

/// A `\u` without four hexadecimal digits: Java refuses the whole text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line} has a \\u without four hexadecimal digits; a backslash itself is written \\\\"
)]
pub struct MalformedEscape {
    /// Where the entry begins that has it, counted from 1.
    pub line: usize,
}

/// Reads entries in their order; of equal keys the last counts, which is the caller's affair.
///
/// `#` and `!` begin comments, a backslash at the end of a line continues it, `=`, `:` or blanks end a key.
///
/// # Errors
/// An escape that says nothing.
pub fn parse(text: &str) -> Result<Vec<Entry>, MalformedEscape> {
    let mut entries = Vec::new();
    let mut lines = (1..).zip(natural_lines(text));
    while let Some((line, first)) = lines.next() {
        let mut logical = String::new();
        let mut part = first.trim_start_matches(BLANK);
        // As long as nothing was said, a line that goes on may still go on with a comment, or with nothing.
        while !logical.is_empty() || !(part.is_empty() || part.starts_with(['#', '!'])) {
            logical.push_str(part);
            if !is_continued(&logical) {
                break;
            }
            logical.pop();
            let Some((_, next)) = lines.next() else { break };
            part = next.trim_start_matches(BLANK);
        }
        if logical.is_empty() {
            continue;
        }
        let (key, value) = split(&logical);
        let (key, value) = unescape(key)
            .zip(unescape(value))
            .ok_or(MalformedEscape { line })?;
        entries.push(Entry { line, key, value });
    }
    Ok(entries)
}

/// Lines as Java ends them: by a line feed, a carriage return, or both.
fn natural_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let all = rest?;
        let Some((line, after)) = all.split_once(['\n', '\r']) else {
            rest = None;
            return Some(all);
        };
        let is_return = all.as_bytes()[line.len()] == b'\r';
        let after_both = after.strip_prefix('\n').filter(|_| is_return);
        rest = Some(after_both.unwrap_or(after));
        Some(line)
    })
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

/// An escaped number is a UTF-16 unit: two of them may be one letter. None if it is no number.
fn unescape(text: &str) -> Option<String> {
    let mut units = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    let mut letter = [0; 2];
    while let Some(c) = chars.next() {
        if c != '\\' {
            units.extend_from_slice(c.encode_utf16(&mut letter));
            continue;
        }
        let plain = match chars.next() {
            Some('t') => '\t',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('f') => '\u{c}',
            Some('u') => {
                let digits: String = chars.by_ref().take(4).collect();
                units.push(unit(&digits)?);
                continue;
            }
            Some(other) => other,
            None => break,
        };
        units.extend_from_slice(plain.encode_utf16(&mut letter));
    }
    Some(String::from_utf16_lossy(&units))
}

fn unit(digits: &str) -> Option<u16> {
    let is_number = digits.len() == 4 && digits.chars().all(|digit| digit.is_ascii_hexdigit());
    let unit = u16::from_str_radix(digits, 16).ok();
    unit.filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let entries = parse(text).unwrap().into_iter();
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
    fn lines_end_where_java_ends_them() {
        let found = [
            ("a".to_owned(), "1".to_owned()),
            ("b".to_owned(), "2".to_owned()),
        ];
        for text in [
            "a=1\nb=2",
            "a=1\rb=2\r",
            "a=1\r\n\r\nb=2\r\n",
            "a=\\\r\n1\rb=2",
        ] {
            assert_eq!(pairs(text), found, "{text:?}");
        }
        let after_a_return = parse("\r\n\ra=1").unwrap();
        assert_eq!(after_a_return[0].line, 3);
    }

    #[test]
    fn a_line_of_a_backslash_alone_says_nothing() {
        assert_eq!(pairs("\\\n\n"), []);
        assert_eq!(pairs("\\\n# a=1\n"), []);
        assert_eq!(pairs("\\\n  a=1\n"), [("a".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn two_units_are_one_letter() {
        assert_eq!(
            pairs("a=\\ud83c\\udf0a \\ud83c"),
            [("a".to_owned(), "\u{1f30a} \u{fffd}".to_owned())]
        );
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
        assert_eq!(parse(text).unwrap()[1].line, 6);
    }

    #[test]
    fn an_escape_without_four_digits_is_refused_as_by_java() {
        for text in ["a=\\u12", "a=\\u12g4", "\\u=1", "a=\\u+123", "a=\\u"] {
            let found = parse(&format!("x=1\n{text}\ny=2\n"));
            assert_eq!(found, Err(MalformedEscape { line: 2 }), "{text}");
        }
        assert_eq!(pairs("a=\\\\u12"), [("a".to_owned(), "\\u12".to_owned())]);
    }
}
