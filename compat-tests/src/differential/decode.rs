//! Reads a response into JSON, in any version of its schema; every byte must be accounted for.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use crate::records;
use crate::schema::{Field, Kind, Message};

/// The fields of a message's body.
pub(crate) fn body(message: &Message, version: i16, bytes: &[u8]) -> Result<Value> {
    let mut decoder = Decoder {
        message,
        version,
        flexible: message.flexible.has(version),
        rest: bytes,
    };
    let value = decoder.fields(&message.fields)?;
    ensure!(
        decoder.rest.is_empty(),
        "{} bytes left over",
        decoder.rest.len()
    );
    Ok(value)
}

/// Bytes as they are shown.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold("hex:".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}

/// Takes an unsigned varint off the front.
pub(crate) fn varint(rest: &mut &[u8]) -> Result<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first().context("a varint is cut off")?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    bail!("a varint does not end")
}

struct Decoder<'a> {
    message: &'a Message,
    version: i16,
    flexible: bool,
    rest: &'a [u8],
}

impl<'a> Decoder<'a> {
    fn fields(&mut self, fields: &[Field]) -> Result<Value> {
        let mut object = Map::new();
        let present: Vec<&Field> = fields
            .iter()
            .filter(|field| field.versions.has(self.version))
            .collect();
        for field in present.iter().filter(|field| field.tag.is_none()) {
            let value = self.field(field).with_context(|| field.name.clone())?;
            object.insert(field.name.clone(), value);
        }
        if self.flexible {
            for _ in 0..varint(&mut self.rest)? {
                let tag = varint(&mut self.rest)?;
                let size = usize::try_from(varint(&mut self.rest)?)?;
                let end = self
                    .rest
                    .len()
                    .checked_sub(size)
                    .context("a tag is cut off")?;
                let field = present
                    .iter()
                    .find(|field| field.tag.map(u64::from) == Some(tag));
                match field {
                    Some(field) => {
                        let value = self.field(field).with_context(|| field.name.clone())?;
                        object.insert(field.name.clone(), value);
                    }
                    None => {
                        object.insert(format!("Tag{tag}"), Value::String(hex(self.take(size)?)));
                    }
                }
                ensure!(self.rest.len() == end, "tag {tag} has another size");
            }
        }
        Ok(Value::Object(object))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).context("cut off")?;
        self.rest = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.take(N)?.try_into()?)
    }

    fn length(&mut self, width: usize) -> Result<Option<usize>> {
        if self.flexible {
            let coded = usize::try_from(varint(&mut self.rest)?)?;
            return Ok(coded.checked_sub(1));
        }
        let length = match width {
            2 => i32::from(i16::from_be_bytes(self.fixed()?)),
            _ => i32::from_be_bytes(self.fixed()?),
        };
        Ok(match length {
            -1 => None,
            length => Some(usize::try_from(length)?),
        })
    }

    fn field(&mut self, field: &Field) -> Result<Value> {
        if field.array {
            let Some(count) = self.length(4)? else {
                return Ok(Value::Null);
            };
            ensure!(count <= self.rest.len(), "{count} elements cannot be");
            let elements = (0..count).map(|_| self.plain(&field.kind));
            return Ok(Value::Array(elements.collect::<Result<_>>()?));
        }
        let nullable_struct = matches!(field.kind, Kind::Struct(_)) && field.null.has(self.version);
        if nullable_struct && self.take(1)? != [1] {
            return Ok(Value::Null);
        }
        self.plain(&field.kind)
    }

    fn plain(&mut self, kind: &Kind) -> Result<Value> {
        Ok(match kind {
            Kind::Bool => match self.take(1)? {
                [0] => Value::Bool(false),
                [1] => Value::Bool(true),
                other => bail!("{other:?} is no bool"),
            },
            Kind::Int8 => i8::from_be_bytes(self.fixed()?).into(),
            Kind::Int16 => i16::from_be_bytes(self.fixed()?).into(),
            Kind::Uint16 => u16::from_be_bytes(self.fixed()?).into(),
            Kind::Int32 => i32::from_be_bytes(self.fixed()?).into(),
            Kind::Uint32 => u32::from_be_bytes(self.fixed()?).into(),
            Kind::Int64 => i64::from_be_bytes(self.fixed()?).into(),
            Kind::Float64 => f64::from_be_bytes(self.fixed()?).into(),
            Kind::Uuid => hex(self.take(16)?).trim_start_matches("hex:").into(),
            Kind::String => match self.length(2)? {
                Some(length) => std::str::from_utf8(self.take(length)?)?.into(),
                None => Value::Null,
            },
            Kind::Bytes => match self.length(4)? {
                Some(length) => hex(self.take(length)?).into(),
                None => Value::Null,
            },
            Kind::Records => match self.length(4)? {
                Some(length) => records::show(self.take(length)?),
                None => Value::Null,
            },
            Kind::Struct(name) => {
                let message = self.message;
                self.fields(message.structure(name)?)?
            }
        })
    }
}
