//! What the handlers of one shard share.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use thalweg_log::GroupId;
use thalweg_log::disk::RealDisk;
use thalweg_metadata::image::{PartitionImage, TopicImage};
use thalweg_model::{LeaderEpoch, PartitionIndex};
use thalweg_replica::{Shard, WaiterId};
use tokio::sync::{Mutex, Notify, Semaphore, oneshot};

use crate::api::fetch::session::Sessions;
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::config::BrokerConfig;
use crate::coordinators::groups::Groups;
use crate::net::buffers::BufferPool;
use crate::net::descriptors::connections_max;
use crate::observe::metrics::Metrics;
use crate::partition::appends::Appends;
use crate::partition::gather::Gather;
use crate::partition::io_threads::IoThreads;

/// The node: a shard with its shell, the cluster's image, the coordinators.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    pub(crate) config: Rc<BrokerConfig>,
    pub(crate) cluster: Cluster,
    pub(crate) groups: Groups,
    shard: RefCell<Shard<RealDisk>>,
    pub(crate) io: IoThreads,
    pub(crate) appends: RefCell<Appends>,
    /// Who is to be told when a waiting fetch should be tried again.
    pub(crate) fetch_waiters: RefCell<BTreeMap<WaiterId, oneshot::Sender<()>>>,
    pub(crate) fetch_sessions: RefCell<Sessions>,
    /// Producer ids that this node may give out.
    pub(crate) producer_ids: Mutex<Range<i64>>,
    /// Something was appended and is to be flushed.
    pub(crate) work_arrived: Notify,
    /// Whether what arrived waits for more.
    pub(crate) gather: RefCell<Gather>,
    /// Something began to wait for more.
    pub(crate) gathering: Notify,
    /// Connections on which more produce requests may come before those under way are answered.
    pub(crate) clients_sending_on: Rc<Cell<usize>>,
    /// A journal block came back.
    pub(crate) block_came: Notify,
    /// A fetch began to wait.
    pub(crate) deadline_changed: Notify,
    /// The disk took something: connections that paused may read on.
    pub(crate) room: Notify,
    /// The disk finished something; for the one who stops the node.
    pub(crate) disk_moved: Notify,
    /// A partition was removed: its files can go.
    pub(crate) partition_removed: Notify,
    /// The node is to stop, with this exit code.
    pub(crate) stop: Stop,
    /// What requests are received in.
    pub(crate) receive_buffers: Rc<RefCell<BufferPool>>,
    /// Bytes of large requests in memory.
    pub(crate) request_bytes: Rc<Cell<usize>>,
    pub(crate) request_bytes_max: usize,
    /// Bytes of answers in memory that were not sent yet.
    pub(crate) answer_bytes: Rc<Cell<usize>>,
    pub(crate) connection_idle_max: Duration,
    /// One for each connection that may be open.
    pub(crate) connection_permits: Arc<Semaphore>,
}

/// The wish that the node stops.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    reason: RefCell<Option<String>>,
    asked: Notify,
}

impl Stop {
    /// Asks for a stop because of a failure.
    pub(crate) fn fail(&self, reason: &str) {
        self.reason
            .borrow_mut()
            .get_or_insert_with(|| reason.to_owned());
        self.asked.notify_one();
    }

    /// Waits until a failure asks for a stop; the reason.
    pub(crate) async fn failed(&self) -> String {
        loop {
            if let Some(reason) = self.reason.borrow().clone() {
                return reason;
            }
            self.asked.notified().await;
        }
    }
}

/// Ends the process if the machine panics: its state can no longer be believed.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}

impl Node {
    pub(crate) fn new(
        clock: Clock,
        config: Rc<BrokerConfig>,
        cluster: Cluster,
        shard: Shard<RealDisk>,
        io: IoThreads,
    ) -> Self {
        let request_bytes_max = config.socket_request_max_bytes();
        let connection_idle_max = config.connections_max_idle();
        Self {
            clock,
            metrics: Metrics::default(),
            config,
            cluster,
            groups: Groups::default(),
            shard: RefCell::new(shard),
            io,
            appends: RefCell::default(),
            fetch_waiters: RefCell::default(),
            fetch_sessions: RefCell::default(),
            producer_ids: Mutex::new(0..0),
            work_arrived: Notify::new(),
            gather: RefCell::default(),
            gathering: Notify::new(),
            clients_sending_on: Rc::default(),
            block_came: Notify::new(),
            deadline_changed: Notify::new(),
            room: Notify::new(),
            disk_moved: Notify::new(),
            partition_removed: Notify::new(),
            stop: Stop::default(),
            request_bytes: Rc::default(),
            request_bytes_max,
            receive_buffers: Rc::default(),
            answer_bytes: Rc::default(),
            connection_idle_max,
            connection_permits: Arc::new(Semaphore::new(connections_max())),
        }
    }

    /// Calls the shard. A panic inside ends the process: crash rather than corrupt.
    pub(crate) fn with_shard<T>(&self, call: impl FnOnce(&mut Shard<RealDisk>) -> T) -> T {
        let guard = AbortOnPanic;
        let result = call(&mut self.shard.borrow_mut());
        drop(guard);
        result
    }

    /// Bytes accepted and not yet on their way to the disk.
    pub(crate) fn appends_waiting_bytes(&self) -> usize {
        self.with_shard(|shard| shard.pending_bytes())
    }

    /// The epoch of a partition's leader: this node's own is known before the image has it.
    pub(crate) fn leader_epoch(
        &self,
        topic: &TopicImage,
        index: PartitionIndex,
        partition: &PartitionImage,
    ) -> LeaderEpoch {
        let group = self
            .cluster
            .route_by_id(topic.id)
            .and_then(|route| route.group(index.0));
        let own = group.and_then(|group| self.with_shard(|shard| shard.leader_epoch(group)));
        own.unwrap_or(partition.leader_epoch)
    }

    pub(crate) fn on_leader_changed(&self, _group: GroupId) {
        self.cluster.on_leader_changed();
    }

    pub(crate) fn on_storage_failed(&self, why: &str) {
        tracing::error!(why, "stable storage failed; nothing more is acknowledged");
        self.stop.fail(why);
    }
}
