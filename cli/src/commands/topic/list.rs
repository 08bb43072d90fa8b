//! `thalweg topic list`.

use clap::Args;
use serde::Serialize;
use thalweg_model::Uuid;

use crate::client::Topic;
use crate::failure::Failure;
use crate::output::Row;
use crate::session::Session;

/// Arguments of `thalweg topic list`.
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// Only topics whose name contains this
    pattern: Option<String>,
    /// The brokers' own topics too
    #[arg(long)]
    internal: bool,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    #[serde(serialize_with = "crate::record::as_text")]
    id: Uuid,
    partitions: usize,
    replicas: usize,
    internal: bool,
}

impl Row for Listed {
    const HEADS: &'static [&'static str] = &["NAME", "PARTITIONS", "REPLICAS"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.partitions.to_string(),
            self.replicas.to_string(),
        ]
    }
}

/// Runs the command.
pub(crate) async fn execute(session: &mut Session, args: &ListArgs) -> Result<(), Failure> {
    let pattern = args.pattern.as_deref().unwrap_or("");
    let topics = session.client.all_topics().await?.into_iter();
    let rows: Vec<Listed> = topics
        .filter(|topic| topic.name.contains(pattern) && (args.internal || !topic.internal))
        .map(row)
        .collect();
    session.out.rows(&rows)?;
    Ok(())
}

fn row(topic: Topic) -> Listed {
    Listed {
        id: topic.id,
        partitions: topic.partitions.len(),
        replicas: topic.partitions.first().map_or(0, |p| p.replicas.len()),
        internal: topic.internal,
        name: topic.name,
    }
}
