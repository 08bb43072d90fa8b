//! Which version of each API a broker and this client have in common.

use std::collections::BTreeMap;

use thalweg_wire::ApiKey;
use thalweg_wire::messages::api_versions_response::ApiVersion;

/// The ranges a broker announced.
#[derive(Clone, Debug, Default)]
pub(crate) struct ApiRanges(BTreeMap<i16, (i16, i16)>);

impl ApiRanges {
    /// From an answer to ApiVersions.
    pub(crate) fn of(keys: &[ApiVersion]) -> Self {
        let range = |key: &ApiVersion| (key.api_key, (key.min_version, key.max_version));
        Self(keys.iter().map(range).collect())
    }

    /// The highest version that both sides have and that is not marked unstable here.
    pub(crate) fn highest_common(&self, key: ApiKey) -> Option<i16> {
        let &(min, max) = self.0.get(&key.code())?;
        let spec = key.spec();
        let version = max.min(spec.max_stable_version());
        (version >= min && version >= spec.min_version).then_some(version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(key: ApiKey, min_version: i16, max_version: i16) -> ApiRanges {
        ApiRanges::of(&[ApiVersion {
            api_key: key.code(),
            min_version,
            max_version,
        }])
    }

    #[test]
    fn the_highest_version_of_both_sides_is_taken() {
        let fetch = |min, max| ranges(ApiKey::Fetch, min, max).highest_common(ApiKey::Fetch);
        assert_eq!(fetch(4, 11), Some(11));
        assert_eq!(fetch(0, 99), Some(18));
        assert_eq!(fetch(19, 99), None);
        assert_eq!(fetch(0, 3), None);
        assert_eq!(ApiRanges::default().highest_common(ApiKey::Fetch), None);
        // The newest version of this API is unstable.
        let newest = ranges(ApiKey::InitProducerId, 0, 6);
        assert_eq!(newest.highest_common(ApiKey::InitProducerId), Some(5));
    }
}
