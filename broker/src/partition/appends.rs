//! Appends under way: one wait for a whole request, however many partitions it has.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use thalweg_log::GroupId;
use thalweg_model::batch::CheckedBatch;
use thalweg_replica::{Acks, AppendError, Appended, Ticket};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::node::Node;

/// How one partition's append ended; none if it has not.
pub(crate) type Outcome = Option<Result<Appended, AppendError>>;

/// Requests whose appends are under way.
#[derive(Debug, Default)]
pub(crate) struct Appends {
    next_request: u64,
    waiting: BTreeMap<u64, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    outcomes: Vec<Outcome>,
    left: usize,
    done: oneshot::Sender<Vec<Outcome>>,
}

/// Appends whose order is fixed and whose outcome is awaited.
#[derive(Debug)]
pub(crate) struct AppendWait {
    request: u64,
    done: oneshot::Receiver<Vec<Outcome>>,
}

impl Appends {
    fn open(&mut self, parts: usize) -> AppendWait {
        self.next_request += 1;
        let (sender, done) = oneshot::channel();
        let outcomes = (0..parts).map(|_| None).collect();
        let waiting = Waiting {
            outcomes,
            left: parts,
            done: sender,
        };
        self.waiting.insert(self.next_request, waiting);
        AppendWait {
            request: self.next_request,
            done,
        }
    }

    /// Notes the end of one append; the last one of a request wakes whoever waits for it.
    pub(crate) fn complete(&mut self, ticket: Ticket, result: Result<Appended, AppendError>) {
        let Some(waiting) = self.waiting.get_mut(&ticket.request) else {
            return;
        };
        let part = usize::try_from(ticket.part).expect("a part is an index");
        if waiting.outcomes[part].replace(result).is_none() {
            waiting.left -= 1;
        }
        if waiting.left == 0 {
            let waiting = self
                .waiting
                .remove(&ticket.request)
                .expect("it was just found");
            // A receiver that is gone belonged to a connection that is gone.
            let _gone = waiting.done.send(waiting.outcomes);
        }
    }

    /// What is known so far of a request that waits no longer.
    fn abandon(&mut self, request: u64) -> Vec<Outcome> {
        self.waiting
            .remove(&request)
            .map(|waiting| waiting.outcomes)
            .unwrap_or_default()
    }
}

impl Node {
    /// Hands batches to their partitions in order; the answer is awaited with [`AppendWait::wait`].
    pub(crate) fn append(&self, batches: Vec<(GroupId, CheckedBatch)>, acks: Acks) -> AppendWait {
        let wait = self.appends.borrow_mut().open(batches.len());
        for (part, (group, batch)) in (0..).zip(batches) {
            let ticket = Ticket {
                request: wait.request,
                part,
            };
            let taken = self.with_shard(|shard| shard.append(group, batch, acks, ticket));
            if let Err(error) = taken {
                self.appends.borrow_mut().complete(ticket, Err(error));
            }
        }
        self.work_arrived.notify_one();
        wait
    }

    /// Hands over batches whose outcome nobody awaits. If one is refused at once, the others are taken all
    /// the same.
    ///
    /// # Errors
    /// The first refusal.
    pub(crate) fn append_unawaited(
        &self,
        batches: Vec<(GroupId, CheckedBatch)>,
    ) -> Result<(), AppendError> {
        // No effect names it: the numbers of requests begin at 1.
        let nobody = Ticket {
            request: 0,
            part: 0,
        };
        let mut outcome = Ok(());
        for (group, batch) in batches {
            let taken = self.with_shard(|shard| shard.append(group, batch, Acks::None, nobody));
            outcome = outcome.and(taken);
        }
        self.work_arrived.notify_one();
        outcome
    }
}

impl AppendWait {
    /// Waits for the one append of a request, however long it takes.
    pub(crate) async fn outcome(self, appends: &RefCell<Appends>) -> Outcome {
        let outcomes = match self.done.await {
            Ok(outcomes) => outcomes,
            Err(_gone) => appends.borrow_mut().abandon(self.request),
        };
        outcomes.into_iter().next().flatten()
    }

    /// Waits until every append has ended or the time since `appended` is over; those that have not
    /// ended by then are none.
    pub(crate) async fn wait(
        mut self,
        node: &Node,
        appended: Instant,
        timeout: Duration,
    ) -> Vec<Outcome> {
        match tokio::time::timeout_at(appended + timeout, &mut self.done).await {
            Ok(Ok(outcomes)) => {
                if let Some(block) = node.metrics.journal.last() {
                    let now = Instant::now();
                    node.metrics.produce.acknowledged(appended, block, now);
                }
                outcomes
            }
            Ok(Err(_)) | Err(_) => node.appends.borrow_mut().abandon(self.request),
        }
    }
}
