//! The checks under every decoder: a place in a frame, and what may still be taken from it.

use thalweg_model::Uuid;

use super::error::{DecodeError, Limit, Malformed};
use crate::limits::{STRING_BYTES_MAX, TAGGED_FIELDS_MAX, decode_budget};

/// Reads values from a frame, front to back.
///
/// Lengths are checked against the bytes that are left, and memory for arrays is charged to a budget that depends on the
/// frame's size, both before anything is allocated.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the frame, or the tagged field being read, ends.
    end: usize,
    flexible: bool,
    budget: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the beginning of a frame, in the inflexible encoding.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            end: bytes.len(),
            flexible: false,
            budget: decode_budget(bytes.len()),
        }
    }

    /// Replaces the memory budget, for frames from a trusted peer.
    #[must_use]
    pub fn with_budget(self, budget: usize) -> Self {
        Self { budget, ..self }
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

    /// How many bytes were read.
    #[must_use]
    pub fn position(&self) -> usize {
        self.at
    }

    /// How many bytes are left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.end - self.at
    }

    /// Takes the next `length` bytes.
    ///
    /// # Errors
    /// The frame is shorter.
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        if length > self.remaining() {
            return Err(self.malformed(Malformed::Short));
        }
        let taken = &self.bytes[self.at..self.at + length];
        self.at += length;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let taken = self.take(N)?;
        Ok(taken.try_into().expect("N bytes were taken"))
    }

    /// Takes one byte; anything but 0 is true.
    ///
    /// # Errors
    /// The frame has ended.
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        Ok(self.i8()? != 0)
    }

    /// Takes 16 bytes.
    ///
    /// # Errors
    /// The frame is shorter.
    pub fn uuid(&mut self) -> Result<Uuid, DecodeError> {
        Ok(Uuid::from_bytes(self.fixed()?))
    }

    /// Takes an unsigned varint of at most 32 bits, padded with zeros or not.
    ///
    /// # Errors
    /// The frame has ended, or the value has more bits.
    pub fn varint(&mut self) -> Result<u32, DecodeError> {
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.fixed()?;
            let bits = u32::from(byte & 0x7f);
            if shift == 28 && bits > 0x0f {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.malformed(Malformed::Varint))
    }

    /// A compact length or count: 0 is null, else one more than the value.
    fn compact(&mut self) -> Result<Option<usize>, DecodeError> {
        match self.varint()?.checked_sub(1) {
            None => Ok(None),
            Some(length) => match usize::try_from(length) {
                Ok(length) => Ok(Some(length)),
                Err(_) => Err(self.malformed(Malformed::Short)),
            },
        }
    }

    /// An int32 length or count; as in Kafka any negative one is null.
    fn classic(&mut self) -> Result<Option<usize>, DecodeError> {
        Ok(usize::try_from(self.i32()?).ok())
    }

    /// Takes a string, or null.
    ///
    /// # Errors
    /// It reaches beyond the frame, is longer than a string may be, or is not UTF-8.
    pub fn nullable_str(&mut self) -> Result<Option<&'a str>, DecodeError> {
        let length = if self.flexible {
            self.compact()?
        } else {
            usize::try_from(self.i16()?).ok()
        };
        let Some(length) = length else {
            return Ok(None);
        };
        if length > STRING_BYTES_MAX {
            return Err(self.malformed(Malformed::StringLength));
        }
        let bytes = self.take(length)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(self.malformed(Malformed::Utf8)),
        }
    }

    /// Takes a string.
    ///
    /// # Errors
    /// As [`Self::nullable_str`], or it is null.
    pub fn str(&mut self) -> Result<&'a str, DecodeError> {
        let text = self.nullable_str()?;
        self.required(text)
    }

    /// Takes bytes, or null.
    ///
    /// # Errors
    /// They reach beyond the frame.
    pub fn nullable_slice(&mut self) -> Result<Option<&'a [u8]>, DecodeError> {
        let length = if self.flexible {
            self.compact()?
        } else {
            self.classic()?
        };
        length.map(|length| self.take(length)).transpose()
    }

    /// Takes the count of an array of `T`, or null, and charges its memory.
    ///
    /// # Errors
    /// The bytes left cannot hold that many elements of `wire_size_min` bytes, or the budget does not cover their memory.
    pub fn nullable_count<T>(
        &mut self,
        wire_size_min: usize,
    ) -> Result<Option<usize>, DecodeError> {
        let count = if self.flexible {
            self.compact()?
        } else {
            self.classic()?
        };
        let Some(count) = count else {
            return Ok(None);
        };
        if count > self.remaining() / wire_size_min.max(1) {
            return Err(self.malformed(Malformed::Count));
        }
        let cost = count.saturating_mul(size_of::<T>());
        match self.budget.checked_sub(cost) {
            Some(left) => self.budget = left,
            None => return Err(self.over(Limit::Memory)),
        }
        Ok(Some(count))
    }

    /// Unwraps a value that the version requires.
    ///
    /// # Errors
    /// It is null.
    pub fn required<T>(&self, value: Option<T>) -> Result<T, DecodeError> {
        value.ok_or_else(|| self.malformed(Malformed::Null))
    }

    /// How many tagged fields follow; 0 in the inflexible encoding.
    ///
    /// # Errors
    /// The frame has ended, or there are more than a struct may have.
    pub fn tagged_count(&mut self) -> Result<u32, DecodeError> {
        if !self.flexible {
            return Ok(0);
        }
        let count = self.varint()?;
        if count > TAGGED_FIELDS_MAX {
            return Err(self.over(Limit::TaggedFields));
        }
        Ok(count)
    }

    /// Opens a tagged field: until it is closed, nothing beyond its size can be read.
    ///
    /// # Errors
    /// It reaches beyond the frame or the field around it.
    pub(crate) fn open_tagged(&mut self) -> Result<OpenField, DecodeError> {
        let tag = self.varint()?;
        let Some(size) = usize::try_from(self.varint()?)
            .ok()
            .filter(|size| *size <= self.remaining())
        else {
            return Err(self.malformed(Malformed::Short));
        };
        let outer_end = self.end;
        self.end = self.at + size;
        Ok(OpenField { tag, outer_end })
    }

    /// Closes a tagged field that was read (`known`) or is to be skipped.
    ///
    /// # Errors
    /// It was read, but not to its end.
    pub(crate) fn close_tagged(
        &mut self,
        field: &OpenField,
        known: bool,
    ) -> Result<(), DecodeError> {
        if known && self.at != self.end {
            return Err(self.malformed(Malformed::TagSize));
        }
        self.at = self.end;
        self.end = field.outer_end;
        Ok(())
    }

    /// Skips the tagged fields of a struct that knows none.
    ///
    /// # Errors
    /// They reach beyond the frame, or there are too many.
    pub fn skip_tagged_fields(&mut self) -> Result<(), DecodeError> {
        for _ in 0..self.tagged_count()? {
            let field = self.open_tagged()?;
            self.close_tagged(&field, false)?;
        }
        Ok(())
    }

    /// An error at this place.
    pub(crate) fn malformed(&self, reason: Malformed) -> DecodeError {
        DecodeError::Malformed {
            reason,
            at: self.at,
        }
    }

    fn over(&self, limit: Limit) -> DecodeError {
        DecodeError::OverLimit { limit, at: self.at }
    }
}

/// A tagged field that is being read.
#[derive(Debug)]
pub(crate) struct OpenField {
    pub(crate) tag: u32,
    outer_end: usize,
}

macro_rules! numbers {
    ($($name:ident),*) => {
        impl Reader<'_> {
            $(
                #[doc = concat!("Takes a big-endian `", stringify!($name), "`.\n\n# Errors\nThe frame is shorter.")]
                pub fn $name(&mut self) -> Result<$name, DecodeError> {
                    Ok($name::from_be_bytes(self.fixed()?))
                }
            )*
        }
    };
}

numbers!(i8, i16, u16, i32, u32, i64, f64);
