//! The body of `write`: fields in wire order, then the tagged section.

use anyhow::Result;

use super::condition::{condition, guarded};
use super::names;
use super::rust_type;
use super::structs::{Struct, Structs};
use crate::schema::message::{Field, NullForm, Type};

/// The statements of `write`, over `self`, `e: &mut Encoder` and `version`.
pub(super) fn body(structs: &Structs<'_>, one: &Struct<'_>) -> Result<String> {
    let flexible = structs.message.flexible.intersect(one.versions);
    let mut out = String::new();
    for field in one.plain() {
        let wanted = condition(one.versions_of(field), one.versions);
        out += &guarded(wanted.as_deref(), &value(one, field));
    }
    if flexible.is_none() {
        return Ok(out);
    }
    let tagged = one.tagged();
    if tagged.is_empty() {
        return Ok(out + "e.no_tagged_fields();\n");
    }
    out += "e.tagged_fields(|t| {\n";
    for (tag, field) in tagged {
        let place = format!("self.{}", names::field(&field.name));
        let differs = rust_type::default_of(one, field, &place)?.differs;
        let wanted = match condition(one.versions_of(field), flexible) {
            Some(condition) => format!("{condition} && {differs}"),
            None => differs,
        };
        let statement = format!("t.field({tag}, |e| {{ {} }});", value(one, field));
        out += &guarded(Some(&wanted), &statement);
    }
    Ok(out + "});\n")
}

/// The statement that writes one field.
fn value(one: &Struct<'_>, field: &Field) -> String {
    let place = format!("self.{}", names::field(&field.name));
    let null_versions = one.null_versions_of(field);
    let Some(form) = field.ty.null_form().filter(|_| !null_versions.is_none()) else {
        return plain(&field.ty, &place) + ";";
    };
    let nullable = nullable(form, field.tag.is_some(), &place);
    match condition(null_versions, one.versions_of(field)) {
        None => nullable + ";",
        Some(condition) => format!(
            "if {condition} {{ {nullable}; }} else {{ {}; }}",
            never_null(form, &place)
        ),
    }
}

fn plain(ty: &Type, place: &str) -> String {
    match ty {
        Type::Bool => format!("e.bool({place})"),
        Type::Int8 => format!("e.i8({place})"),
        Type::Int16 => format!("e.i16({place})"),
        Type::Uint16 => format!("e.u16({place})"),
        Type::Int32 => format!("e.i32({place})"),
        Type::Uint32 => format!("e.u32({place})"),
        Type::Int64 => format!("e.i64({place})"),
        Type::Float64 => format!("e.f64({place})"),
        Type::Uuid => format!("e.uuid({place})"),
        Type::String => format!("e.string(&{place})"),
        Type::Bytes | Type::Records => format!("e.bytes(&{place})"),
        Type::Struct(_) => format!("{place}.write(e, version)"),
        Type::Array(_) => format!("e.array(&{place}, version)"),
    }
}

fn nullable(form: NullForm, is_tagged: bool, place: &str) -> String {
    match form {
        NullForm::Struct if is_tagged => {
            format!("e.tagged_nullable_struct({place}.as_ref(), version)")
        }
        NullForm::String => format!("e.nullable_string({place}.as_ref())"),
        NullForm::Bytes => format!("e.nullable_bytes({place}.as_deref())"),
        NullForm::Struct => format!("e.nullable_struct({place}.as_ref(), version)"),
        NullForm::Array => format!("e.nullable_array({place}.as_deref(), version)"),
    }
}

/// A null in a version that has none becomes the empty value.
fn never_null(form: NullForm, place: &str) -> String {
    match form {
        NullForm::String => format!("e.string_or_empty({place}.as_ref())"),
        NullForm::Bytes => format!("e.bytes({place}.as_deref().unwrap_or_default())"),
        NullForm::Struct => format!("{place}.clone().unwrap_or_default().write(e, version)"),
        NullForm::Array => {
            format!("e.array({place}.as_deref().unwrap_or_default(), version)")
        }
    }
}
