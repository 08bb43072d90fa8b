//! Encodes generated messages into one buffer.

use bytes::{BufMut, BytesMut};
use thalweg_model::Uuid;

use super::element::Element;
use super::error::EncodeError;
use crate::Str;
use crate::limits::TAGGED_FIELDS_MAX;

/// Appends typed values to a buffer.
///
/// Writing never fails half way: a value that does not fit is remembered, and [`Self::finish`] reports the first.
#[derive(Debug, Default)]
pub struct Encoder {
    out: BytesMut,
    flexible: bool,
    failed: Option<EncodeError>,
}

impl Encoder {
    /// An empty buffer, in the inflexible encoding.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty buffer with room for `capacity` bytes.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            out: BytesMut::with_capacity(capacity),
            flexible: false,
            failed: None,
        }
    }

    /// Switches between the flexible and the inflexible encoding.
    pub fn set_flexible(&mut self, flexible: bool) {
        self.flexible = flexible;
    }

    /// Whether lengths are compact and structs end with tagged fields.
    #[must_use]
    pub fn is_flexible(&self) -> bool {
        self.flexible
    }

    /// How many bytes were written.
    #[must_use]
    pub fn position(&self) -> usize {
        self.out.len()
    }

    /// The bytes.
    ///
    /// # Errors
    /// A string, bytes or an array was too long for the protocol.
    pub fn finish(self) -> Result<BytesMut, EncodeError> {
        match self.failed {
            None => Ok(self.out),
            Some(error) => Err(error),
        }
    }

    /// Remembers that something does not fit; only the first counts.
    pub(crate) fn fail(&mut self, error: EncodeError) {
        self.failed.get_or_insert(error);
    }

    /// Overwrites four bytes written earlier.
    pub(crate) fn patch_i32(&mut self, at: usize, value: i32) {
        self.out[at..at + 4].copy_from_slice(&value.to_be_bytes());
    }

    /// Appends bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.put_slice(bytes);
    }

    /// Appends 1 or 0.
    pub fn bool(&mut self, value: bool) {
        self.out.put_u8(u8::from(value));
    }

    /// Appends 16 bytes.
    pub fn uuid(&mut self, value: Uuid) {
        self.out.put_slice(value.as_bytes());
    }

    /// Appends an unsigned varint.
    pub fn varint(&mut self, value: u32) {
        let (bytes, length) = varint_bytes(value);
        self.out.put_slice(&bytes[..length]);
    }

    /// Appends the length of bytes or the count of an array, or null.
    pub(crate) fn length(&mut self, length: Option<usize>) {
        let value = match length.map(i32::try_from) {
            None => -1,
            // The compact form is one more, and Kafka reads it as a signed number.
            Some(Ok(length)) if length < i32::MAX => length,
            Some(Ok(_) | Err(_)) => {
                self.fail(EncodeError::Length(length.unwrap_or_default()));
                -1
            }
        };
        if self.flexible {
            self.varint(value.wrapping_add(1).unsigned_abs());
        } else {
            self.i32(value);
        }
    }

    /// Appends a string, or null.
    pub fn nullable_string(&mut self, value: Option<&Str>) {
        let bytes = value.map(|text| text.as_bytes());
        let length = bytes.map_or(0, <[u8]>::len);
        let Ok(short) = i16::try_from(length) else {
            self.fail(EncodeError::String(length));
            return;
        };
        if self.flexible {
            self.length(bytes.map(<[u8]>::len));
        } else {
            self.i16(if bytes.is_some() { short } else { -1 });
        }
        self.raw(bytes.unwrap_or_default());
    }

    /// Appends a string.
    pub fn string(&mut self, value: &Str) {
        self.nullable_string(Some(value));
    }

    /// Appends a string; null, which the version lacks, becomes the empty string.
    pub fn string_or_empty(&mut self, value: Option<&Str>) {
        match value {
            Some(value) => self.string(value),
            None => self.string(&Str::default()),
        }
    }

    /// Appends bytes, or null.
    pub fn nullable_bytes(&mut self, value: Option<&[u8]>) {
        self.length(value.map(<[u8]>::len));
        self.raw(value.unwrap_or_default());
    }

    /// Appends bytes.
    pub fn bytes(&mut self, value: &[u8]) {
        self.nullable_bytes(Some(value));
    }

    /// Appends an array, or null.
    pub fn nullable_array<T: Element>(&mut self, value: Option<&[T]>, version: i16) {
        self.length(value.map(<[T]>::len));
        for element in value.unwrap_or_default() {
            element.write(self, version);
        }
    }

    /// Appends an array.
    pub fn array<T: Element>(&mut self, value: &[T], version: i16) {
        self.nullable_array(Some(value), version);
    }

    /// Appends a struct behind its null marker.
    pub fn nullable_struct<T: Element>(&mut self, value: Option<&T>, version: i16) {
        match value {
            None => self.i8(-1),
            Some(value) => {
                self.i8(1);
                value.write(self, version);
            }
        }
    }

    /// Appends a struct that can be null to a tagged field, where the null marker is a varint.
    pub fn tagged_nullable_struct<T: Element>(&mut self, value: Option<&T>, version: i16) {
        self.varint(u32::from(value.is_some()));
        if let Some(value) = value {
            value.write(self, version);
        }
    }

    /// Appends the empty tagged section of a struct; nothing in the inflexible encoding.
    pub fn no_tagged_fields(&mut self) {
        if self.flexible {
            self.varint(0);
        }
    }

    /// Appends the tagged section of a struct; nothing in the inflexible encoding.
    pub fn tagged_fields(&mut self, write: impl FnOnce(&mut TaggedFields<'_>)) {
        const { assert!(TAGGED_FIELDS_MAX < 0x80, "a count is one byte") };
        if !self.flexible {
            return;
        }
        let count_at = self.out.len();
        self.out.put_u8(0);
        let mut fields = TaggedFields {
            encoder: self,
            count: 0,
        };
        write(&mut fields);
        let count = fields.count;
        self.out[count_at] = count;
    }
}

