//! Patterns such as `%k\t%v\n`: how records are printed, and how lines are taken apart.

use thalweg_model::batch::Record;

use super::{Draft, Place};
use crate::time_text::show_time;

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(Vec<u8>),
    Field(Field),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Topic,
    Partition,
    Offset,
    Key,
    Value,
    Headers,
    Timestamp,
    Time,
    KeyBytes,
    ValueBytes,
    HeaderCount,
}

const FIELDS: &[(char, Field)] = &[
    ('t', Field::Topic),
    ('p', Field::Partition),
    ('o', Field::Offset),
    ('k', Field::Key),
    ('v', Field::Value),
    ('h', Field::Headers),
    ('d', Field::Timestamp),
    ('T', Field::Time),
    ('K', Field::KeyBytes),
    ('V', Field::ValueBytes),
    ('H', Field::HeaderCount),
];

fn parse(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut literal = Vec::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '%' => {
                let name = letters.next().ok_or("a '%' ends the pattern; write %%")?;
                if name == '%' {
                    literal.push(b'%');
                    continue;
                }
                let field = FIELDS.iter().find(|(known, _)| *known == name);
                let (_, field) = field.ok_or_else(|| {
                    format!("%{name} is unknown; there are %t %p %o %k %v %h %d %T %K %V %H %%")
                })?;
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                }
                parts.push(Part::Field(*field));
            }
            '\\' => literal.push(escape(&mut letters)?),
            other => literal.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    Ok(parts)
}

fn escape(letters: &mut std::str::Chars<'_>) -> Result<u8, String> {
    match letters.next() {
        Some('n') => Ok(b'\n'),
        Some('t') => Ok(b'\t'),
        Some('r') => Ok(b'\r'),
        Some('0') => Ok(0),
        Some('\\') => Ok(b'\\'),
        Some('x') => {
            let digits: String = letters.take(2).collect();
            let byte = u8::from_str_radix(&digits, 16).ok();
            byte.filter(|_| digits.len() == 2 && !digits.starts_with('+'))
                .ok_or_else(|| format!("\\x{digits} is no byte"))
        }
        other => Err(format!(
            "\\{} is unknown; there are \\n \\t \\r \\0 \\\\ \\xHH",
            other.map_or_else(String::new, String::from)
        )),
    }
}

/// How a record is printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PrintPattern(Vec<Part>);

impl std::str::FromStr for PrintPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text).map(Self)
    }
}

impl PrintPattern {
    /// Appends the printed record to `out`.
    pub(crate) fn print(&self, place: Place<'_>, record: &Record<'_>, out: &mut Vec<u8>) {
        for part in &self.0 {
            match part {
                Part::Literal(bytes) => out.extend_from_slice(bytes),
                Part::Field(field) => print_field(*field, place, record, out),
            }
        }
    }
}

fn print_field(field: Field, place: Place<'_>, record: &Record<'_>, out: &mut Vec<u8>) {
    let length =
        |bytes: Option<&[u8]>| bytes.map_or_else(|| "-1".to_owned(), |b| b.len().to_string());
    let text = match field {
        Field::Key => return out.extend_from_slice(record.key.unwrap_or_default()),
        Field::Value => return out.extend_from_slice(record.value.unwrap_or_default()),
        Field::Headers => return print_headers(record, out),
        Field::Topic => place.topic.to_owned(),
        Field::Partition => place.partition.to_string(),
        Field::Offset => record.offset.to_string(),
        Field::Timestamp => record.timestamp.to_string(),
        Field::Time => show_time(record.timestamp),
        Field::KeyBytes => length(record.key),
        Field::ValueBytes => length(record.value),
        Field::HeaderCount => record.headers.count().to_string(),
    };
    out.extend_from_slice(text.as_bytes());
}

/// `name=value,name=value`.
fn print_headers(record: &Record<'_>, out: &mut Vec<u8>) {
    for (position, header) in record.headers.enumerate() {
        if position > 0 {
            out.push(b',');
        }
        out.extend_from_slice(header.key);
        out.push(b'=');
        out.extend_from_slice(header.value.unwrap_or_default());
    }
}

/// How a line becomes a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LinePattern(Vec<Part>);

impl std::str::FromStr for LinePattern {
    type Err = String;

    /// The pattern of one line; a line end at its end is understood.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.strip_suffix("\\n").unwrap_or(text);
        let parts = parse(text)?;
        let mut seen = Vec::new();
        for part in &parts {
            if let Part::Field(field) = part {
                if !matches!(field, Field::Key | Field::Value | Field::Timestamp) {
                    return Err("lines are taken apart by %k, %v and %d only".to_owned());
                }
                if seen.contains(field) {
                    return Err("a field stands in it twice".to_owned());
                }
                seen.push(*field);
            }
        }
        let touching = parts.windows(2);
        let mut touching = touching.filter(|two| two.iter().all(|p| matches!(p, Part::Field(_))));
        if touching.next().is_some() {
            return Err("fields need something between them".to_owned());
        }
        if seen.is_empty() {
            return Err("it has no field; write %v for the value".to_owned());
        }
        Ok(Self(parts))
    }
}

