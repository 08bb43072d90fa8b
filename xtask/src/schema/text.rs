//! The text form of a schema; its grammar is in `wire/schema/README.md`.

use std::fmt::Write;

use anyhow::{Context, Result, bail, ensure};

use super::message::{Field, Message, Shared};
use super::versions::Versions;

/// Writes messages, separated by empty lines.
pub(super) fn print(messages: &[Message]) -> String {
    let texts: Vec<String> = messages.iter().map(print_message).collect();
    texts.join("\n")
}

fn print_message(message: &Message) -> String {
    let mut line = format!("{} {}", message.kind, message.name);
    if let Some(key) = message.key {
        push(&mut line, &format!("key={key}"));
    }
    push(&mut line, &format!("versions={}", message.versions));
    push(&mut line, &format!("flexible={}", message.flexible));
    if !message.listeners.is_empty() {
        push(
            &mut line,
            &format!("listeners={}", message.listeners.join(",")),
        );
    }
    if message.newest_unstable {
        push(&mut line, "newest-unstable");
    }
    line.push('\n');
    print_fields(&mut line, &message.fields, 1);
    for shared in &message.shared {
        writeln!(line, "  struct {} {}", shared.name, shared.versions)
            .expect("a String takes every write");
        print_fields(&mut line, &shared.fields, 2);
    }
    line
}

fn push(line: &mut String, word: &str) {
    line.push(' ');
    line.push_str(word);
}

fn print_fields(out: &mut String, fields: &[Field], depth: usize) {
    for field in fields {
        out.push_str(&"  ".repeat(depth));
        out.push_str(&field.name);
        push(out, &field.ty.to_string());
        push(out, &field.versions.to_string());
        if !field.nullable.is_none() {
            push(out, &format!("null={}", field.nullable));
        }
        if let Some(tag) = field.tag {
            push(out, &format!("tag={tag}"));
        }
        if let Some(default) = &field.default {
            push(out, &format!("default={default}"));
        }
        for (set, word) in [
            (field.map_key, "map-key"),
            (field.ignorable, "ignorable"),
            (field.never_flexible, "never-flexible"),
        ] {
            if set {
                push(out, word);
            }
        }
        out.push('\n');
        print_fields(out, &field.fields, depth + 1);
    }
}

/// A line with what it holds, before its place in the tree is known.
struct Line<'t> {
    depth: usize,
    words: Vec<&'t str>,
}

/// Reads the messages of one file.
pub(super) fn parse(text: &str) -> Result<Vec<Message>> {
    let mut lines = Vec::new();
    for (index, raw) in text.lines().enumerate() {
        let words: Vec<&str> = raw.split_whitespace().collect();
        if words.is_empty() || words[0].starts_with('#') {
            continue;
        }
        let spaces = raw.len() - raw.trim_start().len();
        ensure!(spaces % 2 == 0, "line {}: odd indentation", index + 1);
        let depth = spaces / 2;
        lines.push(Line { depth, words });
    }
    let mut rest = lines.as_slice();
    let mut messages = Vec::new();
    while let Some((head, tail)) = rest.split_first() {
        ensure!(head.depth == 0, "a message starts at the margin");
        rest = tail;
        let mut message = parse_head(&head.words)?;
        (message.fields, rest) = parse_fields(rest, 1)?;
        while let Some((line, tail)) = rest.split_first().filter(|(line, _)| line.depth == 1) {
            let ["struct", name, versions] = line.words[..] else {
                bail!("`{}` is not a struct", line.words.join(" "));
            };
            let (fields, after) = parse_fields(tail, 2)?;
            message.shared.push(Shared {
                name: name.to_owned(),
                versions: versions.parse()?,
                fields,
            });
            rest = after;
        }
        messages.push(message);
    }
    Ok(messages)
}

