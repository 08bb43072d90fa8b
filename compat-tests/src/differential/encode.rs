//! Writes a request that is given as JSON, in any version of its schema.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use crate::records;
use crate::schema::{Field, Kind, Message};

/// The body of a message. Fields that the version lacks are left out, fields that are not given have their default.
pub(crate) fn body(message: &Message, version: i16, value: &Value) -> Result<Vec<u8>> {
    let encoder = Encoder {
        message,
        version,
        flexible: message.flexible.has(version),
    };
    let mut out = Vec::new();
    let object = value.as_object().context("a body is an object")?;
    encoder.fields(&message.fields, object, &mut out)?;
    Ok(out)
}

/// An unsigned varint.
pub(crate) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).expect("seven bits") | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).expect("less than 0x80"));
}

/// Bytes of a text: hexadecimal digits after `hex:`, or the text itself.
pub(crate) fn bytes_of(text: &str) -> Result<Vec<u8>> {
    let Some(digits) = text.strip_prefix("hex:") else {
        return Ok(text.as_bytes().to_vec());
    };
    let digits: String = digits.split_whitespace().collect();
    ensure!(digits.len().is_multiple_of(2), "half a byte in {digits}");
    (0..digits.len() / 2)
        .map(|at| Ok(u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16)?))
        .collect()
}

struct Encoder<'a> {
    message: &'a Message,
    version: i16,
    flexible: bool,
}

impl Encoder<'_> {
    fn fields(
        &self,
        fields: &[Field],
        given: &Map<String, Value>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        for name in given.keys() {
            ensure!(
                fields.iter().any(|field| field.name == *name),
                "no field {name}"
            );
        }
        let mut tagged = Vec::new();
        for field in fields
            .iter()
            .filter(|field| field.versions.has(self.version))
        {
            let value = match given.get(&field.name) {
                Some(value) => value.clone(),
                None if field.tag.is_some() => continue,
                None => self.default_of(field)?,
            };
            match field.tag {
                None => self.field(field, &value, out),
                Some(tag) => {
                    let mut bytes = Vec::new();
                    let written = self.field(field, &value, &mut bytes);
                    tagged.push((tag, bytes));
                    written
                }
            }
            .with_context(|| field.name.clone())?;
        }
        if self.flexible {
            tagged.sort();
            varint(u64::try_from(tagged.len())?, out);
            for (tag, bytes) in tagged {
                varint(tag.into(), out);
                varint(u64::try_from(bytes.len())?, out);
                out.extend(bytes);
            }
        }
        Ok(())
    }

    fn default_of(&self, field: &Field) -> Result<Value> {
        Ok(match (&field.default, &field.kind) {
            (Some(text), _) if text == "null" => Value::Null,
            (_, _) if field.array => Value::Array(Vec::new()),
            (Some(text), Kind::String) => Value::String(text.clone()),
            (Some(text), _) => serde_json::from_str(text)?,
            (None, Kind::Bool) => Value::Bool(false),
            (None, Kind::String | Kind::Bytes) => Value::String(String::new()),
            (None, Kind::Uuid) => Value::String("0".repeat(32)),
            (None, Kind::Records) if field.null.has(self.version) => Value::Null,
            (None, Kind::Records) => Value::String(String::new()),
            (None, Kind::Struct(_)) => Value::Object(Map::new()),
            (None, _) => Value::from(0),
        })
    }

    fn field(&self, field: &Field, value: &Value, out: &mut Vec<u8>) -> Result<()> {
        if !field.array {
            return self.single(field, value, out);
        }
        if value.is_null() {
            self.length(None, 4, out)?;
            return Ok(());
        }
        let elements = value.as_array().context("an array is due")?;
        self.length(Some(elements.len()), 4, out)?;
        for element in elements {
            self.plain(&field.kind, element, out)?;
        }
        Ok(())
    }

    fn single(&self, field: &Field, value: &Value, out: &mut Vec<u8>) -> Result<()> {
        let nullable_struct = matches!(field.kind, Kind::Struct(_)) && field.null.has(self.version);
        if nullable_struct {
            let (null, present) = if field.tag.is_some() {
                (0, 1)
            } else {
                (0xff, 1)
            };
            out.push(if value.is_null() { null } else { present });
            if value.is_null() {
                return Ok(());
            }
        }
        self.plain(&field.kind, value, out)
    }

    fn plain(&self, kind: &Kind, value: &Value, out: &mut Vec<u8>) -> Result<()> {
        let number = || {
            value
                .as_i64()
                .with_context(|| format!("{value} is no integer"))
        };
        match kind {
            Kind::Bool => out.push(u8::from(value.as_bool().context("true or false")?)),
            Kind::Int8 => out.extend(i8::try_from(number()?)?.to_be_bytes()),
            Kind::Int16 => out.extend(i16::try_from(number()?)?.to_be_bytes()),
            Kind::Uint16 => out.extend(u16::try_from(number()?)?.to_be_bytes()),
            Kind::Int32 => out.extend(i32::try_from(number()?)?.to_be_bytes()),
            Kind::Uint32 => out.extend(u32::try_from(number()?)?.to_be_bytes()),
            Kind::Int64 => out.extend(number()?.to_be_bytes()),
            Kind::Float64 => out.extend(value.as_f64().context("a number")?.to_be_bytes()),
            Kind::Uuid => {
                let digits = value.as_str().context("an id of 32 digits")?;
                let bytes = bytes_of(&format!("hex:{digits}"))?;
                ensure!(bytes.len() == 16, "an id has 16 bytes");
                out.extend(bytes);
            }
            Kind::String => self.bytes(value.as_str().map(str::as_bytes), 2, out)?,
            Kind::Bytes => {
                let bytes = value.as_str().map(bytes_of).transpose()?;
                self.bytes(bytes.as_deref(), 4, out)?;
            }
            Kind::Records => {
                let bytes = records::build(value)?;
                self.bytes(bytes.as_deref(), 4, out)?;
            }
            Kind::Struct(name) => {
                let given = value.as_object().context("an object is due")?;
                self.fields(self.message.structure(name)?, given, out)?;
            }
        }
        Ok(())
    }

    fn bytes(&self, bytes: Option<&[u8]>, width: usize, out: &mut Vec<u8>) -> Result<()> {
        self.length(bytes.map(<[u8]>::len), width, out)?;
        out.extend(bytes.unwrap_or_default());
        Ok(())
    }

    fn length(&self, length: Option<usize>, width: usize, out: &mut Vec<u8>) -> Result<()> {
        if self.flexible {
            let coded = length.map_or(0, |length| length + 1);
            varint(u64::try_from(coded)?, out);
            return Ok(());
        }
        let length = length.map_or(Ok(-1), i32::try_from)?;
        match width {
            2 => out.extend(i16::try_from(length)?.to_be_bytes()),
            4 => out.extend(length.to_be_bytes()),
            _ => bail!("no length of {width} bytes"),
        }
        Ok(())
    }
}