impl LinePattern {
    /// A key, the separator, a value.
    pub(crate) fn key_then_value(separator: &str) -> Self {
        Self(vec![
            Part::Field(Field::Key),
            Part::Literal(separator.as_bytes().to_vec()),
            Part::Field(Field::Value),
        ])
    }

    /// The whole line is the value.
    pub(crate) fn value() -> Self {
        Self(vec![Part::Field(Field::Value)])
    }

    /// Takes a line apart; none if it does not have the pattern's form. A field ends where the text after it first
    /// appears.
    pub(crate) fn split(&self, line: &[u8]) -> Option<Draft> {
        let mut draft = Draft::default();
        let mut rest = line;
        let mut parts = self.0.iter().peekable();
        while let Some(part) = parts.next() {
            match part {
                Part::Literal(expected) => rest = rest.strip_prefix(expected.as_slice())?,
                Part::Field(field) => {
                    let end = match parts.peek() {
                        Some(Part::Literal(next)) => find(rest, next)?,
                        Some(Part::Field(_)) | None => rest.len(),
                    };
                    let (taken, after) = rest.split_at(end);
                    fill(&mut draft, *field, taken)?;
                    rest = after;
                }
            }
        }
        rest.is_empty().then_some(draft)
    }
}

fn fill(draft: &mut Draft, field: Field, taken: &[u8]) -> Option<()> {
    match field {
        Field::Key => draft.key = Some(taken.to_vec()),
        Field::Value => draft.value = Some(taken.to_vec()),
        Field::Timestamp => draft.timestamp = Some(std::str::from_utf8(taken).ok()?.parse().ok()?),
        Field::Topic
        | Field::Partition
        | Field::Offset
        | Field::Headers
        | Field::Time
        | Field::KeyBytes
        | Field::ValueBytes
        | Field::HeaderCount => return None,
    }
    Some(())
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use thalweg_model::Timestamp;
    use thalweg_model::batch::{BatchBuilder, BatchOptions, NewRecord, Unpacked};

    fn printed(pattern: &str) -> String {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        builder.push(&NewRecord {
            timestamp: Timestamp(1_795_343_405_123),
            key: None,
            value: Some(b"va"),
            headers: &[(b"a", Some(b"1")), (b"b", None)],
        });
        let batch = Unpacked::of_checked(&builder.finish().unwrap()).unwrap();
        let record = batch.records().next().unwrap().unwrap();
        let place = Place {
            topic: "t",
            partition: 3,
        };
        let mut out = Vec::new();
        let pattern: PrintPattern = pattern.parse().unwrap();
        pattern.print(place, &record, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn records_are_printed_by_pattern() {
        assert_eq!(printed(r"%t-%p@%o %k|%v\n"), "t-3@0 |va\n");
        assert_eq!(printed("%K %V %H %h"), "-1 2 2 a=1,b=");
        assert_eq!(printed("%d %T"), "1795343405123 2026-11-22T10:30:05.123Z");
        assert_eq!(printed(r"100%% \x41\t\\"), "100% A\t\\");
    }

    #[test]
    fn wrong_patterns_are_explained() {
        for bad in ["%", "%z", r"\q", r"\x4", "\\"] {
            assert!(bad.parse::<PrintPattern>().is_err(), "{bad}");
        }
        for bad in ["%k%v", "%v %v", "%o %v", "text", ""] {
            assert!(bad.parse::<LinePattern>().is_err(), "{bad}");
        }
    }

    fn split(pattern: &str, line: &str) -> Option<(Option<String>, Option<String>, Option<i64>)> {
        let pattern: LinePattern = pattern.parse().unwrap();
        let draft = pattern.split(line.as_bytes())?;
        let text = |bytes: Option<Vec<u8>>| bytes.map(|bytes| String::from_utf8(bytes).unwrap());
        Some((text(draft.key), text(draft.value), draft.timestamp))
    }

    #[test]
    fn lines_are_taken_apart_at_the_first_separator() {
        let some = |text: &str| Some(text.to_owned());
        let key_value = (some("a"), some("b:c"), None);
        assert_eq!(split("%k:%v", "a:b:c"), Some(key_value.clone()));
        assert_eq!(split(r"%k:%v\n", "a:b:c"), Some(key_value));
        assert_eq!(split("%v", ""), Some((None, some(""), None)));
        assert_eq!(split("<%d> %v", "<5> x"), Some((None, some("x"), Some(5))));
        assert_eq!(split("<%d> %v", "<y> x"), None);
        assert_eq!(split("%k:%v", "abc"), None);
        assert_eq!(split("%v!", "abc!d"), None);
        let built = LinePattern::key_then_value("=>").split(b"k=>v").unwrap();
        assert_eq!(built.key.as_deref(), Some(&b"k"[..]));
    }
}