/// The tagged section of a struct, being written in the order of the tags.
#[derive(Debug)]
pub struct TaggedFields<'e> {
    encoder: &'e mut Encoder,
    count: u8,
}

impl TaggedFields<'_> {
    /// Appends one tagged field.
    pub fn field(&mut self, tag: u32, write: impl FnOnce(&mut Encoder)) {
        let e = &mut *self.encoder;
        e.varint(tag);
        let start = e.out.len();
        write(e);
        let size = e.out.len() - start;
        let Ok(announced) = u32::try_from(size) else {
            e.fail(EncodeError::Length(size));
            return;
        };
        // The size stands before the field but is known after it: make room by moving the field.
        let (bytes, length) = varint_bytes(announced);
        e.out.put_slice(&bytes[..length]);
        e.out[start..].rotate_right(length);
        self.count += 1;
    }
}

/// The bytes of a varint and how many of them count.
fn varint_bytes(mut value: u32) -> ([u8; 5], usize) {
    let mut bytes = [0; 5];
    let mut length = 0;
    loop {
        let low = u8::try_from(value & 0x7f).expect("seven bits fit");
        value >>= 7;
        bytes[length] = if value == 0 { low } else { low | 0x80 };
        length += 1;
        if value == 0 {
            return (bytes, length);
        }
    }
}

macro_rules! numbers {
    ($($name:ident $put:ident),*) => {
        impl Encoder {
            $(
                #[doc = concat!("Appends a big-endian `", stringify!($name), "`.")]
                pub fn $name(&mut self, value: $name) {
                    self.out.$put(value);
                }
            )*
        }
    };
}

numbers!(i8 put_i8, i16 put_i16, u16 put_u16, i32 put_i32, u32 put_u32, i64 put_i64, f64 put_f64);
