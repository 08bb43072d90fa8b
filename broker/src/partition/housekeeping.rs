//! What is done to partitions from time to time.

use std::rc::Rc;
use std::time::Duration;

use crate::limits::DIRECTORY_CHECK;
use crate::node::Node;
use crate::storage::data_dir::DataDir;

/// Applies retention at Kafka's interval, `log.retention.check.interval.ms`.
pub(crate) async fn retain(node: Rc<Node>) {
    loop {
        tokio::time::sleep(node.config.retention_check_interval()).await;
        let now = node.clock.now();
        node.with_shard(|shard| shard.retain(now));
        node.with_shard(|shard| shard.start_checkpoint());
        node.carry_out();
    }
}

/// Lets the files of removed partitions go soon, those of one second together: whoever deletes a
/// topic often needs its space.
pub(crate) async fn give_back_space(node: Rc<Node>) {
    loop {
        node.partition_removed.notified().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        checkpoint(&node).await;
    }
}

/// Brings everything to its files, so that the next start has nothing to replay.
pub(crate) async fn settle(node: &Rc<Node>) {
    loop {
        let moved = node.disk_moved.notified();
        if node.with_shard(|shard| shard.is_quiet()) {
            break;
        }
        moved.await;
    }
    checkpoint(node).await;
}

/// Makes everything that is not in the journal durable: log starts, for one.
pub(crate) async fn checkpoint(node: &Node) {
    let mut started = false;
    loop {
        let moved = node.disk_moved.notified();
        if !node.with_shard(|shard| shard.is_checkpointing()) {
            if started {
                return;
            }
            node.with_shard(|shard| shard.start_checkpoint());
            node.carry_out();
            started = true;
        }
        moved.await;
    }
}

/// Ends the node when its directory is gone: what it acknowledged from then on would be nowhere.
pub(crate) async fn watch(node: Rc<Node>, data: Rc<DataDir>) {
    loop {
        tokio::time::sleep(DIRECTORY_CHECK).await;
        if data.is_gone() {
            let path = data.path.display();
            node.on_storage_failed(&format!("the data directory {path} was removed"));
            return;
        }
    }
}
