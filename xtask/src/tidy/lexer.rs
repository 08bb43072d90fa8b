//! Just enough of Rust's lexical structure to tell code from comments and strings.

use std::ops::Range;

/// A source text split in two, both as long as the original, with the same line breaks.
#[derive(Debug, Default)]
pub(super) struct Lexed {
    /// Comments are blank, the inside of strings and characters is `x`.
    pub(super) code: String,
    /// Only comments; all else is blank.
    pub(super) comments: String,
}

/// Splits `text`. Unfinished tokens run to the end.
pub(super) fn lex(text: &str) -> Lexed {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Lexed::default();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let end = match (c, chars.get(at + 1)) {
            ('/', Some('/')) => line_comment_end(&chars, at),
            ('/', Some('*')) => block_comment_end(&chars, at),
            _ => {
                at = push_code(&chars, at, &mut out);
                continue;
            }
        };
        for &c in &chars[at..end] {
            out.comments.push(c);
            out.code.push(if c == '\n' { '\n' } else { ' ' });
        }
        at = end;
    }
    out
}

/// Copies one token of code (a string, a character or one character of anything else).
fn push_code(chars: &[char], at: usize, out: &mut Lexed) -> usize {
    let literal = match chars[at] {
        '"' => Some((at + 1, string_end(chars, at + 1))),
        'r' if !follows_identifier(chars, at) => raw_string(chars, at + 1),
        '\'' => character_end(chars, at).map(|end| (at + 1, end)),
        _ => None,
    };
    let (inside, end) = literal.unwrap_or((at + 1, at + 1));
    for (index, &c) in chars.iter().enumerate().take(end).skip(at) {
        let quoted = index >= inside && index + 1 < end;
        out.code.push(if quoted && c != '\n' { 'x' } else { c });
        out.comments.push(if c == '\n' { '\n' } else { ' ' });
    }
    end
}

fn follows_identifier(chars: &[char], at: usize) -> bool {
    at > 0 && (chars[at - 1].is_alphanumeric() && chars[at - 1] != 'b' || chars[at - 1] == '_')
}

fn line_comment_end(chars: &[char], at: usize) -> usize {
    chars[at..]
        .iter()
        .position(|&c| c == '\n')
        .map_or(chars.len(), |length| at + length)
}

/// Block comments nest.
fn block_comment_end(chars: &[char], at: usize) -> usize {
    let mut depth = 0_usize;
    let mut index = at;
    while index + 1 < chars.len() {
        match (chars[index], chars[index + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                index += 1;
                continue;
            }
        }
        index += 2;
        if depth == 0 {
            return index;
        }
    }
    chars.len()
}

fn string_end(chars: &[char], mut at: usize) -> usize {
    while let Some(&c) = chars.get(at) {
        match c {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// `at` is behind the `r`; none when no raw string starts here.
fn raw_string(chars: &[char], at: usize) -> Option<(usize, usize)> {
    let hashes = chars[at..].iter().take_while(|&&c| c == '#').count();
    let inside = at + hashes + 1;
    if chars.get(at + hashes) != Some(&'"') {
        return None;
    }
    let mut index = inside;
    while index < chars.len() {
        let closing = chars[index] == '"'
            && chars[index + 1..].iter().take_while(|&&c| c == '#').count() >= hashes;
        if closing {
            return Some((inside, index + 1 + hashes));
        }
        index += 1;
    }
    Some((inside, chars.len()))
}

/// None for a lifetime.
fn character_end(chars: &[char], at: usize) -> Option<usize> {
    if chars.get(at + 1) == Some(&'\\') {
        let closing = chars.get(at + 3..)?.iter().position(|&c| c == '\'')?;
        return Some(at + 3 + closing + 1);
    }
    (chars.get(at + 2) == Some(&'\'')).then_some(at + 3)
}

/// A function: its name, the line of its `fn` (from 0) and the lines of its body that hold code.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) code_lines: usize,
}

/// All functions with a body, nested ones included, of lexed `code`.
pub(super) fn functions(code: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices("fn ") {
        let before = code[..start].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[start + 3..];
        let name: String = rest
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        let Some(body) = body(rest) else { continue };
        if name.is_empty() {
            continue;
        }
        let code_lines = body.lines().filter(|line| !line.trim().is_empty()).count();
        found.push(Function {
            name,
            line: code[..start].matches('\n').count(),
            code_lines,
        });
    }
    found
}

/// What stands between the braces; none when a `;` ends the signature.
fn body(signature: &str) -> Option<&str> {
    let mut brackets = 0_i32;
    let open = signature.char_indices().find_map(|(at, c)| {
        match c {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets -= 1,
            _ => {}
        }
        (brackets == 0 && matches!(c, '{' | ';')).then_some((at, c))
    })?;
    if open.1 == ';' {
        return None;
    }
    braced(&signature[open.0..])
}

/// The inside of the braces that `text` starts with.
pub(super) fn braced(text: &str) -> Option<&str> {
    let mut depth = 0_i32;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return text.get(1..at);
        }
    }
    None
}

