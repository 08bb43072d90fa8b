//! What is done to partitions from time to time.

use std::rc::Rc;

use crate::node::Node;

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

/// Brings everything to its files, so that the next start has nothing to replay.
pub(crate) async fn settle(node: &Rc<Node>) {
    while node.with_shard(|shard| !shard.is_quiet()) {
        node.disk_moved.notified().await;
    }
    node.with_shard(|shard| shard.start_checkpoint());
    node.carry_out();
    while node.with_shard(|shard| shard.is_checkpointing()) {
        node.disk_moved.notified().await;
    }
}
