//! Decodes generated messages; strings and bytes are slices of the frame.

use std::ops::{Deref, DerefMut};

use bytes::Bytes;

use super::element::Element;
use super::error::DecodeError;
use super::reader::Reader;
use crate::Str;

/// Reads typed values from a frame that outlives it as slices.
///
/// Numbers and checks are those of [`Reader`], to which it dereferences.
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    frame: &'a Bytes,
    reader: Reader<'a>,
}

impl<'a> Decoder<'a> {
    /// Starts at the beginning of a frame, in the inflexible encoding.
    #[must_use]
    pub fn new(frame: &'a Bytes) -> Self {
        Self {
            frame,
            reader: Reader::new(frame),
        }
    }

    /// Replaces the memory budget, for frames from a trusted peer.
    #[must_use]
    pub fn with_budget(self, budget: usize) -> Self {
        Self {
            frame: self.frame,
            reader: self.reader.with_budget(budget),
        }
    }

    /// Takes a string, or null.
    ///
    /// # Errors
    /// It reaches beyond the frame, is longer than a string may be, or is not UTF-8.
    pub fn nullable_string(&mut self) -> Result<Option<Str>, DecodeError> {
        let text = self.reader.nullable_str()?;
        Ok(text.map(|text| Str::slice_of(self.frame, text)))
    }

    /// Takes a string.
    ///
    /// # Errors
    /// As [`Self::nullable_string`], or it is null.
    pub fn string(&mut self) -> Result<Str, DecodeError> {
        let text = self.reader.str()?;
        Ok(Str::slice_of(self.frame, text))
    }

    /// Takes bytes, or null.
    ///
    /// # Errors
    /// They reach beyond the frame.
    pub fn nullable_bytes(&mut self) -> Result<Option<Bytes>, DecodeError> {
        let slice = self.reader.nullable_slice()?;
        Ok(slice.map(|slice| self.frame.slice_ref(slice)))
    }

    /// Takes bytes.
    ///
    /// # Errors
    /// They reach beyond the frame, or are null.
    pub fn bytes(&mut self) -> Result<Bytes, DecodeError> {
        let bytes = self.nullable_bytes()?;
        self.required(bytes)
    }

    /// Takes an array, or null.
    ///
    /// # Errors
    /// It has more elements than bytes are left for, they take too much memory, or one of them is wrong.
    pub fn nullable_array<T: Element>(
        &mut self,
        version: i16,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        let Some(count) = self.nullable_count::<T>(T::MIN_WIRE_SIZE)? else {
            return Ok(None);
        };
        let mut elements = Vec::with_capacity(count);
        for _ in 0..count {
            elements.push(T::read(self, version)?);
        }
        Ok(Some(elements))
    }

    /// Takes an array.
    ///
    /// # Errors
    /// As [`Self::nullable_array`], or it is null.
    pub fn array<T: Element>(&mut self, version: i16) -> Result<Vec<T>, DecodeError> {
        let elements = self.nullable_array(version)?;
        self.required(elements)
    }

    /// Takes a struct behind its null marker: a negative byte is null.
    ///
    /// # Errors
    /// The frame has ended, or the struct is wrong.
    pub fn nullable_struct<T: Element>(&mut self, version: i16) -> Result<Option<T>, DecodeError> {
        if self.i8()? < 0 {
            return Ok(None);
        }
        T::read(self, version).map(Some)
    }

    /// Takes a struct that can be null from a tagged field, where the null marker is a varint: 0 is null.
    ///
    /// # Errors
    /// The field has ended, or the struct is wrong.
    pub fn tagged_nullable_struct<T: Element>(
        &mut self,
        version: i16,
    ) -> Result<Option<T>, DecodeError> {
        if self.varint()? == 0 {
            return Ok(None);
        }
        T::read(self, version).map(Some)
    }

    /// Takes the tagged fields of a struct; `known` reads a field and says whether it knew the tag.
    ///
    /// As in Kafka, order and repetition of tags are not checked, and the last of equal tags counts.
    ///
    /// # Errors
    /// There are too many, one reaches beyond the frame, or a known one does not end where its size says.
    pub fn tagged_fields(
        &mut self,
        mut known: impl FnMut(&mut Self, u32) -> Result<bool, DecodeError>,
    ) -> Result<(), DecodeError> {
        for _ in 0..self.tagged_count()? {
            let field = self.open_tagged()?;
            let was_known = known(self, field.tag)?;
            self.close_tagged(&field, was_known)?;
        }
        Ok(())
    }
}

impl<'a> Deref for Decoder<'a> {
    type Target = Reader<'a>;

    fn deref(&self) -> &Reader<'a> {
        &self.reader
    }
}

impl<'a> DerefMut for Decoder<'a> {
    fn deref_mut(&mut self) -> &mut Reader<'a> {
        &mut self.reader
    }
}
