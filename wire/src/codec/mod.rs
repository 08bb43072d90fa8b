//! The bounded codec: lengths are checked against the bytes that are left before anything is allocated.

mod decoder;
mod element;
mod encoder;
mod error;
mod reader;

pub use decoder::Decoder;
pub use element::Element;
pub use encoder::{Encoder, TaggedFields};
pub use error::{DecodeError, EncodeError, Limit, Malformed};
pub use reader::Reader;

#[cfg(test)]
mod tests;
