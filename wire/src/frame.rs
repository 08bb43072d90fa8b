//! Frames: four bytes of length, then a message with its header.

use bytes::{Bytes, BytesMut};
use thiserror::Error;

use crate::codec::{DecodeError, Decoder, EncodeError, Encoder};
use crate::header::{RequestHeader, ResponseHeader};
use crate::limits::response_budget;
use crate::{Request, Response};

/// Bytes of the length before a frame.
pub const LENGTH_BYTES: usize = 4;

/// Room for most frames other than Fetch responses.
const FRAME_CAPACITY: usize = 256;

/// What the bytes received so far hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameStatus {
    /// This many bytes more are needed for the length, or for the frame that it announces.
    Need(usize),
    /// A whole frame: so many bytes after the length.
    Frame(usize),
}

/// A length no frame has; the connection cannot be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The announced length is negative.
    #[error("a frame announces {0} bytes")]
    Negative(i32),
    /// The announced length is over the limit.
    #[error("a frame announces {length} bytes, more than {limit}")]
    TooLarge {
        /// Bytes announced.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
}

/// Looks at the start of what was received; nothing needs to be allocated for a frame before this has accepted its length.
///
/// # Errors
/// The announced length is negative or over `limit`.
pub fn frame_status(received: &[u8], limit: usize) -> Result<FrameStatus, FrameError> {
    let Some((prefix, body)) = received.split_first_chunk::<LENGTH_BYTES>() else {
        return Ok(FrameStatus::Need(LENGTH_BYTES - received.len()));
    };
    let announced = i32::from_be_bytes(*prefix);
    let Ok(length) = usize::try_from(announced) else {
        return Err(FrameError::Negative(announced));
    };
    if length > limit {
        return Err(FrameError::TooLarge { length, limit });
    }
    Ok(match length.checked_sub(body.len()) {
        None | Some(0) => FrameStatus::Frame(length),
        Some(missing) => FrameStatus::Need(missing),
    })
}

/// Takes a whole frame, without its length, from the front of what was received.
///
/// # Panics
/// If it is not whole: `length` comes from [`FrameStatus::Frame`].
#[must_use]
pub fn split_frame(received: &mut BytesMut, length: usize) -> BytesMut {
    let mut frame = received.split_to(LENGTH_BYTES + length);
    frame.split_off(LENGTH_BYTES)
}

/// A response as a frame, ready to be sent.
///
/// # Errors
/// The response does not fit into the protocol's lengths.
pub fn response_frame<R: Response>(
    response: &R,
    version: i16,
    correlation_id: i32,
) -> Result<BytesMut, EncodeError> {
    let mut e = open_frame(FRAME_CAPACITY);
    let header = ResponseHeader { correlation_id };
    header.encode(&mut e, R::KEY.response_header_version(version));
    response.encode(&mut e, version);
    close_frame(e, 0)
}

/// A request as a frame, ready to be sent.
///
/// # Errors
/// The request does not fit into the protocol's lengths.
pub fn request_frame<R: Request>(
    request: &R,
    header: &RequestHeader,
) -> Result<BytesMut, EncodeError> {
    let mut e = open_frame(FRAME_CAPACITY);
    header.encode(&mut e);
    request.encode(&mut e, header.version);
    close_frame(e, 0)
}

/// Reads a response from a frame without its length.
///
/// # Errors
/// The bytes are not such a response.
pub fn decode_response<R: Response>(
    frame: &Bytes,
    version: i16,
) -> Result<(ResponseHeader, R), DecodeError> {
    let mut d = Decoder::new(frame).with_budget(response_budget(frame.len()));
    let header = ResponseHeader::decode(&mut d, R::KEY.response_header_version(version))?;
    Ok((header, R::decode(&mut d, version)?))
}

/// Starts a frame whose length is written by [`close_frame`].
pub(crate) fn open_frame(capacity: usize) -> Encoder {
    let mut e = Encoder::with_capacity(capacity);
    e.i32(0);
    e
}

/// Writes the length of a frame that has `elsewhere` bytes besides those of the encoder.
pub(crate) fn close_frame(mut e: Encoder, elsewhere: usize) -> Result<BytesMut, EncodeError> {
    let length = e.position() - LENGTH_BYTES + elsewhere;
    match i32::try_from(length) {
        Ok(length) => e.patch_i32(0, length),
        Err(_) => e.fail(EncodeError::Length(length)),
    }
    e.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{HeartbeatRequest, HeartbeatResponse};
    use crate::{ApiKey, Message};

    #[test]
    fn a_length_is_judged_as_soon_as_it_is_there() {
        assert_eq!(frame_status(b"", 10), Ok(FrameStatus::Need(4)));
        assert_eq!(frame_status(b"\0\0\0", 10), Ok(FrameStatus::Need(1)));
        assert_eq!(frame_status(b"\0\0\0\x05ab", 10), Ok(FrameStatus::Need(3)));
        assert_eq!(
            frame_status(b"\0\0\0\x02abc", 10),
            Ok(FrameStatus::Frame(2))
        );
        assert_eq!(frame_status(b"\0\0\0\0", 10), Ok(FrameStatus::Frame(0)));
        assert_eq!(
            frame_status(b"\0\0\0\x0b", 10),
            Err(FrameError::TooLarge {
                length: 11,
                limit: 10
            })
        );
        assert_eq!(
            frame_status(b"\xff\xff\xff\xff", 10),
            Err(FrameError::Negative(-1))
        );
    }

    #[test]
    fn frames_are_split_one_after_the_other() {
        let mut received = BytesMut::from(&b"\0\0\0\x02ab\0\0\0\x01c"[..]);
        assert_eq!(split_frame(&mut received, 2), b"ab"[..]);
        assert_eq!(split_frame(&mut received, 1), b"c"[..]);
        assert!(received.is_empty());
    }

    #[test]
    fn a_request_and_its_answer_cross_the_wire() {
        let request = HeartbeatRequest {
            group_id: "g".into(),
            generation_id: 3,
            member_id: "m".into(),
            ..HeartbeatRequest::default()
        };
        let header = RequestHeader {
            key: ApiKey::Heartbeat,
            version: 4,
            correlation_id: 7,
            client_id: Some("c".into()),
        };
        let mut sent = request_frame(&request, &header).unwrap();
        assert_eq!(frame_status(&sent, 100), Ok(FrameStatus::Frame(22)));
        let mut frame = split_frame(&mut sent, 22);
        assert_eq!(RequestHeader::split_from(&mut frame), Ok(header));
        let body = frame.freeze();
        assert_eq!(HeartbeatRequest::from_bytes(&body, 4), Ok(request));

        let answer = HeartbeatResponse {
            error_code: 27,
            ..HeartbeatResponse::default()
        };
        let mut sent = response_frame(&answer, 4, 7).unwrap();
        assert_eq!(&sent[..], b"\0\0\0\x0c\0\0\0\x07\0\0\0\0\0\0\x1b\0");
        let frame = split_frame(&mut sent, 12).freeze();
        let (header, decoded) = decode_response::<HeartbeatResponse>(&frame, 4).unwrap();
        assert_eq!(header.correlation_id, 7);
        assert_eq!(decoded, answer);
    }
}
