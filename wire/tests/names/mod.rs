//! Compares two messages of different types by the names and values of their fields, as `Debug` prints them.

use std::collections::BTreeMap;

use thalweg_model::Uuid;

/// Fields of the other codec only: its store of unknown tags, and one of a version that was removed.
const NOT_OURS: [&str; 2] = ["unknowntaggedfields", "partitionmaxbytes"];

/// A printed value.
#[derive(Debug, PartialEq)]
enum Printed {
    Struct(BTreeMap<String, Printed>),
    List(Vec<Printed>),
    Leaf(String),
}

/// Fails unless every field of `theirs` is in `ours` by the same name with the same value.
pub(crate) fn assert_same(case: &str, ours: &str, theirs: &str) {
    let (ours, theirs) = (parse(ours), parse(theirs));
    compare(case, &ours, &theirs);
}

fn compare(place: &str, ours: &Printed, theirs: &Printed) {
    match (ours, theirs) {
        (Printed::Struct(ours), Printed::Struct(theirs)) => {
            for (name, theirs) in theirs {
                match ours.get(name) {
                    Some(ours) => compare(&format!("{place}.{name}"), ours, theirs),
                    None => assert!(NOT_OURS.contains(&name.as_str()), "{place}: no {name}"),
                }
            }
        }
        (Printed::List(ours), Printed::List(theirs)) => {
            assert_eq!(ours.len(), theirs.len(), "{place}");
            for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                compare(&format!("{place}[{index}]"), ours, theirs);
            }
        }
        (ours, theirs) => assert_eq!(ours, theirs, "{place}"),
    }
}

fn parse(text: &str) -> Printed {
    let mut parser = Parser { rest: text };
    let printed = parser.value();
    assert_eq!(parser.rest, "", "all of it is read");
    printed
}

struct Parser<'t> {
    rest: &'t str,
}

impl<'t> Parser<'t> {
    fn value(&mut self) -> Printed {
        if self.take("[") {
            return Printed::List(self.items("]"));
        }
        if self.rest.starts_with('"') || self.rest.starts_with("b\"") {
            return Printed::Leaf(self.quoted().to_owned());
        }
        let word = self.until(|c| matches!(c, ' ' | ',' | '(' | ')' | ']' | '}' | '{'));
        if self.take("(") {
            let mut items = self.items(")");
            let inner = items.pop().expect("one value in brackets");
            // `Some` and newtypes alike: what they hold is what counts.
            return inner;
        }
        if self.take(" {") {
            return Printed::Struct(self.fields());
        }
        if word.is_empty() && self.take("{") {
            return Printed::Struct(self.fields());
        }
        Printed::Leaf(hyphenated(word).map_or_else(|| word.to_owned(), |id| id.to_string()))
    }

    fn take(&mut self, start: &str) -> bool {
        let rest = self.rest.strip_prefix(start);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn until(&mut self, end: impl Fn(char) -> bool) -> &'t str {
        let at = self.rest.find(end).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(at);
        self.rest = rest;
        taken
    }

    fn quoted(&mut self) -> &'t str {
        let start = self.rest.find('"').expect("a quote") + 1;
        let mut escaped = false;
        let length = self.rest[start..].find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let (taken, rest) = self
            .rest
            .split_at(start + length.expect("a closing quote") + 1);
        self.rest = rest;
        taken
    }

    fn items(&mut self, end: &str) -> Vec<Printed> {
        let mut items = Vec::new();
        while !self.take(end) {
            items.push(self.value());
            self.take(", ");
        }
        items
    }

    fn fields(&mut self) -> BTreeMap<String, Printed> {
        let mut fields = BTreeMap::new();
        while !(self.take(" }") || self.take("}")) {
            let _ = self.take(", ") || self.take(" ");
            // Where a word ends is a matter of taste.
            let name = self.until(|c| c == ':').replace('_', "");
            assert!(self.take(": "), "a field has a value: {}", self.rest);
            fields.insert(name, self.value());
        }
        fields
    }
}

/// An id as the other codec prints it.
fn hyphenated(word: &str) -> Option<Uuid> {
    let lengths: Vec<usize> = word.split('-').map(str::len).collect();
    if lengths != [8, 4, 4, 4, 12] {
        return None;
    }
    let digits = word.replace('-', "");
    let number = u128::from_str_radix(&digits, 16).ok()?;
    Some(Uuid::from_bytes(number.to_be_bytes()))
}
