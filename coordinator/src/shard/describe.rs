//! DescribeGroups and ListGroups: reads that never wait.

use super::GroupShard;
use crate::GroupId;
use crate::messages::{GroupDescription, GroupFilter, GroupListing};

impl GroupShard {
    /// A group with its members; dead if there is none.
    #[must_use]
    pub fn describe(&self, id: &GroupId) -> GroupDescription {
        match self.groups.get(id).filter(|group| group.visible) {
            Some(group) => group.describe(),
            None => GroupDescription::dead(id.clone()),
        }
    }

    /// The shard's groups that pass a filter, by name.
    #[must_use]
    pub fn list(&self, filter: &GroupFilter) -> Vec<GroupListing> {
        let visible = self.groups.values().filter(|group| group.visible);
        let listings = visible.map(crate::classic::ClassicGroup::list);
        listings
            .filter(|listing| {
                names(&filter.states, listing.state.name())
                    && names(&filter.types, listing.group_type)
            })
            .collect()
    }
}

fn names(filter: &[String], name: &str) -> bool {
    filter.is_empty()
        || filter
            .iter()
            .any(|wanted| wanted.trim().eq_ignore_ascii_case(name))
}
