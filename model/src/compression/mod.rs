//! Kafka's four codecs, bounded: no input grows beyond the limit its caller sets.

mod lz4;
mod snappy;
mod zstd_reader;

use std::io::{self, BufRead, BufReader, Read, Write};

/// Codec of a batch's records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Compression {
    /// Plain.
    #[default]
    None,
    /// RFC 1952.
    Gzip,
    /// Snappy in the framing of snappy-java.
    Snappy,
    /// The LZ4 frame format.
    Lz4,
    /// Zstandard frames.
    Zstd,
}

/// Effort of a codec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// What Kafka takes by default: gzip 6, lz4 9 (of which the fast method is used), zstd 3.
    #[default]
    Default,
    /// The codec's own scale.
    Exact(i32),
}

/// Why data could not be compressed or decompressed.
#[derive(Debug, thiserror::Error)]
pub enum CompressionError {
    /// The compressed data is damaged.
    #[error("{codec:?} data is damaged: {cause}")]
    Damaged {
        /// Which codec.
        codec: Compression,
        /// What it said.
        #[source]
        cause: io::Error,
    },
    /// The plain data is larger than allowed.
    #[error("{codec:?} data grows beyond {limit} bytes")]
    TooLarge {
        /// Which codec.
        codec: Compression,
        /// The limit.
        limit: usize,
    },
    /// The codec could not compress.
    #[error("{codec:?} compression failed: {cause}")]
    Failed {
        /// Which codec.
        codec: Compression,
        /// What it said.
        #[source]
        cause: io::Error,
    },
}

/// `Read` of a reader that has a buffer of its own.
fn read_buffered(reader: &mut impl BufRead, out: &mut [u8]) -> io::Result<usize> {
    let available = reader.fill_buf()?;
    let length = available.len().min(out.len());
    out[..length].copy_from_slice(&available[..length]);
    reader.consume(length);
    Ok(length)
}

impl Compression {
    /// Every codec.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The codec with this number in a batch's attributes.
    #[must_use]
    pub fn from_id(id: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.id() == id)
    }

    /// Its number in a batch's attributes.
    #[must_use]
    pub fn id(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd => 4,
        }
    }

    /// The name that `compression.type` has for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// A reader of the plain data that holds no more than a block or window of it.
    ///
    /// # Errors
    /// The data does not begin as the codec's data does.
    pub fn reader<'a>(self, data: &'a [u8]) -> io::Result<Box<dyn BufRead + 'a>> {
        const BUFFER_BYTES: usize = 8 << 10;
        Ok(match self {
            Self::None => Box::new(data),
            Self::Gzip => {
                let decoder = flate2::bufread::MultiGzDecoder::new(data);
                Box::new(BufReader::with_capacity(BUFFER_BYTES, decoder))
            }
            Self::Snappy => Box::new(snappy::Reader::new(data)),
            Self::Lz4 => Box::new(lz4::Reader::new(data)?),
            Self::Zstd => Box::new(zstd_reader::reader(data, BUFFER_BYTES)?),
        })
    }

    /// The plain form of `data`.
    ///
    /// # Errors
    /// The data is damaged or grows beyond `limit` bytes.
    pub fn decompress(self, data: &[u8], limit: usize) -> Result<Vec<u8>, CompressionError> {
        let damaged = |cause| CompressionError::Damaged { codec: self, cause };
        let allowed = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        let mut plain = Vec::new();
        let mut reader = self.reader(data).map_err(damaged)?.take(allowed);
        reader.read_to_end(&mut plain).map_err(damaged)?;
        if plain.len() > limit {
            return Err(CompressionError::TooLarge { codec: self, limit });
        }
        Ok(plain)
    }

    /// The compressed form of `plain`, as the Java client would frame it.
    ///
    /// # Errors
    /// The codec failed.
    pub fn compress(self, plain: &[u8], level: Level) -> Result<Vec<u8>, CompressionError> {
        let failed = |cause| CompressionError::Failed { codec: self, cause };
        match self {
            Self::None => Ok(plain.to_vec()),
            Self::Gzip => gzip(plain, level).map_err(failed),
            Self::Snappy => snappy::compress(plain).map_err(failed),
            Self::Lz4 => lz4::compress(plain).map_err(failed),
            Self::Zstd => {
                let level = match level {
                    Level::Default => 3,
                    Level::Exact(level) => level,
                };
                zstd::stream::encode_all(plain, level).map_err(failed)
            }
        }
    }
}

fn gzip(plain: &[u8], level: Level) -> io::Result<Vec<u8>> {
    let level = match level {
        Level::Default => flate2::Compression::default(),
        Level::Exact(level) => flate2::Compression::new(u32::try_from(level).unwrap_or(6).min(9)),
    };
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
    encoder.write_all(plain)?;
    encoder.finish()
}
