//! What a message schema states: names, types, versions, defaults.

use std::fmt;
use std::str::FromStr;

use anyhow::{Error, bail};

use super::versions::Versions;

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    Response,
    Header,
    Data,
    CoordinatorKey,
    CoordinatorValue,
}

/// A whole message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) kind: Kind,
    pub(super) name: String,
    /// API key of a request or response, record type of a coordinator record.
    pub(super) key: Option<i16>,
    pub(super) versions: Versions,
    pub(super) flexible: Versions,
    pub(super) listeners: Vec<String>,
    /// The newest version is not to be advertised yet.
    pub(super) newest_unstable: bool,
    pub(super) fields: Vec<Field>,
    /// Structs that several fields use.
    pub(super) shared: Vec<Shared>,
}

/// A struct that several fields of one message use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shared {
    pub(super) name: String,
    pub(super) versions: Versions,
    pub(super) fields: Vec<Field>,
}

/// One field of a message or struct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) ty: Type,
    pub(super) versions: Versions,
    pub(super) nullable: Versions,
    /// The tag; a tagged field is tagged in all its versions.
    pub(super) tag: Option<u32>,
    pub(super) default: Option<String>,
    /// Part of the key of the map the array stands for.
    pub(super) map_key: bool,
    /// May be left out silently where the version lacks it.
    pub(super) ignorable: bool,
    /// Encoded as in an inflexible version although the message is flexible.
    pub(super) never_flexible: bool,
    /// Fields of a struct that is declared in place.
    pub(super) fields: Vec<Self>,
}

/// The type of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
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
    Array(Box<Self>),
}

impl Type {
    /// The struct's name, of a struct or an array of it.
    pub(super) fn struct_name(&self) -> Option<&str> {
        if let Self::Struct(name) = self.innermost() {
            Some(name)
        } else {
            None
        }
    }

    /// The type itself, or what its arrays hold.
    pub(super) fn innermost(&self) -> &Self {
        let mut ty = self;
        while let Self::Array(element) = ty {
            ty = element;
        }
        ty
    }

    /// How null is written, if the type can be null.
    pub(super) fn null_form(&self) -> Option<NullForm> {
        match self {
            Self::String => Some(NullForm::String),
            Self::Bytes | Self::Records => Some(NullForm::Bytes),
            Self::Struct(_) => Some(NullForm::Struct),
            Self::Array(_) => Some(NullForm::Array),
            Self::Bool
            | Self::Int8
            | Self::Int16
            | Self::Uint16
            | Self::Int32
            | Self::Uint32
            | Self::Int64
            | Self::Float64
            | Self::Uuid => None,
        }
    }
}

/// The families of types that have a null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NullForm {
    String,
    Bytes,
    Struct,
    Array,
}

const PRIMITIVES: [(&str, Type); 12] = [
    ("bool", Type::Bool),
    ("int8", Type::Int8),
    ("int16", Type::Int16),
    ("uint16", Type::Uint16),
    ("int32", Type::Int32),
    ("uint32", Type::Uint32),
    ("int64", Type::Int64),
    ("float64", Type::Float64),
    ("uuid", Type::Uuid),
    ("string", Type::String),
    ("bytes", Type::Bytes),
    ("records", Type::Records),
];

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Array(element) = self {
            return write!(f, "[]{element}");
        }
        if let Self::Struct(name) = self {
            return write!(f, "{name}");
        }
        let entry = PRIMITIVES.iter().find(|(_, ty)| ty == self);
        let (name, _) = entry.expect("every other type is in the table");
        write!(f, "{name}")
    }
}

impl FromStr for Type {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some(element) = text.strip_prefix("[]") {
            return Ok(Self::Array(Box::new(element.parse()?)));
        }
        if let Some((_, ty)) = PRIMITIVES.iter().find(|(name, _)| *name == text) {
            return Ok(ty.clone());
        }
        if !text.starts_with(|first: char| first.is_ascii_uppercase()) {
            bail!("`{text}` is not a type");
        }
        Ok(Self::Struct(text.to_owned()))
    }
}

const KINDS: [(&str, Kind); 6] = [
    ("request", Kind::Request),
    ("response", Kind::Response),
    ("header", Kind::Header),
    ("data", Kind::Data),
    ("coordinator-key", Kind::CoordinatorKey),
    ("coordinator-value", Kind::CoordinatorValue),
];

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = KINDS.iter().find(|(_, kind)| kind == self);
        let (name, _) = entry.expect("every kind is in the table");
        write!(f, "{name}")
    }
}

impl FromStr for Kind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match KINDS.iter().find(|(name, _)| *name == text) {
            Some((_, kind)) => Ok(*kind),
            None => bail!("`{text}` is not a kind of message"),
        }
    }
}
