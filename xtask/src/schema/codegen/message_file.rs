//! One message as a Rust source file.

use std::fmt::Write;

use anyhow::Result;

use super::names;
use super::rust_type;
use super::structs::{Struct, Structs};
use super::{BANNER, error_codes, read, write};
use crate::schema::message::{Field, Kind, Message, Type};

/// The file of one message.
pub(super) fn source(message: &Message) -> Result<String> {
    let structs = Structs::of(message);
    let mut body = String::new();
    for (index, one) in structs.all.iter().enumerate() {
        let doc = if index == 0 {
            message_doc(message)
        } else {
            format!("`{}` of [`{}`].", one.name, message.name)
        };
        body += &one_struct(&structs, one, &doc)?;
        let visit = if message.kind == Kind::Response {
            error_codes::method(&structs, one)?
        } else {
            None
        };
        if index == 0 {
            let visit = visit.map(|visit| format!("\n\n{visit}"));
            body += &message_impls(message, &visit.unwrap_or_default());
        } else if let Some(visit) = visit {
            body += &format!("impl {} {{ {visit} }}\n\n", one.name);
        }
    }
    let uses = |ty: fn(&Type) -> bool| {
        structs
            .all
            .iter()
            .any(|one| one.fields().any(|field| ty(field.ty.innermost())))
    };
    let mut out = format!("{BANNER}//! `{}`.\n\n", message.name);
    if uses(|ty| matches!(ty, Type::Bytes | Type::Records)) {
        out += "use bytes::Bytes;\n";
    }
    if uses(|ty| *ty == Type::Uuid) {
        out += "use thalweg_model::Uuid;\n";
    }
    out += "\nuse crate::codec::{Decoder, DecodeError, Element, Encoder};\n";
    if uses(|ty| *ty == Type::String) {
        out += "use crate::Str;\n";
    }
    let traits = match message.kind {
        Kind::Request => "ApiKey, Message, Request",
        Kind::Response => "ApiKey, Message, Response",
        Kind::CoordinatorKey => "Message, RecordKey",
        Kind::CoordinatorValue | Kind::Data | Kind::Header => "Message",
    };
    writeln!(out, "use crate::{{{traits}}};\n")?;
    Ok(out + &body)
}

fn message_doc(message: &Message) -> String {
    let key = match (message.kind, message.key) {
        (Kind::Request | Kind::Response, Some(key)) => format!("API key {key}, "),
        (Kind::CoordinatorKey | Kind::CoordinatorValue, Some(key)) => {
            format!("record type {key}, ")
        }
        _ => String::new(),
    };
    format!(
        "`{}`: {key}versions {}, flexible {}.",
        message.name, message.versions, message.flexible
    )
}

fn one_struct(structs: &Structs<'_>, one: &Struct<'_>, doc: &str) -> Result<String> {
    let mut fields = String::new();
    let mut defaults = String::new();
    let mut all_natural = true;
    for field in one.fields() {
        let name = names::field(&field.name);
        writeln!(fields, "/// {}", field_doc(one, field))?;
        writeln!(fields, "pub {name}: {},", rust_type::of(one, field))?;
        let default = rust_type::default_of(one, field, &name)?;
        all_natural &= default.is_natural;
        writeln!(defaults, "{name}: {},", default.value)?;
    }
    let derived = if all_natural { ", Default" } else { "" };
    let name = one.name;
    let mut out = format!(
        "/// {doc}\n#[derive(Clone, Debug, PartialEq{derived})]\npub struct {name} {{ {fields} }}\n\n"
    );
    if !all_natural {
        out += &format!(
            "impl Default for {name} {{ fn default() -> Self {{ Self {{ {defaults} }} }} }}\n\n"
        );
    }
    out += &element_impl(structs, one)?;
    Ok(out)
}

fn element_impl(structs: &Structs<'_>, one: &Struct<'_>) -> Result<String> {
    let name = one.name;
    let smallest = structs.smallest(one)?;
    let read = read::body(structs, one)?;
    let write = write::body(structs, one)?;
    let named = |body: &str, word: &str, name: &str| {
        let used = body
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .any(|found| found == word);
        if used {
            name.to_owned()
        } else {
            format!("_{name}")
        }
    };
    Ok(format!(
        "impl Element for {name} {{
    const MIN_WIRE_SIZE: usize = {smallest};

    fn read({d}: &mut Decoder<'_>, {read_version}: i16) -> Result<Self, DecodeError> {{ {read} }}

    fn write(&self, {e}: &mut Encoder, {write_version}: i16) {{ {write} }}
}}

",
        d = named(&read, "d", "d"),
        read_version = named(&read, "version", "version"),
        e = named(&write, "e", "e"),
        write_version = named(&write, "version", "version"),
    ))
}

/// What the schema says about a field, in a few words.
fn field_doc(one: &Struct<'_>, field: &Field) -> String {
    let mut doc = format!("Versions {}", field.versions);
    let null_versions = one.null_versions_of(field);
    if null_versions == one.versions_of(field) {
        doc += ", nullable";
    } else if !null_versions.is_none() {
        doc += &format!(", nullable in {}", field.nullable);
    }
    if let Some(tag) = field.tag {
        doc += &format!(", tag {tag}");
    }
    match field.default.as_deref() {
        None | Some("") => {}
        Some(default) => doc += &format!(", default {default}"),
    }
    doc + "."
}

fn message_impls(message: &Message, visit_errors: &str) -> String {
    let name = &message.name;
    let flexible = if message.flexible.is_none() {
        "i16::MAX".to_owned()
    } else {
        message.flexible.first.to_string()
    };
    let mut out = format!(
        "impl Message for {name} {{
    const NAME: &'static str = \"{name}\";
    const MIN_VERSION: i16 = {};
    const MAX_VERSION: i16 = {};
    const FLEXIBLE_FROM: i16 = {flexible};
}}

",
        message.versions.first, message.versions.last
    );
    match (message.kind, message.key) {
        (Kind::Request, _) => {
            let api = name.trim_end_matches("Request");
            out += &format!(
                "impl Request for {name} {{
    const KEY: ApiKey = ApiKey::{api};
    type Response = super::{api}Response;
}}

"
            );
        }
        (Kind::Response, _) => {
            let api = name.trim_end_matches("Response");
            out += &format!(
                "impl Response for {name} {{ const KEY: ApiKey = ApiKey::{api};{visit_errors} }}\n\n"
            );
        }
        (Kind::CoordinatorKey, Some(key)) => {
            out += &format!("impl RecordKey for {name} {{ const TYPE: i16 = {key}; }}\n\n");
        }
        (Kind::CoordinatorKey | Kind::CoordinatorValue | Kind::Data | Kind::Header, _) => {}
    }
    out
}
