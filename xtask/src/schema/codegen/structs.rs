//! The structs of a message, flattened, with the versions each can occur in.

use anyhow::{Context, Result};

use crate::schema::message::{Field, Message, Type};
use crate::schema::versions::Versions;

/// One Rust struct to be written.
#[derive(Debug)]
pub(super) struct Struct<'m> {
    pub(super) name: &'m str,
    /// Versions in which it occurs.
    pub(super) versions: Versions,
    fields: &'m [Field],
}

/// All structs of a message, the message itself first.
#[derive(Debug)]
pub(super) struct Structs<'m> {
    pub(super) message: &'m Message,
    pub(super) all: Vec<Struct<'m>>,
}

impl<'m> Structs<'m> {
    pub(super) fn of(message: &'m Message) -> Self {
        let mut structs = Self {
            message,
            all: Vec::new(),
        };
        structs.add(&message.name, message.versions, &message.fields);
        for shared in &message.shared {
            let versions = shared.versions.intersect(message.versions);
            structs.add(&shared.name, versions, &shared.fields);
        }
        structs
    }

    fn add(&mut self, name: &'m str, versions: Versions, fields: &'m [Field]) {
        self.all.push(Struct {
            name,
            versions,
            fields,
        });
        for field in fields {
            let versions = field.versions.intersect(versions);
            let in_place = !field.fields.is_empty() && !versions.is_none();
            if let Some(name) = field.ty.struct_name().filter(|_| in_place) {
                self.add(name, versions, &field.fields);
            }
        }
    }

    /// The fewest bytes an element of the struct takes, over the versions it occurs in.
    pub(super) fn smallest(&self, one: &Struct<'m>) -> Result<usize> {
        let mut smallest = usize::MAX;
        for version in one.versions.iter() {
            smallest = smallest.min(self.size_at(one, version)?);
        }
        Ok(smallest)
    }

    fn size_at(&self, one: &Struct<'m>, version: i16) -> Result<usize> {
        let flexible = self.message.flexible.contains(version);
        let mut size = usize::from(flexible);
        for field in one.fields() {
            if field.tag.is_some() || !field.versions.contains(version) {
                continue;
            }
            size += match &field.ty {
                Type::Bool | Type::Int8 => 1,
                Type::Int16 | Type::Uint16 => 2,
                Type::Int32 | Type::Uint32 => 4,
                Type::Int64 | Type::Float64 => 8,
                Type::Uuid => 16,
                Type::String => 2 - usize::from(flexible),
                Type::Bytes | Type::Records | Type::Array(_) if flexible => 1,
                Type::Bytes | Type::Records | Type::Array(_) => 4,
                Type::Struct(_) if field.nullable.contains(version) => 1,
                Type::Struct(name) => self.size_at(self.find(name)?, version)?,
            };
        }
        Ok(size)
    }

    pub(super) fn find(&self, name: &str) -> Result<&Struct<'m>> {
        let found = self.all.iter().find(|one| one.name == name);
        found.with_context(|| format!("{}: no struct {name}", self.message.name))
    }
}

impl<'m> Struct<'m> {
    /// The fields that occur in some version.
    pub(super) fn fields(&self) -> impl Iterator<Item = &'m Field> {
        let versions = self.versions;
        self.fields
            .iter()
            .filter(move |field| !field.versions.intersect(versions).is_none())
    }

    /// The fields outside the tagged section, in wire order.
    pub(super) fn plain(&self) -> impl Iterator<Item = &'m Field> {
        self.fields().filter(|field| field.tag.is_none())
    }

    /// The fields of the tagged section, by tag.
    pub(super) fn tagged(&self) -> Vec<(u32, &'m Field)> {
        let mut tagged: Vec<_> = self
            .fields()
            .filter_map(|field| Some((field.tag?, field)))
            .collect();
        tagged.sort_by_key(|(tag, _)| *tag);
        tagged
    }

    /// Versions of a field within the struct.
    pub(super) fn versions_of(&self, field: &Field) -> Versions {
        field.versions.intersect(self.versions)
    }

    /// Versions in which a field may be null.
    pub(super) fn null_versions_of(&self, field: &Field) -> Versions {
        field.nullable.intersect(self.versions_of(field))
    }
}
