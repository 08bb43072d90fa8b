//! The shell around the shard: waits for events, calls the machine, carries out its effects.

use std::rc::Rc;

use thalweg_log::disk::RealDisk;
use thalweg_model::Tick;
use thalweg_replica::{Effect, Shard};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::yield_now;
use tokio::time::{sleep, sleep_until};

use super::gather::keep_gathering;
use super::io_threads::Done;
use crate::limits::VOUCH_AFTER;
use crate::node::Node;

/// Starts the shell's tasks on the current local set.
pub(crate) fn spawn(node: &Rc<Node>, done: UnboundedReceiver<Done>) {
    tokio::task::spawn_local(flush_when_work_arrives(Rc::clone(node)));
    tokio::task::spawn_local(keep_gathering(Rc::clone(node)));
    tokio::task::spawn_local(take_finished_io(Rc::clone(node), done));
    tokio::task::spawn_local(keep_deadlines(Rc::clone(node)));
    tokio::task::spawn_local(vouch_when_quiet(Rc::clone(node)));
}

/// Has the newest journal block vouched for when no other follows it by itself.
async fn vouch_when_quiet(node: Rc<Node>) {
    loop {
        node.block_came.notified().await;
        sleep(VOUCH_AFTER).await;
        node.with_shard(Shard::vouch);
        node.carry_out();
    }
}

/// One group commit for all that arrived in this turn of the runtime.
async fn flush_when_work_arrives(node: Rc<Node>) {
    loop {
        node.work_arrived.notified().await;
        // Connections that are ready now go first: their appends share the block.
        yield_now().await;
        node.flush();
    }
}

async fn take_finished_io(node: Rc<Node>, mut done: UnboundedReceiver<Done>) {
    while let Some(first) = done.recv().await {
        let mut next = Some(first);
        while let Some(finished) = next {
            node.with_shard(|shard| match finished {
                Done::Block(written, times) => {
                    node.metrics.journal.written(times);
                    shard.block_written(written);
                    node.block_came.notify_one();
                }
                Done::Stretches(written) => shard.stretches_written(written),
                Done::Checkpoint(result, took) => {
                    node.metrics.journal.checkpointed(took);
                    shard.checkpointed(result);
                }
                Done::Grown(grown) => shard.journal_grown(grown),
                Done::LogRemoved(removed) => shard.log_removed(removed),
                Done::Copied(copied) => shard.copied(copied),
            });
            next = done.try_recv().ok();
        }
        // What waited for a block to come back, or for room in the journal, may go now.
        node.flush();
        node.room.notify_waiters();
        node.disk_moved.notify_waiters();
    }
}

/// Wakes waiting fetches at their deadlines.
async fn keep_deadlines(node: Rc<Node>) {
    loop {
        let next = node.with_shard(|shard| shard.next_deadline());
        let sleep = sleep_until(node.clock.instant(next.unwrap_or(Tick(u64::MAX >> 16))));
        tokio::select! {
            () = sleep, if next.is_some() => {}
            () = node.deadline_changed.notified() => continue,
        }
        let now = node.clock.now();
        node.with_shard(|shard| shard.tick(now));
        node.carry_out();
    }
}

impl Node {
    /// Carries out what the shard asks for.
    pub(crate) fn carry_out(&self) {
        let effects = self.with_shard(|shard| shard.take_effects());
        for effect in effects {
            self.carry_out_one(effect);
        }
    }

    fn carry_out_one(&self, effect: Effect<RealDisk>) {
        match effect {
            Effect::WriteBlock(write) => {
                let (bytes, entries) = write.size();
                self.metrics.journal.begin(bytes, entries);
                self.io.write_block(write);
            }
            Effect::WriteStretches(job) => self.io.write_stretches(job),
            Effect::Checkpoint(job) => self.io.checkpoint(job),
            Effect::Grow(job) => self.io.grow(job),
            Effect::Copy(job) => self.io.copy(job),
            Effect::Complete { ticket, result } => {
                self.appends.borrow_mut().complete(ticket, result);
            }
            Effect::Wake(waiter) => {
                if let Some(wake) = self.fetch_waiters.borrow_mut().remove(&waiter) {
                    // A receiver that is gone belonged to a connection that is gone.
                    let _gone = wake.send(());
                }
            }
            Effect::LeaderChanged(group) => self.on_leader_changed(group),
            Effect::Send {
                partition, message, ..
            } => {
                // A one-node cluster has nobody to send to; a message would be a defect.
                tracing::error!(%partition, ?message, "a message for a replica that does not exist");
            }
            Effect::Remove(paths) => self.io.remove(paths),
            Effect::RemoveLog(removal) => self.io.remove_log(removal),
            Effect::Notice(text) => tracing::info!("{text}"),
            Effect::Warning(text) => tracing::warn!("{text}"),
            Effect::Failed(why) => self.on_storage_failed(&why),
        }
    }
}
