//! Reads `wire/schema/api`: what the messages look like, as data and not as types.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

/// Versions from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Versions {
    pub(crate) low: i16,
    pub(crate) high: i16,
}

impl Versions {
    const NONE: Self = Self { low: 0, high: -1 };

    fn parse(text: &str) -> Result<Self> {
        if text == "none" {
            return Ok(Self::NONE);
        }
        if let Some(low) = text.strip_suffix('+') {
            let low = low.parse()?;
            return Ok(Self {
                low,
                high: i16::MAX,
            });
        }
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        Ok(Self {
            low: low.parse()?,
            high: high.parse()?,
        })
    }

    /// Whether `version` is one of them.
    pub(crate) fn has(self, version: i16) -> bool {
        (self.low..=self.high).contains(&version)
    }
}

/// What a field holds, or each element of its array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Int8,
    Int16,
    Uint16,
    Int32,
    Uint32,
    Int64,
    Float64,
    Uuid,
    String,
    Bytes,
    Records,
    Struct(String),
}

/// A field of a message or of one of its structs.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) array: bool,
    pub(crate) versions: Versions,
    pub(crate) null: Versions,
    pub(crate) tag: Option<u32>,
    pub(crate) default: Option<String>,
}

/// A request or a response.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) key: i16,
    pub(crate) versions: Versions,
    pub(crate) flexible: Versions,
    /// The newest version is announced only where unstable versions are asked for.
    pub(crate) newest_unstable: bool,
    pub(crate) fields: Vec<Field>,
    structs: BTreeMap<String, Vec<Field>>,
}

impl Message {
    /// The fields of a struct.
    pub(crate) fn structure(&self, name: &str) -> Result<&[Field]> {
        let fields = self.structs.get(name);
        fields.map(Vec::as_slice).with_context(|| name.to_owned())
    }
}

/// Both directions of an API.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    pub(crate) request: Message,
    pub(crate) response: Message,
}

/// Every API by its name.
#[derive(Debug)]
pub(crate) struct Schema(BTreeMap<String, Api>);

impl Schema {
    /// Reads all files of a folder.
    pub(crate) fn load(folder: &Path) -> Result<Self> {
        let mut apis = BTreeMap::new();
        for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            let text = fs::read_to_string(&path)?;
            let (name, api) = parse_api(&text).with_context(|| path.display().to_string())?;
            apis.insert(name, api);
        }
        Ok(Self(apis))
    }

    /// The API of that name.
    pub(crate) fn api(&self, name: &str) -> Result<&Api> {
        self.0.get(name).with_context(|| format!("no API {name}"))
    }
}

/// A line with its depth.
struct Line<'a> {
    depth: usize,
    words: Vec<&'a str>,
}

fn parse_api(text: &str) -> Result<(String, Api)> {
    let lines: Vec<Line<'_>> = text
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|line| Line {
            depth: (line.len() - line.trim_start().len()) / 2,
            words: line.split_whitespace().collect(),
        })
        .collect();
    let second = lines
        .iter()
        .skip(1)
        .position(|line| line.depth == 0)
        .context("no response")?;
    let (request, response) = lines.split_at(second + 1);
    let head = request.first().context("an empty file")?;
    let name = head
        .words
        .get(1)
        .and_then(|name| name.strip_suffix("Request"));
    Ok((
        name.context("no request")?.to_owned(),
        Api {
            request: parse_message(request)?,
            response: parse_message(response)?,
        },
    ))
}

fn parse_message(lines: &[Line<'_>]) -> Result<Message> {
    let (head, body) = lines.split_first().context("an empty message")?;
    let attribute = |name: &str| {
        let found = head.words.iter().find_map(|word| word.strip_prefix(name));
        found.with_context(|| format!("no {name} in {:?}", head.words))
    };
    let mut message = Message {
        key: attribute("key=")?.parse()?,
        versions: Versions::parse(attribute("versions=")?)?,
        flexible: Versions::parse(attribute("flexible=")?)?,
        newest_unstable: head.words.contains(&"newest-unstable"),
        fields: Vec::new(),
        structs: BTreeMap::new(),
    };
    let mut rest = body;
    let mut structs = BTreeMap::new();
    while let Some(first) = rest.first() {
        ensure!(first.depth == 1, "depth of {:?}", first.words);
        if first.words.first() == Some(&"struct") {
            let name = first.words.get(1).context("a struct without a name")?;
            let (fields, after) = parse_fields(&rest[1..], 2, &mut structs)?;
            structs.insert((*name).to_owned(), fields);
            rest = after;
        } else {
            let (fields, after) = parse_fields(rest, 1, &mut structs)?;
            message.fields.extend(fields);
            rest = after;
        }
    }
    message.structs = structs;
    Ok(message)
}

/// The fields at `depth`, up to a line that is less deep or begins a struct.
fn parse_fields<'l, 't>(
    lines: &'l [Line<'t>],
    depth: usize,
    structs: &mut BTreeMap<String, Vec<Field>>,
) -> Result<(Vec<Field>, &'l [Line<'t>])> {
    let mut fields = Vec::new();
    let mut rest = lines;
    while let Some((line, after)) = rest.split_first() {
        if line.depth < depth || line.words.first() == Some(&"struct") {
            break;
        }
        let field = parse_field(&line.words)?;
        rest = after;
        if rest.first().is_some_and(|next| next.depth > depth) {
            let (inner, after) = parse_fields(rest, depth + 1, structs)?;
            let Kind::Struct(name) = &field.kind else {
                bail!("fields below {}", field.name);
            };
            structs.insert(name.clone(), inner);
            rest = after;
        }
        fields.push(field);
    }
    Ok((fields, rest))
}

fn parse_field(words: &[&str]) -> Result<Field> {
    let [name, kind, versions, attributes @ ..] = words else {
        bail!("not a field: {words:?}");
    };
    let (array, kind) = match kind.strip_prefix("[]") {
        Some(element) => (true, element),
        None => (false, *kind),
    };
    let mut field = Field {
        name: (*name).to_owned(),
        kind: parse_kind(kind),
        array,
        versions: Versions::parse(versions)?,
        null: Versions::NONE,
        tag: None,
        default: None,
    };
    for attribute in attributes {
        match attribute.split_once('=') {
            Some(("null", range)) => field.null = Versions::parse(range)?,
            Some(("tag", tag)) => field.tag = Some(tag.parse()?),
            Some(("default", value)) => field.default = Some(value.to_owned()),
            Some(_) => bail!("an unknown attribute {attribute}"),
            None => ensure!(
                ["map-key", "ignorable"].contains(attribute),
                "an unknown attribute {attribute}"
            ),
        }
    }
    Ok(field)
}

fn parse_kind(text: &str) -> Kind {
    match text {
        "bool" => Kind::Bool,
        "int8" => Kind::Int8,
        "int16" => Kind::Int16,
        "uint16" => Kind::Uint16,
        "int32" => Kind::Int32,
        "uint32" => Kind::Uint32,
        "int64" => Kind::Int64,
        "float64" => Kind::Float64,
        "uuid" => Kind::Uuid,
        "string" => Kind::String,
        "bytes" => Kind::Bytes,
        "records" => Kind::Records,
        name => Kind::Struct(name.to_owned()),
    }
}