/// `code` with every item under `#[cfg(test)]` blanked.
pub(super) fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    for range in test_items(code) {
        // One blank per byte keeps the later ranges valid.
        let blank: String = code[range.clone()]
            .bytes()
            .map(|c| if c == b'\n' { '\n' } else { ' ' })
            .collect();
        out.replace_range(range, &blank);
    }
    out
}

/// Where the items under `#[cfg(test)]` are.
pub(super) fn test_items(code: &str) -> Vec<Range<usize>> {
    let mut items: Vec<Range<usize>> = Vec::new();
    for (start, _) in code.match_indices("#[cfg(test)]") {
        if items.last().is_none_or(|last| start >= last.end) {
            items.push(start..item_end(code, start));
        }
    }
    items
}

fn item_end(code: &str, start: usize) -> usize {
    let item = &code[start..];
    let Some(at) = item.find(['{', ';']) else {
        return code.len();
    };
    let length = match braced(&item[at..]) {
        Some(inside) if item[at..].starts_with('{') => at + inside.len() + 2,
        Some(_) | None => at + 1,
    };
    start + length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_not_code() {
        let lexed = lex("let a = \"// { \\\" }\"; // } done\n/* { /* } */ */ let b = '{';");
        assert!(!lexed.code.contains(['{', '}']), "{}", lexed.code);
        assert_eq!(
            lexed.comments.trim_start().lines().next(),
            Some("// } done")
        );
        assert!(lexed.code.contains("let b = 'x';"));
    }

    #[test]
    fn raw_strings_end_at_their_own_hashes() {
        let lexed = lex("let a = r#\"say \"{\" \\\"#; let bar = 1;");
        assert!(lexed.code.ends_with("#; let bar = 1;"), "{}", lexed.code);
        assert!(!lexed.code.contains('{'));
    }

    #[test]
    fn a_lifetime_is_not_a_character() {
        assert_eq!(
            lex("fn f<'a>(x: &'a str) {}").code,
            "fn f<'a>(x: &'a str) {}"
        );
    }

    #[test]
    fn functions_have_their_code_lines_counted() {
        let text = "fn one() {\n    // why\n\n    let a = 1;\n    a;\n}\ntrait T { fn two(); }\n";
        let found = functions(&lex(text).code);
        assert_eq!(
            found,
            [Function {
                name: "one".into(),
                line: 0,
                code_lines: 2
            }]
        );
    }

    #[test]
    fn an_array_type_does_not_end_a_signature() {
        let found = functions("fn f(x: [u8; 4]) -> [u8; 4] {\n    x\n}\n");
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn items_of_tests_do_not_count() {
        let code = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n";
        let names: Vec<String> = functions(&without_tests(code))
            .into_iter()
            .map(|f| f.name)
            .collect();
        assert_eq!(names, ["a", "c"]);
    }
}
