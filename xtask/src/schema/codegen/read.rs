//! The body of `read`: fields in wire order, then the tagged section.

use anyhow::Result;

use super::condition::condition;
use super::names;
use super::rust_type;
use super::structs::{Struct, Structs};
use crate::schema::message::{Field, NullForm, Type};
use crate::schema::versions::Versions;

/// The statements of `read`, over `d: &mut Decoder` and `version`.
pub(super) fn body(structs: &Structs<'_>, one: &Struct<'_>) -> Result<String> {
    let flexible = structs.message.flexible.intersect(one.versions);
    let mut fields = String::new();
    for field in one.fields() {
        let name = names::field(&field.name);
        let default = rust_type::default_of(one, field, &name)?.value;
        let read = value(one, field);
        let value = match condition(one.versions_of(field), one.versions) {
            _ if field.tag.is_some() => default,
            None => read,
            Some(condition) => format!("if {condition} {{ {read} }} else {{ {default} }}"),
        };
        fields += &format!("{name}: {value},\n");
    }
    let literal = format!("Self {{ {fields} }}");
    if flexible.is_none() {
        return Ok(format!("Ok({literal})\n"));
    }
    let (mutable, section) = if one.tagged().is_empty() {
        ("", "d.skip_tagged_fields()?;\n".to_owned())
    } else {
        ("mut ", tagged(one, flexible))
    };
    Ok(format!("let {mutable}m = {literal};\n{section}Ok(m)\n"))
}

fn tagged(one: &Struct<'_>, flexible: Versions) -> String {
    let mut arms = String::new();
    for (tag, field) in one.tagged() {
        let guard = condition(one.versions_of(field), flexible)
            .map(|condition| format!(" if {condition}"))
            .unwrap_or_default();
        let place = names::field(&field.name);
        arms += &format!("{tag}{guard} => m.{place} = {},\n", value(one, field));
    }
    format!(
        "d.tagged_fields(|d, tag| {{ match tag {{ {arms} _ => return Ok(false), }} Ok(true) }})?;\n"
    )
}

/// The expression that reads one field.
fn value(one: &Struct<'_>, field: &Field) -> String {
    let null_versions = one.null_versions_of(field);
    let Some(form) = field.ty.null_form().filter(|_| !null_versions.is_none()) else {
        return plain(&field.ty);
    };
    let nullable = nullable(form, field.tag.is_some());
    match condition(null_versions, one.versions_of(field)) {
        None => nullable.to_owned(),
        Some(condition) => format!(
            "if {condition} {{ {nullable} }} else {{ Some({}) }}",
            plain(&field.ty)
        ),
    }
}

fn plain(ty: &Type) -> String {
    match ty {
        Type::Bool => "d.bool()?".into(),
        Type::Int8 => "d.i8()?".into(),
        Type::Int16 => "d.i16()?".into(),
        Type::Uint16 => "d.u16()?".into(),
        Type::Int32 => "d.i32()?".into(),
        Type::Uint32 => "d.u32()?".into(),
        Type::Int64 => "d.i64()?".into(),
        Type::Float64 => "d.f64()?".into(),
        Type::Uuid => "d.uuid()?".into(),
        Type::String => "d.string()?".into(),
        Type::Bytes | Type::Records => "d.bytes()?".into(),
        Type::Struct(name) => format!("{name}::read(d, version)?"),
        Type::Array(_) => "d.array(version)?".into(),
    }
}

fn nullable(form: NullForm, is_tagged: bool) -> &'static str {
    match form {
        NullForm::Struct if is_tagged => "d.tagged_nullable_struct(version)?",
        NullForm::String => "d.nullable_string()?",
        NullForm::Bytes => "d.nullable_bytes()?",
        NullForm::Struct => "d.nullable_struct(version)?",
        NullForm::Array => "d.nullable_array(version)?",
    }
}
