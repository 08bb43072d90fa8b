//! Groups as a whole: found, shown, listed, deleted, and what is left of them after a restart.

use std::collections::BTreeMap;

use thalweg_wire::messages::{
    DeleteGroupsRequest, DescribeGroupsRequest, FindCoordinatorRequest, ListGroupsRequest,
};

use super::model::Group;
use super::run::{Run, text};
use crate::harness::becomes;

const GROUP_ID_NOT_FOUND: i16 = 69;
const NON_EMPTY_GROUP: i16 = 68;

/// Several keys are asked for at once.
const KEYS_FROM: i16 = 4;
/// States are told.
const STATES_FROM: i16 = 4;
/// A missing group is an error.
const NOT_FOUND_FROM: i16 = 6;

const GROUPS: [&str; 3] = ["g", "group-2", "another"];

/// Answers after which the same is asked again: the coordinator is not ready.
const NOT_READY: [i16; 3] = [14, 15, 16];

impl Run {
    pub(super) fn group_name(&mut self) -> String {
        self.pick(&GROUPS).to_owned()
    }

    /// Asks for the coordinator, which makes the topic of positions, until all groups can be asked for.
    pub(super) fn await_coordinator(&mut self) {
        let version = self.version(0, 6);
        let request = FindCoordinatorRequest {
            key: text("g"),
            key_type: 0,
            coordinator_keys: GROUPS.map(text).to_vec(),
        };
        let found = self.ask(&request, version);
        let port = i32::from(self.broker.port);
        if version < KEYS_FROM {
            assert_eq!((found.error_code, found.node_id, found.port), (0, 1, port));
        } else {
            assert_eq!(found.coordinators.len(), GROUPS.len());
            for found in found.coordinators {
                assert_eq!((found.error_code, found.node_id, found.port), (0, 1, port));
            }
        }
        let is_ready = becomes(|| {
            let groups = self.described(5);
            groups.values().all(|(code, ..)| !NOT_READY.contains(code))
        });
        assert!(is_ready, "groups are served");
    }

    /// Code, state, type of protocol and assignments of all groups.
    fn described(&mut self, version: i16) -> BTreeMap<String, (i16, String, String, Assignments)> {
        let request = DescribeGroupsRequest {
            groups: GROUPS.map(text).to_vec(),
            include_authorized_operations: false,
        };
        let answer = self.ask(&request, version);
        let groups = answer.groups.into_iter().map(|group| {
            let state = group.group_state.to_string();
            let members = group.members.iter();
            let assignments =
                members.map(|m| (m.member_id.to_string(), m.member_assignment.to_vec()));
            let told = (
                group.error_code,
                state,
                group.protocol_type.to_string(),
                assignments.collect(),
            );
            (group.group_id.to_string(), told)
        });
        groups.collect()
    }

    pub(super) fn describe_groups(&mut self) {
        let version = self.version(0, 6);
        self.did(format!("groups version {version}"));
        for (name, told) in self.described(version) {
            let (code, state, protocol, assignments) = told;
            let Some(known) = self.model.groups.get(&name) else {
                let missing = if version >= NOT_FOUND_FROM {
                    GROUP_ID_NOT_FOUND
                } else {
                    0
                };
                assert_eq!((code, state.as_str()), (missing, "Dead"), "{name}");
                continue;
            };
            assert_eq!(
                (code, state.as_str()),
                (0, known.state()),
                "{name} {known:?}"
            );
            assert_eq!(protocol, known.protocol_type(), "{name} {known:?}");
            let members = known.now.members.iter();
            let expected: Assignments = members
                .map(|m| (m.id.clone(), m.assignment.clone()))
                .collect();
            let is_same = if known.state() == "Stable" {
                assignments == expected
            } else {
                assignments.keys().eq(expected.keys())
            };
            assert!(is_same, "{name} has {assignments:?}, not {expected:?}");
        }
        self.list_groups();
    }

    fn list_groups(&mut self) {
        let version = self.version(0, 5);
        let only = self.once_in(2).then(|| self.pick(&["Stable", "Empty"]));
        let only = only.filter(|_| version >= STATES_FROM);
        let request = ListGroupsRequest {
            states_filter: only.iter().map(|state| text(state)).collect(),
            ..ListGroupsRequest::default()
        };
        self.did(format!("list groups, only {only:?} version {version}"));
        let answer = self.ask(&request, version);
        assert_eq!(answer.error_code, 0);
        let told: BTreeMap<String, String> = {
            let groups = answer.groups.iter();
            groups
                .map(|g| (g.group_id.to_string(), g.group_state.to_string()))
                .collect()
        };
        let state = |group: &Group| {
            if version >= STATES_FROM {
                group.state()
            } else {
                ""
            }
        };
        let is_wanted = |group: &Group| only.is_none_or(|only| only == group.state());
        let known = self
            .model
            .groups
            .iter()
            .filter(|(_, group)| is_wanted(group));
        let expected: BTreeMap<String, String> = known
            .map(|(name, group)| (name.clone(), state(group).to_owned()))
            .collect();
        assert_eq!(told, expected);
    }

    pub(super) fn delete_groups(&mut self) {
        let version = self.version(0, 2);
        let group = self.group_name();
        self.did(format!("delete {group} version {version}"));
        let request = DeleteGroupsRequest {
            groups_names: vec![text(&group)],
        };
        let answer = self.ask(&request, version);
        let expected = match self.model.groups.get(&group) {
            None => GROUP_ID_NOT_FOUND,
            Some(known) if !known.now.members.is_empty() => NON_EMPTY_GROUP,
            Some(_) => 0,
        };
        assert_eq!(answer.results[0].error_code, expected, "{group}");
        if expected == 0 {
            self.model.groups.remove(&group);
        }
    }

    /// Groups come back as they were stored; one that only had positions and has none left may be gone.
    pub(super) fn resume_groups(&mut self) {
        let told = self.described(5);
        self.model.groups.retain(|name, known| {
            known.now = known.stored.clone();
            known.is_rebalancing = false;
            let may_be_gone = !known.now.was_joined && known.positions.is_empty();
            !may_be_gone || told[name].1 != "Dead"
        });
        self.describe_groups();
    }
}

/// What each member was given.
type Assignments = BTreeMap<String, Vec<u8>>;
