//! Rust types and default values of fields.

use anyhow::{Context, Result, bail};

use super::structs::Struct;
use crate::schema::message::{Field, Type};

fn plain(ty: &Type) -> String {
    match ty {
        Type::Bool => "bool".into(),
        Type::Int8 => "i8".into(),
        Type::Int16 => "i16".into(),
        Type::Uint16 => "u16".into(),
        Type::Int32 => "i32".into(),
        Type::Uint32 => "u32".into(),
        Type::Int64 => "i64".into(),
        Type::Float64 => "f64".into(),
        Type::Uuid => "Uuid".into(),
        Type::String => "Str".into(),
        Type::Bytes | Type::Records => "Bytes".into(),
        Type::Struct(name) => name.clone(),
        Type::Array(element) => format!("Vec<{}>", plain(element)),
    }
}

/// The type of a field; null in any version makes it an `Option`.
pub(super) fn of(one: &Struct<'_>, field: &Field) -> String {
    let plain = plain(&field.ty);
    if one.null_versions_of(field).is_none() {
        plain
    } else {
        format!("Option<{plain}>")
    }
}

/// A field's default and how it relates to the type's own.
#[derive(Debug)]
pub(super) struct DefaultValue {
    /// A Rust expression.
    pub(super) value: String,
    /// Whether `Default` of the type gives the same.
    pub(super) is_natural: bool,
    /// An expression over `self.x` that is true for any other value.
    pub(super) differs: String,
}

/// The default of a field: the schema's, else zero, empty, or null records.
pub(super) fn default_of(one: &Struct<'_>, field: &Field, place: &str) -> Result<DefaultValue> {
    let nullable = !one.null_versions_of(field).is_none();
    let stated = field.default.as_deref();
    if nullable && (stated == Some("null") || (stated.is_none() && field.ty == Type::Records)) {
        return Ok(DefaultValue {
            value: "None".into(),
            is_natural: true,
            differs: format!("{place}.is_some()"),
        });
    }
    let mut found = default_of_type(field, stated, place)
        .with_context(|| format!("default of field {}", field.name))?;
    if nullable {
        found.value = format!("Some({})", found.value);
        found.differs = format!("{place} != {}", found.value);
        found.is_natural = false;
    }
    Ok(found)
}

fn default_of_type(field: &Field, stated: Option<&str>, place: &str) -> Result<DefaultValue> {
    let natural = |value: &str, differs: String| DefaultValue {
        value: value.to_owned(),
        is_natural: true,
        differs,
    };
    Ok(match &field.ty {
        Type::Bool => match stated.unwrap_or("false").to_ascii_lowercase().as_str() {
            "false" => natural("false", place.to_owned()),
            "true" => DefaultValue {
                value: "true".into(),
                is_natural: false,
                differs: format!("!{place}"),
            },
            other => bail!("`{other}` is not a truth value"),
        },
        Type::Int8 | Type::Int16 | Type::Uint16 | Type::Int32 | Type::Uint32 | Type::Int64 => {
            let value: i64 = stated.unwrap_or("0").parse()?;
            DefaultValue {
                value: value.to_string(),
                is_natural: value == 0,
                differs: format!("{place} != {value}"),
            }
        }
        Type::Float64 if stated.is_none() => natural("0.0", format!("{place} != 0.0")),
        Type::Uuid if stated.is_none() => natural("Uuid::NIL", format!("{place} != Uuid::NIL")),
        Type::String if stated.unwrap_or_default().is_empty() => {
            natural("Str::default()", format!("!{place}.is_empty()"))
        }
        Type::Bytes | Type::Records if stated.is_none() => {
            natural("Bytes::new()", format!("!{place}.is_empty()"))
        }
        Type::Array(_) if stated.is_none() => natural("Vec::new()", format!("!{place}.is_empty()")),
        // A null default without a version that allows null: the field was nullable once.
        Type::Array(_) if stated == Some("null") => {
            natural("Vec::new()", format!("!{place}.is_empty()"))
        }
        Type::Struct(name) if stated.is_none() => natural(
            &format!("{name}::default()"),
            format!("{place} != {name}::default()"),
        ),
        Type::Float64
        | Type::Uuid
        | Type::String
        | Type::Bytes
        | Type::Records
        | Type::Array(_)
        | Type::Struct(_) => {
            bail!("`{}` is not a default here", stated.unwrap_or_default())
        }
    })
}
