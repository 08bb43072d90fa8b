//! Whole messages: the doors to the generated code.

use bytes::{Bytes, BytesMut};

use crate::ApiKey;
use crate::codec::{DecodeError, Decoder, Element, EncodeError, Encoder};

/// A message that stands for itself: a request, a response, a stored record.
pub trait Message: Element + Default + Clone + PartialEq + std::fmt::Debug {
    /// Kafka's name.
    const NAME: &'static str;
    /// Oldest version.
    const MIN_VERSION: i16;
    /// Newest version.
    const MAX_VERSION: i16;
    /// First flexible version; `i16::MAX` if there is none.
    const FLEXIBLE_FROM: i16;

    /// Reads the message; bytes after it are left unread, as Kafka leaves them.
    ///
    /// # Errors
    /// There is no such version, or the bytes are not the message.
    fn decode(d: &mut Decoder<'_>, version: i16) -> Result<Self, DecodeError> {
        if version < Self::MIN_VERSION || version > Self::MAX_VERSION {
            return Err(DecodeError::UnsupportedVersion {
                message: Self::NAME,
                version,
            });
        }
        d.set_flexible(version >= Self::FLEXIBLE_FROM);
        Self::read(d, version)
    }

    /// Reads the message from the start of `bytes`.
    ///
    /// # Errors
    /// As [`Self::decode`].
    fn from_bytes(bytes: &Bytes, version: i16) -> Result<Self, DecodeError> {
        Self::decode(&mut Decoder::new(bytes), version)
    }

    /// Writes the message.
    ///
    /// # Panics
    /// If there is no such version: versions are negotiated before anything is written.
    fn encode(&self, e: &mut Encoder, version: i16) {
        assert!(
            (Self::MIN_VERSION..=Self::MAX_VERSION).contains(&version),
            "{} is written in a version it has",
            Self::NAME
        );
        e.set_flexible(version >= Self::FLEXIBLE_FROM);
        self.write(e, version);
    }

    /// The message as bytes.
    ///
    /// # Errors
    /// A string, bytes or an array is too long for the protocol.
    ///
    /// # Panics
    /// As [`Self::encode`].
    fn to_bytes(&self, version: i16) -> Result<BytesMut, EncodeError> {
        let mut e = Encoder::new();
        self.encode(&mut e, version);
        e.finish()
    }
}

/// A message a client sends.
pub trait Request: Message {
    /// Its API.
    const KEY: ApiKey;
    /// What is answered.
    type Response: Response;
}

/// A message a broker sends.
pub trait Response: Message {
    /// Its API.
    const KEY: ApiKey;

    /// Shows every error code in it other than 0, those of its parts included.
    fn error_codes(&self, _visit: &mut dyn FnMut(i16)) {}
}
