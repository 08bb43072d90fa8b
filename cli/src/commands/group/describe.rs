//! `thalweg group describe`.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use super::offsets::{self, Offsets};
use super::state::{self, GroupState, MemberState};
use crate::client::OffsetAt;
use crate::failure::Failure;
use crate::output::{Format, Row, list};
use crate::session::Session;
use crate::suggest::nearest;

/// Arguments of `thalweg group describe`.
#[derive(Args, Debug)]
pub(crate) struct DescribeArgs {
    /// Names of the groups
    #[arg(required = true)]
    names: Vec<String>,
    /// The members with their partitions
    #[arg(long)]
    members: bool,
}

#[derive(Serialize)]
struct Described {
    group: String,
    state: String,
    protocol: String,
    coordinator: i32,
    total_lag: i64,
    offsets: Vec<OffsetRow>,
    members: Vec<MemberState>,
}

#[derive(Serialize)]
struct OffsetRow {
    topic: String,
    partition: i32,
    committed: Option<i64>,
    end: Option<i64>,
    lag: Option<i64>,
    member_id: Option<String>,
    client_id: Option<String>,
    host: Option<String>,
}

impl Row for OffsetRow {
    const HEADS: &'static [&'static str] = &[
        "TOPIC",
        "PARTITION",
        "COMMITTED",
        "END",
        "LAG",
        "CLIENT",
        "HOST",
    ];

    fn cells(&self) -> Vec<String> {
        let number = |value: Option<i64>| value.map_or_else(|| "-".to_owned(), |v| v.to_string());
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        vec![
            self.topic.clone(),
            self.partition.to_string(),
            number(self.committed),
            number(self.end),
            number(self.lag),
            text(&self.client_id),
            text(&self.host),
        ]
    }
}

impl Row for MemberState {
    const HEADS: &'static [&'static str] = &["MEMBER", "INSTANCE", "CLIENT", "HOST", "PARTITIONS"];

    fn cells(&self) -> Vec<String> {
        let shares = self.partitions.iter();
        let shares = shares.map(|(topic, partitions)| format!("{topic}:{}", list(partitions)));
        let shares: Vec<String> = shares.collect();
        vec![
            self.member_id.clone(),
            self.instance_id.clone().unwrap_or_else(|| "-".to_owned()),
            self.client_id.clone(),
            self.host.clone(),
            if shares.is_empty() {
                "-".to_owned()
            } else {
                shares.join(" ")
            },
        ]
    }
}

/// Runs the command.
pub(crate) async fn execute(session: &mut Session, args: &DescribeArgs) -> Result<(), Failure> {
    let mut all = Vec::new();
    for name in &args.names {
        all.push(describe(session, name).await?);
    }
    if session.out.format() == Format::Json {
        return Ok(session.out.json(&all)?);
    }
    for (position, group) in all.iter().enumerate() {
        if position > 0 {
            session.out.gap()?;
        }
        show(session, group, args.members)?;
    }
    Ok(())
}

async fn describe(session: &Session, name: &str) -> Result<Described, Failure> {
    let client = &session.client;
    let state = state::describe(client, name).await?;
    let committed = offsets::fetch(client, name, None).await?;
    if state.is_unknown() && committed.is_empty() {
        return Err(unknown_group(session, name).await);
    }
    let mut partitions: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    let assigned = state.members.iter().flat_map(|member| &member.partitions);
    let assigned = assigned.flat_map(|(topic, all)| all.iter().map(move |p| (topic, *p)));
    let committed_ones = committed.iter();
    let committed_ones =
        committed_ones.flat_map(|(topic, all)| all.keys().map(move |p| (topic, *p)));
    for (topic, partition) in assigned.chain(committed_ones) {
        let known = partitions.entry(topic.clone()).or_default();
        if !known.contains(&partition) {
            known.push(partition);
        }
    }
    let mut rows = Vec::new();
    for (topic, mut partitions) in partitions {
        partitions.sort_unstable();
        // A topic that was deleted has offsets and no end.
        let ends = client
            .list_offsets(&topic, &partitions, OffsetAt::Latest)
            .await;
        let ends = ends.unwrap_or_default();
        for partition in partitions {
            let end = ends.get(&partition).copied().flatten();
            rows.push(row(&topic, partition, &committed, end, &state));
        }
    }
    Ok(Described {
        group: name.to_owned(),
        state: state.state,
        protocol: state.protocol,
        coordinator: state.coordinator,
        total_lag: rows.iter().filter_map(|row| row.lag).sum(),
        offsets: rows,
        members: state.members,
    })
}

fn row(
    topic: &str,
    partition: i32,
    committed: &Offsets,
    end: Option<i64>,
    state: &GroupState,
) -> OffsetRow {
    let committed = committed.get(topic).and_then(|all| all.get(&partition));
    let owner = state.members.iter().find(|member| {
        let share = member.partitions.get(topic);
        share.is_some_and(|share| share.contains(&partition))
    });
    OffsetRow {
        topic: topic.to_owned(),
        partition,
        committed: committed.copied(),
        end,
        lag: end
            .zip(committed)
            .map(|(end, committed)| (end - committed).max(0)),
        member_id: owner.map(|member| member.member_id.clone()),
        client_id: owner.map(|member| member.client_id.clone()),
        host: owner.map(|member| member.host.clone()),
    }
}

/// Says that a group does not exist, and which one may have been meant.
async fn unknown_group(session: &Session, name: &str) -> Failure {
    let failure = Failure::new(format!("there is no group '{name}'"));
    let known = super::list::names(&session.client)
        .await
        .unwrap_or_default();
    match nearest(name, known.iter().map(String::as_str)) {
        Some(similar) => failure.fix(format!("'{similar}' exists; was it meant?")),
        None => failure.fix("list the groups with `thalweg group list`"),
    }
}

fn show(session: &mut Session, group: &Described, members: bool) -> Result<(), Failure> {
    let out = &mut session.out;
    let or_dash = |text: &str| if text.is_empty() { "-" } else { text }.to_owned();
    out.facts(&[
        ("group", group.group.clone()),
        ("state", group.state.clone()),
        ("protocol", or_dash(&group.protocol)),
        ("coordinator", group.coordinator.to_string()),
        ("members", group.members.len().to_string()),
        ("lag", group.total_lag.to_string()),
    ])?;
    out.gap()?;
    out.rows(&group.offsets)?;
    if members {
        out.gap()?;
        out.rows(&group.members)?;
    }
    Ok(())
}
