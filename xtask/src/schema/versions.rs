//! Ranges of message versions: `3-13`, `9+`, `4`, `none`.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Error, bail};

/// A closed range; an open end is `i16::MAX`, an empty range has `first > last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Versions {
    pub(super) first: i16,
    pub(super) last: i16,
}

impl Versions {
    pub(super) const NONE: Self = Self { first: 0, last: -1 };

    pub(super) fn is_none(self) -> bool {
        self.first > self.last
    }

    pub(super) fn contains(self, version: i16) -> bool {
        (self.first..=self.last).contains(&version)
    }

    /// The versions both ranges have.
    pub(super) fn intersect(self, other: Self) -> Self {
        let both = Self {
            first: self.first.max(other.first),
            last: self.last.min(other.last),
        };
        if both.is_none() { Self::NONE } else { both }
    }

    pub(super) fn iter(self) -> impl Iterator<Item = i16> {
        self.first..=self.last
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            empty if empty.is_none() => write!(f, "none"),
            Self { first, last } if first == last => write!(f, "{first}"),
            Self { first, last } if last == i16::MAX => write!(f, "{first}+"),
            Self { first, last } => write!(f, "{first}-{last}"),
        }
    }
}

impl FromStr for Versions {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let number = |digits: &str| -> Result<i16, Error> {
            digits
                .parse()
                .with_context(|| format!("`{text}` is not a version range"))
        };
        let range = if text == "none" {
            return Ok(Self::NONE);
        } else if let Some(first) = text.strip_suffix('+') {
            Self {
                first: number(first)?,
                last: i16::MAX,
            }
        } else if let Some((first, last)) = text.split_once('-') {
            Self {
                first: number(first)?,
                last: number(last)?,
            }
        } else {
            let only = number(text)?;
            Self {
                first: only,
                last: only,
            }
        };
        if range.is_none() {
            bail!("`{text}` is an empty version range");
        }
        Ok(range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_reads_back_as_it_was_written() {
        for text in ["none", "4", "9+", "3-13"] {
            assert_eq!(text.parse::<Versions>().unwrap().to_string(), text);
        }
        assert!("5-3".parse::<Versions>().is_err());
        assert!("x".parse::<Versions>().is_err());
    }

    #[test]
    fn ranges_without_a_common_version_intersect_to_none() {
        let low: Versions = "0-3".parse().unwrap();
        let high: Versions = "4+".parse().unwrap();
        assert!(low.intersect(high).is_none());
        assert_eq!(low.intersect("2-9".parse().unwrap()).to_string(), "2-3");
    }
}
