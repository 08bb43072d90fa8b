//! A string that is a slice of the frame it came in.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use bytes::Bytes;

/// Reference-counted UTF-8 text.
///
/// A clone and a decoded string copy nothing, so either keeps its whole frame in memory: what is stored for long is
/// [`Str::detached`] first. Comparing works on bytes; `Deref` to `str` checks UTF-8 again (the crate has no `unsafe`),
/// which is a few nanoseconds for a name.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Str(Bytes);

impl Str {
    /// Text that is part of the program.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }

    /// The part of a frame that `text` is.
    pub(crate) fn slice_of(frame: &Bytes, text: &str) -> Self {
        Self::from_checked(frame.slice_ref(text.as_bytes()))
    }

    /// Bytes that a [`crate::codec::Reader`] took as text.
    pub(crate) fn from_checked(bytes: Bytes) -> Self {
        debug_assert!(std::str::from_utf8(&bytes).is_ok(), "text is UTF-8");
        Self(bytes)
    }

    /// The text.
    #[must_use]
    #[expect(
        clippy::missing_panics_doc,
        reason = "no constructor takes other bytes"
    )]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("every constructor takes checked text")
    }

    /// The bytes of the text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A copy that does not keep the frame in memory.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }
}

impl TryFrom<Bytes> for Str {
    type Error = std::str::Utf8Error;

    fn try_from(bytes: Bytes) -> Result<Self, Self::Error> {
        std::str::from_utf8(&bytes)?;
        Ok(Self(bytes))
    }
}

impl From<Str> for Bytes {
    fn from(text: Str) -> Self {
        text.0
    }
}

impl From<&str> for Str {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<String> for Str {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&String> for Str {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<Str> for String {
    fn from(text: Str) -> Self {
        text.as_str().into()
    }
}

impl Deref for Str {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Str {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Str {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl Hash for Str {
    /// As `str` hashes, so that a map can be asked with one.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl PartialEq<str> for Str {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Str {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_map_of_names_is_asked_with_str() {
        let map = BTreeMap::from([(Str::from("b"), 1), (Str::from_static("a"), 2)]);
        assert_eq!(map.get("b"), Some(&1));
        assert_eq!(map.get("c"), None);
    }

    #[test]
    fn bytes_that_are_not_text_are_refused() {
        assert!(Str::try_from(Bytes::from_static(b"\xff")).is_err());
        let text = Str::try_from(Bytes::from_static("ü".as_bytes())).unwrap();
        assert_eq!(text, "ü");
        assert_eq!(format!("{text} {text:?}"), "ü \"ü\"");
    }

    #[test]
    fn a_detached_copy_lets_the_frame_go() {
        let frame = Bytes::from(vec![b'x'; 1000]);
        let text = Str::try_from(frame.slice(..3)).unwrap().detached();
        assert!(frame.is_unique());
        assert_eq!(text, "xxx");
    }
}
