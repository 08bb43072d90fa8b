//! Headers of requests and responses.

use bytes::BytesMut;
use thiserror::Error;

use crate::codec::{DecodeError, Decoder, Encoder, Reader};
use crate::{ApiKey, Str};

/// What stands before every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    /// What is asked for.
    pub key: ApiKey,
    /// In which version; any number, until it is compared with [`ApiKey::spec`].
    pub version: i16,
    /// What the response repeats.
    pub correlation_id: i32,
    /// How the client calls itself.
    pub client_id: Option<Str>,
}

/// Why a request's header was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// The broker listener has no such API, so how the header goes on is unknown.
    #[error("no API has the key {0}")]
    UnknownApi(i16),
    /// The bytes are not a header.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl RequestHeader {
    /// Takes the header from the front of a frame; what is left is the request.
    ///
    /// # Errors
    /// The bytes are not a header, or the API is unknown.
    pub fn split_from(frame: &mut BytesMut) -> Result<Self, HeaderError> {
        let mut reader = Reader::new(frame);
        let code = reader.i16()?;
        let version = reader.i16()?;
        let correlation_id = reader.i32()?;
        let key = ApiKey::from_code(code).ok_or(HeaderError::UnknownApi(code))?;
        // The client id keeps its old encoding in every header version.
        let length = reader.nullable_str()?.map(str::len);
        let client_id_end = reader.position();
        if key.request_header_version(version) >= 2 {
            reader.set_flexible(true);
            reader.skip_tagged_fields()?;
        }
        let header = frame.split_to(reader.position()).freeze();
        let client_id = length
            .map(|length| Str::from_checked(header.slice(client_id_end - length..client_id_end)));
        Ok(Self {
            key,
            version,
            correlation_id,
            client_id,
        })
    }

    /// Writes the header.
    pub fn encode(&self, e: &mut Encoder) {
        e.i16(self.key.code());
        e.i16(self.version);
        e.i32(self.correlation_id);
        e.set_flexible(false);
        e.nullable_string(self.client_id.as_ref());
        if self.key.request_header_version(self.version) >= 2 {
            e.set_flexible(true);
            e.no_tagged_fields();
        }
    }
}

/// What stands before every response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseHeader {
    /// The number of the request that is answered.
    pub correlation_id: i32,
}

impl ResponseHeader {
    /// Reads a header of [`ApiKey::response_header_version`].
    ///
    /// # Errors
    /// The bytes are not a header.
    pub fn decode(d: &mut Decoder<'_>, header_version: i16) -> Result<Self, DecodeError> {
        let correlation_id = d.i32()?;
        d.set_flexible(header_version >= 1);
        d.skip_tagged_fields()?;
        Ok(Self { correlation_id })
    }

    /// Writes a header of [`ApiKey::response_header_version`].
    pub fn encode(&self, e: &mut Encoder, header_version: i16) {
        e.i32(self.correlation_id);
        e.set_flexible(header_version >= 1);
        e.no_tagged_fields();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Malformed;

    fn split(bytes: &[u8]) -> (Result<RequestHeader, HeaderError>, BytesMut) {
        let mut frame = BytesMut::from(bytes);
        (RequestHeader::split_from(&mut frame), frame)
    }

    #[test]
    fn a_flexible_header_keeps_the_old_client_id() {
        // ApiVersions 3, correlation 9, client "ab", one unknown tagged field, then the body.
        let (header, body) = split(b"\0\x12\0\x03\0\0\0\x09\0\x02ab\x01\x05\x01Xbody");
        let header = header.unwrap();
        assert_eq!((header.key, header.version), (ApiKey::ApiVersions, 3));
        assert_eq!(header.correlation_id, 9);
        assert_eq!(header.client_id.unwrap(), "ab");
        assert_eq!(body, b"body"[..]);
    }

    #[test]
    fn an_old_header_has_no_tagged_fields() {
        let (header, body) = split(b"\0\x12\0\0\0\0\0\x01\xff\xffbody");
        assert_eq!(header.unwrap().client_id, None);
        assert_eq!(body, b"body"[..]);
    }

    #[test]
    fn a_version_that_does_not_exist_still_has_a_header() {
        let (header, _) = split(b"\0\x12\0\x63\0\0\0\x01\xff\xff\0");
        assert_eq!(header.unwrap().version, 99);
    }

    #[test]
    fn unknown_and_short_headers_are_refused() {
        let (unknown, _) = split(b"\0\x04\0\0\0\0\0\x01\xff\xff");
        assert_eq!(unknown, Err(HeaderError::UnknownApi(4)));
        let whole = b"\0\x12\0\x03\0\0\0\x09\0\x02ab\x01\x05\x01X";
        for length in 0..whole.len() {
            assert!(
                matches!(
                    split(&whole[..length]).0,
                    Err(HeaderError::Decode(DecodeError::Malformed {
                        reason: Malformed::Short,
                        ..
                    }))
                ),
                "{length}"
            );
        }
    }
}
