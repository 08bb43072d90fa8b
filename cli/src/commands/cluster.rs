//! `thalweg cluster`.

use clap::{Args, Subcommand};
use serde::Serialize;
use thalweg_wire::Str;
use thalweg_wire::messages::MetadataResponse;

use super::settings::{self, Kind};
use crate::failure::Failure;
use crate::output::{Format, FormatArgs, Row};
use crate::session::Session;

/// Arguments of `thalweg cluster`.
#[derive(Args, Debug)]
pub(crate) struct ClusterArgs {
    #[command(flatten)]
    format: FormatArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Show the cluster's id, brokers and sizes
    Info,
    /// List the brokers
    Brokers,
    /// Show the settings of a broker
    Configs {
        /// Id of the broker [default: the first]
        #[arg(long, value_name = "ID")]
        broker: Option<i32>,
        /// Defaults too, not only what was set
        #[arg(long)]
        all: bool,
    },
}

#[derive(Serialize)]
struct BrokerRow {
    id: i32,
    host: String,
    port: i32,
    rack: Option<String>,
    controller: bool,
    leaders: usize,
    replicas: usize,
}

impl Row for BrokerRow {
    const HEADS: &'static [&'static str] = &[
        "ID",
        "HOST",
        "PORT",
        "RACK",
        "CONTROLLER",
        "LEADERS",
        "REPLICAS",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.host.clone(),
            self.port.to_string(),
            self.rack.clone().unwrap_or_else(|| "-".to_owned()),
            if self.controller { "yes" } else { "no" }.to_owned(),
            self.leaders.to_string(),
            self.replicas.to_string(),
        ]
    }
}

#[derive(Serialize)]
struct Info {
    cluster_id: Option<String>,
    controller: Option<i32>,
    topics: usize,
    partitions: usize,
    without_leader: usize,
    under_replicated: usize,
    brokers: Vec<BrokerRow>,
}

/// Runs the command.
pub(crate) async fn execute(session: &mut Session, args: ClusterArgs) -> Result<(), Failure> {
    session.out.choose(args.format);
    match args.action {
        Action::Info => {
            let info = info(&session.client.metadata(None, false).await?);
            show(session, &info)
        }
        Action::Brokers => {
            let info = info(&session.client.metadata(None, false).await?);
            Ok(session.out.rows(&info.brokers)?)
        }
        Action::Configs { broker, all } => {
            let id = match broker {
                Some(id) => id,
                None => first_broker(session).await?,
            };
            let name = id.to_string();
            let mut found = settings::read(&session.client, Kind::Broker, &name, &[]).await?;
            if !all {
                found.retain(|setting| setting.is_own());
            }
            Ok(session.out.rows(&found)?)
        }
    }
}

async fn first_broker(session: &Session) -> Result<i32, Failure> {
    let metadata = session.client.metadata(Some(&[]), false).await?;
    let first = metadata.brokers.iter().map(|broker| broker.node_id).min();
    first.ok_or_else(|| Failure::new("the cluster names no broker"))
}

fn info(metadata: &MetadataResponse) -> Info {
    let partitions = || metadata.topics.iter().flat_map(|topic| &topic.partitions);
    let brokers = metadata.brokers.iter().map(|broker| BrokerRow {
        id: broker.node_id,
        host: broker.host.as_str().to_owned(),
        port: broker.port,
        rack: broker.rack.as_ref().map(|rack| rack.as_str().to_owned()),
        controller: broker.node_id == metadata.controller_id,
        leaders: partitions()
            .filter(|p| p.leader_id == broker.node_id)
            .count(),
        replicas: partitions()
            .filter(|p| p.replica_nodes.contains(&broker.node_id))
            .count(),
    });
    let mut brokers: Vec<BrokerRow> = brokers.collect();
    brokers.sort_by_key(|broker| broker.id);
    Info {
        cluster_id: metadata
            .cluster_id
            .as_ref()
            .map(|id| Str::as_str(id).to_owned()),
        controller: (metadata.controller_id >= 0).then_some(metadata.controller_id),
        topics: metadata.topics.len(),
        partitions: partitions().count(),
        without_leader: partitions().filter(|p| p.leader_id < 0).count(),
        under_replicated: partitions()
            .filter(|p| p.isr_nodes.len() < p.replica_nodes.len())
            .count(),
        brokers,
    }
}

fn show(session: &mut Session, info: &Info) -> Result<(), Failure> {
    let out = &mut session.out;
    if out.format() == Format::Json {
        return Ok(out.json(info)?);
    }
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    out.facts(&[
        ("cluster id", or_dash(info.cluster_id.clone())),
        (
            "controller",
            or_dash(info.controller.map(|id| id.to_string())),
        ),
        ("brokers", info.brokers.len().to_string()),
        ("topics", info.topics.to_string()),
        ("partitions", info.partitions.to_string()),
        ("without leader", info.without_leader.to_string()),
        ("under-replicated", info.under_replicated.to_string()),
    ])?;
    out.gap()?;
    Ok(out.rows(&info.brokers)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use thalweg_wire::messages::metadata_response::{
        MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
    };

    #[test]
    fn a_cluster_is_counted() {
        let partition = |leader_id, isr: &[i32]| MetadataResponsePartition {
            leader_id,
            replica_nodes: vec![1, 2],
            isr_nodes: isr.to_vec(),
            ..MetadataResponsePartition::default()
        };
        let broker = |node_id| MetadataResponseBroker {
            node_id,
            ..MetadataResponseBroker::default()
        };
        let metadata = MetadataResponse {
            brokers: vec![broker(2), broker(1)],
            controller_id: 1,
            topics: vec![MetadataResponseTopic {
                partitions: vec![
                    partition(1, &[1, 2]),
                    partition(1, &[1]),
                    partition(-1, &[]),
                ],
                ..MetadataResponseTopic::default()
            }],
            ..MetadataResponse::default()
        };
        let info = info(&metadata);
        assert_eq!((info.topics, info.partitions), (1, 3));
        assert_eq!((info.without_leader, info.under_replicated), (1, 2));
        let first = &info.brokers[0];
        assert_eq!((first.id, first.controller), (1, true));
        assert_eq!((first.leaders, first.replicas), (2, 3));
    }
}
