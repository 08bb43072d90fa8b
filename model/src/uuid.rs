//! Kafka's 128-bit ids and their text form.

use std::fmt;
use std::str::FromStr;

/// Id of a topic, cluster or directory. Text form: URL-safe base64 without padding, 22 characters.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid([u8; 16]);

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Uuid {
    /// The absent id.
    pub const NIL: Self = Self([0; 16]);

    /// An id from its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, most significant first.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Whether this is the absent id.
    #[must_use]
    pub fn is_nil(&self) -> bool {
        *self == Self::NIL
    }

    /// Makes a version-4 id of 16 random bytes; the caller owns the randomness.
    #[must_use]
    pub fn from_random(mut bytes: [u8; 16]) -> Self {
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Self(bytes)
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = u128::from_be_bytes(self.0);
        for position in 0..22_u32 {
            // 22 digits of 6 bits hold 132 bits; the last digit carries 4 bits of padding.
            let digit = if position == 21 {
                (bits << 4) & 0x3f
            } else {
                (bits >> (122 - 6 * position)) & 0x3f
            };
            let index = usize::try_from(digit).expect("six bits fit");
            write!(f, "{}", char::from(ALPHABET[index]))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not 22 characters of URL-safe base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is 22 characters of URL-safe base64 without padding")]
pub struct UuidParseError;

impl FromStr for Uuid {
    type Err = UuidParseError;

    fn from_str(text: &str) -> Result<Self, UuidParseError> {
        if text.len() != 22 {
            return Err(UuidParseError);
        }
        let mut bits = 0_u128;
        for (position, byte) in text.bytes().enumerate() {
            let digit = ALPHABET
                .iter()
                .position(|&c| c == byte)
                .ok_or(UuidParseError)?;
            let digit = u128::try_from(digit).expect("an index of the alphabet fits");
            bits = if position == 21 {
                (bits << 2) | (digit >> 4)
            } else {
                (bits << 6) | digit
            };
        }
        Ok(Self(bits.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_is_url_safe_base64() {
        let id = Uuid::from_bytes([0xff; 16]);
        assert_eq!(id.to_string(), "_____________________w");
        assert_eq!(Uuid::NIL.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
        let id = Uuid::from_bytes(*b"0123456789abcdef");
        assert_eq!(id.to_string(), "MDEyMzQ1Njc4OWFiY2RlZg");
        assert_eq!("MDEyMzQ1Njc4OWFiY2RlZg".parse(), Ok(id));
    }

    #[test]
    fn text_of_another_length_or_alphabet_is_refused() {
        assert_eq!("MDEy".parse::<Uuid>(), Err(UuidParseError));
        assert_eq!(
            "MDEyMzQ1Njc4OWFiY2RlZ+".parse::<Uuid>(),
            Err(UuidParseError)
        );
    }
}
