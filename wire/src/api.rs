//! Versions of APIs, and which header goes with which.

use crate::ApiKey;
use crate::api_key::SPECS;

/// Name and versions of an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiSpec {
    /// Kafka's name of the API.
    pub name: &'static str,
    /// The API key on the wire.
    pub code: i16,
    /// Oldest version.
    pub min_version: i16,
    /// Newest version.
    pub max_version: i16,
    /// First flexible version; `i16::MAX` if there is none.
    pub flexible_from: i16,
    /// The newest version is not advertised unless unstable versions are asked for.
    pub newest_unstable: bool,
}

impl ApiSpec {
    /// Newest version that is advertised by default.
    #[must_use]
    pub const fn max_stable_version(&self) -> i16 {
        if self.newest_unstable {
            self.max_version - 1
        } else {
            self.max_version
        }
    }

    /// Whether requests of this version can be decoded.
    #[must_use]
    pub const fn has_version(&self, version: i16) -> bool {
        self.min_version <= version && version <= self.max_version
    }

    /// Whether the version is flexible.
    #[must_use]
    pub const fn is_flexible(&self, version: i16) -> bool {
        version >= self.flexible_from
    }
}

impl ApiKey {
    /// The API with this code, if the broker listener has it.
    #[must_use]
    pub fn from_code(code: i16) -> Option<Self> {
        let index = SPECS.binary_search_by_key(&code, |spec| spec.code).ok()?;
        Some(Self::ALL[index])
    }

    /// The code on the wire.
    #[must_use]
    pub const fn code(self) -> i16 {
        self.spec().code
    }

    /// Name and versions.
    #[must_use]
    pub const fn spec(self) -> &'static ApiSpec {
        &SPECS[self as usize]
    }

    /// The request header's version: 2 with flexible versions, else 1 (0 went with an API that is gone).
    #[must_use]
    pub const fn request_header_version(self, version: i16) -> i16 {
        if self.spec().is_flexible(version) {
            2
        } else {
            1
        }
    }

    /// The response header's version: 1 with flexible versions, else 0.
    ///
    /// ApiVersions always answers with 0: the client does not know yet which versions the broker has (KIP-511).
    #[must_use]
    pub const fn response_header_version(self, version: i16) -> i16 {
        if matches!(self, Self::ApiVersions) || !self.spec().is_flexible(version) {
            0
        } else {
            1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_versions_follow_flexibility_except_for_api_versions() {
        assert_eq!(ApiKey::Produce.request_header_version(8), 1);
        assert_eq!(ApiKey::Produce.request_header_version(9), 2);
        assert_eq!(ApiKey::Produce.response_header_version(8), 0);
        assert_eq!(ApiKey::Produce.response_header_version(9), 1);
        assert_eq!(ApiKey::ApiVersions.request_header_version(3), 2);
        assert_eq!(ApiKey::ApiVersions.response_header_version(3), 0);
        assert_eq!(ApiKey::SaslHandshake.request_header_version(1), 1);
    }

    #[test]
    fn codes_and_keys_are_one_to_one() {
        for key in ApiKey::ALL {
            assert_eq!(ApiKey::from_code(key.code()), Some(key));
        }
        assert_eq!(ApiKey::Fetch.code(), 1);
        assert_eq!(ApiKey::DeleteShareGroupOffsets.code(), 92);
        assert_eq!(ApiKey::from_code(4), None);
        assert_eq!(ApiKey::from_code(-1), None);
    }

    #[test]
    fn an_unstable_version_is_not_advertised() {
        let spec = ApiKey::InitProducerId.spec();
        assert_eq!((spec.max_version, spec.max_stable_version()), (6, 5));
        assert_eq!(ApiKey::Fetch.spec().max_stable_version(), 18);
    }
}
