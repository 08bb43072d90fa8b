//! How an answer's error codes are visited: those of its parts included.

use anyhow::Result;

use super::names;
use super::structs::{Struct, Structs};
use crate::schema::message::{Field, Type};

/// The method of one struct of a response that visits its codes other than 0; none if it has no place for one.
pub(super) fn method(structs: &Structs<'_>, one: &Struct<'_>) -> Result<Option<String>> {
    let mut body = String::new();
    for field in one.fields() {
        body += &visit(structs, one, field)?;
    }
    let method = format!("fn error_codes(&self, visit: &mut dyn FnMut(i16)) {{ {body} }}");
    Ok((!body.is_empty()).then_some(method))
}

fn visit(structs: &Structs<'_>, one: &Struct<'_>, field: &Field) -> Result<String> {
    let name = names::field(&field.name);
    if field.name == "ErrorCode" && field.ty == Type::Int16 {
        return Ok(format!("if self.{name} != 0 {{ visit(self.{name}); }}\n"));
    }
    let Some(part) = field.ty.struct_name() else {
        return Ok(String::new());
    };
    if method(structs, structs.find(part)?)?.is_none() {
        return Ok(String::new());
    }
    let is_array = matches!(field.ty, Type::Array(_));
    let nullable = !one.null_versions_of(field).is_none();
    Ok(match (is_array, nullable) {
        (true, false) => format!("for part in &self.{name} {{ part.error_codes(visit); }}\n"),
        (true, true) => {
            format!("for part in self.{name}.iter().flatten() {{ part.error_codes(visit); }}\n")
        }
        (false, true) => {
            format!("if let Some(part) = &self.{name} {{ part.error_codes(visit); }}\n")
        }
        (false, false) => format!("self.{name}.error_codes(visit);\n"),
    })
}
