//! Reads `wire/schema` for the tests, apart from the generator, so that a mistake of one shows against the other.

pub(crate) mod sample;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Versions, both ends included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    pub(crate) first: i16,
    pub(crate) last: i16,
}

impl Range {
    const NONE: Self = Self { first: 0, last: -1 };

    fn parse(text: &str) -> Self {
        let number = |digits: &str| -> i16 { digits.parse().expect(text) };
        if text == "none" {
            Self::NONE
        } else if let Some(first) = text.strip_suffix('+') {
            Self {
                first: number(first),
                last: i16::MAX,
            }
        } else {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            Self {
                first: number(first),
                last: number(last),
            }
        }
    }

    pub(crate) fn has(self, version: i16) -> bool {
        self.first <= version && version <= self.last
    }
}

/// A message, a shared struct or a field: a line and the lines below it.
#[derive(Debug)]
pub(crate) struct Line {
    words: Vec<String>,
    pub(crate) below: Vec<Line>,
}

impl Line {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.words
            .iter()
            .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }

    fn range(&self, name: &str) -> Range {
        self.attribute(name).map_or(Range::NONE, Range::parse)
    }

    pub(crate) fn message_name(&self) -> &str {
        &self.words[1]
    }

    pub(crate) fn message_versions(&self) -> Range {
        self.range("versions")
    }

    fn ty(&self) -> &str {
        &self.words[1]
    }

    fn versions(&self) -> Range {
        Range::parse(&self.words[2])
    }

    fn tag(&self) -> Option<u32> {
        Some(self.attribute("tag")?.parse().expect("a tag"))
    }

    fn is_struct(&self) -> bool {
        self.words[0] == "struct"
    }
}

/// Every message of the folder by its name.
pub(crate) fn load() -> BTreeMap<String, Line> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    let mut messages = BTreeMap::new();
    for part in ["api", "record", "data"] {
        for entry in fs::read_dir(folder.join(part)).expect("the schema folder") {
            let text = fs::read_to_string(entry.expect("an entry").path()).expect("a file");
            for message in parse(&text) {
                messages.insert(message.message_name().to_owned(), message);
            }
        }
    }
    messages
}

fn parse(text: &str) -> Vec<Line> {
    let mut root = Line {
        words: Vec::new(),
        below: Vec::new(),
    };
    for raw in text.lines().filter(|line| !line.trim().is_empty()) {
        let depth = (raw.len() - raw.trim_start().len()) / 2;
        let mut parent = &mut root;
        for _ in 0..depth {
            parent = parent.below.last_mut().expect("a line above");
        }
        parent.below.push(Line {
            words: raw.split_whitespace().map(str::to_owned).collect(),
            below: Vec::new(),
        });
    }
    root.below
}
