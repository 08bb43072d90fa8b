//! From an empty process to a node that serves: the metadata log first, then what it names.

use std::rc::Rc;

use thalweg_metadata::MetadataChanges;
use thalweg_metadata::controller::{Bootstrap, RegisterBroker};
use thalweg_metadata::record::Endpoint;
use thalweg_model::{ReplicaId, Uuid};

use super::commands::CommandError;
use crate::config::Listener;
use crate::node::Node;
use crate::partition::scan::ScanError;

/// Id of the one replica that every partition of a one-node cluster has.
pub(super) const ONLY_REPLICA: ReplicaId = ReplicaId(1);

/// Level of `metadata.version` that a new cluster begins with: Apache Kafka 4.3's.
const METADATA_VERSION: i16 = 30;

/// Why a node cannot begin to serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BootError {
    /// The metadata log cannot be read.
    #[error("the metadata log cannot be read: {0}")]
    Scan(#[from] ScanError),
    /// The metadata log makes no sense.
    #[error("the metadata log cannot be replayed: {0}")]
    Replay(String),
    /// The first records cannot be written.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The operating system has no random bytes.
    #[error("no random bytes: {0}")]
    Random(String),
}

/// 16 random bytes of the operating system.
pub(crate) fn random_bytes() -> Result<[u8; 16], BootError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| BootError::Random(error.to_string()))?;
    Ok(bytes)
}

/// A random id.
///
/// # Panics
/// If the operating system has no random bytes any more; it had some at the start.
pub(crate) fn random_uuid() -> Uuid {
    Uuid::from_random(random_bytes().expect("the operating system had random bytes before"))
}

/// Brings the node to the point where clients may come.
pub(crate) async fn boot(
    node: &Rc<Node>,
    listeners: &[Listener],
    cluster_id: Option<&str>,
) -> Result<(), BootError> {
    let now = node.clock.now();
    let spec = node.cluster.metadata_spec();
    let group = node.with_shard(|shard| shard.add(spec, now));
    node.cluster.set_metadata_group(group);
    node.work_arrived.notify_one();
    node.await_serving(&[group]).await;
    let mut batches = Vec::new();
    node.scan(group, |batch| batches.push(batch.clone()))?;
    node.cluster.replay(&batches).map_err(BootError::Replay)?;
    register(node, listeners, cluster_id).await?;
    let image = node.cluster.image();
    let all = MetadataChanges {
        topics_created: image.topics().cloned().collect(),
        ..MetadataChanges::default()
    };
    let groups = node.apply(&all);
    node.await_serving(&groups).await;
    node.drop_unknown_partitions();
    Ok(())
}

async fn register(
    node: &Rc<Node>,
    listeners: &[Listener],
    cluster_id: Option<&str>,
) -> Result<(), BootError> {
    if node.cluster.image().cluster_id().is_none() {
        let cluster_id = match cluster_id {
            Some(given) => given.to_owned(),
            None => Uuid::from_random(random_bytes()?).to_string(),
        };
        let features = vec![
            ("metadata.version".to_owned(), METADATA_VERSION),
            ("eligible.leader.replicas.version".to_owned(), 1),
        ];
        let bootstrap = Bootstrap {
            cluster_id,
            features,
        };
        node.command(|controller| controller.bootstrap(&bootstrap))
            .await?;
    }
    let endpoints: Vec<_> = listeners
        .iter()
        .map(|listener| Endpoint {
            listener: listener.bound.name.as_str().into(),
            host: listener.advertised_host.as_str().into(),
            port: listener.advertised_port,
            security_protocol: 0,
        })
        .collect();
    let image = node.cluster.image();
    let directories = image
        .broker(node.cluster.broker)
        .map(|broker| broker.directories.clone());
    let directories = match directories {
        Some(directories) if !directories.is_empty() => directories,
        Some(_) | None => vec![Uuid::from_random(random_bytes()?)],
    };
    let registration = RegisterBroker {
        id: node.cluster.broker,
        incarnation: Uuid::from_random(random_bytes()?),
        endpoints,
        rack: node.config.rack().map(Into::into),
        directories,
    };
    node.command(|controller| controller.register_broker(registration))
        .await?;
    Ok(())
}

impl Node {
    /// A partition that the shard has and the metadata does not was deleted just before a crash.
    fn drop_unknown_partitions(&self) {
        let image = self.cluster.image();
        let metadata = self.cluster.metadata_group();
        let unknown: Vec<_> = self.with_shard(|shard| {
            let known = |topic| image.topic_by_id(topic).is_some();
            let all = shard.partitions();
            all.filter(|(group, spec)| *group != metadata && !known(spec.topic))
                .map(|(group, _)| group)
                .collect()
        });
        for group in unknown {
            self.with_shard(|shard| shard.remove(group));
        }
    }
}
