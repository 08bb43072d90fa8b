//! `thalweg topic describe`.

use clap::Args;
use serde::Serialize;
use thalweg_model::Uuid;

use crate::client::{OffsetAt, Partition};
use crate::commands::answers::existing_topic;
use crate::commands::settings::{self, Kind, Setting};
use crate::failure::Failure;
use crate::output::{Format, Row, list};
use crate::session::Session;

/// Arguments of `thalweg topic describe`.
#[derive(Args, Debug)]
pub(crate) struct DescribeArgs {
    /// Names of the topics
    #[arg(required = true)]
    names: Vec<String>,
    /// All settings, not only those that were set for the topic
    #[arg(long)]
    all_configs: bool,
}

#[derive(Serialize)]
struct Described {
    name: String,
    #[serde(serialize_with = "crate::record::as_text")]
    id: Uuid,
    internal: bool,
    partitions: Vec<PartitionRow>,
    configs: Vec<Setting>,
}

#[derive(Serialize)]
struct PartitionRow {
    partition: i32,
    leader: Option<i32>,
    leader_epoch: i32,
    replicas: Vec<i32>,
    in_sync: Vec<i32>,
    offline: Vec<i32>,
    start_offset: Option<i64>,
    end_offset: Option<i64>,
}

impl Row for PartitionRow {
    const HEADS: &'static [&'static str] = &[
        "PARTITION",
        "LEADER",
        "EPOCH",
        "REPLICAS",
        "IN SYNC",
        "OFFLINE",
        "START",
        "END",
    ];

    fn cells(&self) -> Vec<String> {
        let number = |value: Option<i64>| value.map_or_else(|| "-".to_owned(), |v| v.to_string());
        vec![
            self.partition.to_string(),
            number(self.leader.map(i64::from)),
            self.leader_epoch.to_string(),
            list(&self.replicas),
            list(&self.in_sync),
            list(&self.offline),
            number(self.start_offset),
            number(self.end_offset),
        ]
    }
}

/// Runs the command.
pub(crate) async fn execute(session: &mut Session, args: &DescribeArgs) -> Result<(), Failure> {
    let mut all = Vec::new();
    for name in &args.names {
        all.push(describe(session, name, args.all_configs).await?);
    }
    if session.out.format() == Format::Json {
        return Ok(session.out.json(&all)?);
    }
    for (position, topic) in all.iter().enumerate() {
        if position > 0 {
            session.out.gap()?;
        }
        show(session, topic)?;
    }
    Ok(())
}

async fn describe(session: &Session, name: &str, all_configs: bool) -> Result<Described, Failure> {
    let client = &session.client;
    let topic = existing_topic(client, name).await?;
    let led = topic.partitions.iter().filter(|p| p.leader.is_some());
    let led: Vec<i32> = led.map(|p| p.index).collect();
    let starts = client.list_offsets(name, &led, OffsetAt::Earliest).await?;
    let ends = client.list_offsets(name, &led, OffsetAt::Latest).await?;
    let row = |partition: &Partition| PartitionRow {
        partition: partition.index,
        leader: partition.leader,
        leader_epoch: partition.epoch,
        replicas: partition.replicas.clone(),
        in_sync: partition.isr.clone(),
        offline: partition.offline.clone(),
        start_offset: starts.get(&partition.index).copied().flatten(),
        end_offset: ends.get(&partition.index).copied().flatten(),
    };
    let mut configs = settings::read(client, Kind::Topic, name, &[]).await?;
    if !all_configs {
        configs.retain(|setting| setting.source() == "topic");
    }
    Ok(Described {
        name: topic.name.clone(),
        id: topic.id,
        internal: topic.internal,
        partitions: topic.partitions.iter().map(row).collect(),
        configs,
    })
}

fn show(session: &mut Session, topic: &Described) -> Result<(), Failure> {
    let out = &mut session.out;
    out.facts(&[
        ("topic", topic.name.clone()),
        ("id", topic.id.to_string()),
        ("partitions", topic.partitions.len().to_string()),
        (
            "internal",
            if topic.internal { "yes" } else { "no" }.to_owned(),
        ),
    ])?;
    out.gap()?;
    out.rows(&topic.partitions)?;
    if !topic.configs.is_empty() {
        out.gap()?;
        out.rows(&topic.configs)?;
    }
    Ok(())
}