fn parse_head(words: &[&str]) -> Result<Message> {
    let [kind, name, attributes @ ..] = words else {
        bail!("a message line has a kind and a name");
    };
    let mut message = Message {
        kind: kind.parse()?,
        name: (*name).to_owned(),
        key: None,
        versions: Versions::NONE,
        flexible: Versions::NONE,
        listeners: Vec::new(),
        newest_unstable: false,
        fields: Vec::new(),
        shared: Vec::new(),
    };
    for attribute in attributes {
        match attribute.split_once('=') {
            Some(("key", key)) => message.key = Some(key.parse()?),
            Some(("versions", range)) => message.versions = range.parse()?,
            Some(("flexible", range)) => message.flexible = range.parse()?,
            Some(("listeners", names)) => {
                message.listeners = names.split(',').map(str::to_owned).collect();
            }
            None if *attribute == "newest-unstable" => message.newest_unstable = true,
            Some(_) | None => bail!("{name}: `{attribute}` is not known"),
        }
    }
    Ok(message)
}

/// Reads fields at `depth` until a line is shallower or is a `struct`.
fn parse_fields<'l, 't>(
    mut rest: &'l [Line<'t>],
    depth: usize,
) -> Result<(Vec<Field>, &'l [Line<'t>])> {
    let mut fields: Vec<Field> = Vec::new();
    while let Some((line, tail)) = rest.split_first() {
        if line.depth < depth || line.words[0] == "struct" {
            break;
        }
        if line.depth > depth {
            let parent = fields.last_mut().context("the first field is too deep")?;
            (parent.fields, rest) = parse_fields(rest, depth + 1)?;
            continue;
        }
        fields.push(parse_field(&line.words)?);
        rest = tail;
    }
    Ok((fields, rest))
}

fn parse_field(words: &[&str]) -> Result<Field> {
    let [name, ty, versions, attributes @ ..] = words else {
        bail!("`{}` is not a field", words.join(" "));
    };
    let mut field = Field {
        name: (*name).to_owned(),
        ty: ty.parse()?,
        versions: versions.parse()?,
        nullable: Versions::NONE,
        tag: None,
        default: None,
        map_key: false,
        ignorable: false,
        never_flexible: false,
        fields: Vec::new(),
    };
    for attribute in attributes {
        match attribute.split_once('=') {
            Some(("null", range)) => field.nullable = range.parse()?,
            Some(("tag", tag)) => field.tag = Some(tag.parse()?),
            Some(("default", value)) => field.default = Some(value.to_owned()),
            None if *attribute == "map-key" => field.map_key = true,
            None if *attribute == "ignorable" => field.ignorable = true,
            None if *attribute == "never-flexible" => field.never_flexible = true,
            Some(_) | None => bail!("{name}: `{attribute}` is not known"),
        }
    }
    Ok(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "\
request SampleRequest key=7 versions=1-3 flexible=2+ listeners=broker,controller newest-unstable
  Name string 0+ null=2+ default=null
  Topics []Topic 1+
    Id uuid 3+ tag=0 map-key ignorable
    Parts []Part 0+
  Other []Part 0+
  struct Part 0+
    Index int32 0+ default=-1

response SampleResponse key=7 versions=1-3 flexible=2+
  Code int16 0+
";

    #[test]
    fn text_reads_back_as_it_was_written() {
        let messages = parse(SAMPLE).unwrap();
        assert_eq!(messages.len(), 2);
        assert_eq!(
            messages[0].shared[0].fields[0].default.as_deref(),
            Some("-1")
        );
        assert_eq!(messages[0].fields[1].fields.len(), 2);
        assert_eq!(print(&messages), SAMPLE);
    }

    #[test]
    fn a_line_out_of_place_is_an_error() {
        assert!(parse("request A versions=0 flexible=none\n    Deep int8 0\n").is_err());
        assert!(parse("  Name string 0+\n").is_err());
        assert!(parse("request A versions=0 flexible=none colour=red\n").is_err());
        assert!(parse("request A versions=0 flexible=none\n  Name text 0\n").is_err());
    }
}
