//! What can be an element of an array: structs, numbers, strings, ids.

use thalweg_model::Uuid;

use super::decoder::Decoder;
use super::encoder::Encoder;
use super::error::DecodeError;
use crate::Str;

/// A value that is read and written as a whole.
pub trait Element: Sized {
    /// The fewest bytes it takes in any version.
    const MIN_WIRE_SIZE: usize;

    /// Reads one from where the decoder is.
    ///
    /// # Errors
    /// The bytes are not such a value in this version.
    fn read(d: &mut Decoder<'_>, version: i16) -> Result<Self, DecodeError>;

    /// Writes it; fields that the version lacks are left out, and a null that it lacks is written as empty.
    fn write(&self, e: &mut Encoder, version: i16);
}

macro_rules! numbers {
    ($($name:ident),*) => {
        $(
            impl Element for $name {
                const MIN_WIRE_SIZE: usize = size_of::<$name>();

                fn read(d: &mut Decoder<'_>, _version: i16) -> Result<Self, DecodeError> {
                    d.$name()
                }

                fn write(&self, e: &mut Encoder, _version: i16) {
                    e.$name(*self);
                }
            }
        )*
    };
}

numbers!(i8, i16, i32, i64);

impl Element for Uuid {
    const MIN_WIRE_SIZE: usize = 16;

    fn read(d: &mut Decoder<'_>, _version: i16) -> Result<Self, DecodeError> {
        d.uuid()
    }

    fn write(&self, e: &mut Encoder, _version: i16) {
        e.uuid(*self);
    }
}

impl Element for Str {
    const MIN_WIRE_SIZE: usize = 1;

    fn read(d: &mut Decoder<'_>, _version: i16) -> Result<Self, DecodeError> {
        d.string()
    }

    fn write(&self, e: &mut Encoder, _version: i16) {
        e.string(self);
    }
}
