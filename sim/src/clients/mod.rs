//! Simulated clients: producers, consumers, members of groups, and those who delete and create.

mod admin;
mod consumer;
mod member;
mod operator;
mod producer;

use std::fmt::Debug;

use thalweg_model::{BrokerId, TopicPartition};

pub(crate) use admin::{Admin, AdminRules};
pub(crate) use consumer::Consumer;
pub(crate) use member::{Member, PositionReader};
pub(crate) use operator::Operator;
pub(crate) use producer::{Producer, ProducerKind};

use crate::Random;
use crate::call::{CallId, Reply, Request};
use crate::directory::Directory;
use crate::truth::Truth;
use crate::violation::Violation;

/// What a client sees of the world during one turn, and what it wants done.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) random: &'a mut Random,
    pub(crate) truth: &'a mut Truth,
    pub(crate) directory: &'a mut Directory,
    /// No new work: finish what was begun.
    pub(crate) ending: bool,
    pub(crate) next_call: &'a mut u64,
    /// Requests to send, in order.
    pub(crate) calls: Vec<(BrokerId, CallId, Request)>,
    /// When the client wants its next turn, from now.
    pub(crate) wake_us: Option<u64>,
}

impl Context<'_> {
    /// Sends a request.
    pub(crate) fn call(&mut self, node: BrokerId, request: Request) -> CallId {
        *self.next_call += 1;
        let call = CallId(*self.next_call);
        self.calls.push((node, call, request));
        call
    }

    /// Asks for a turn.
    pub(crate) fn wake(&mut self, low_us: u64, high_us: u64) {
        let wanted = self.random.between(low_us, high_us);
        self.wake_us = Some(self.wake_us.map_or(wanted, |wake| wake.min(wanted)));
    }
}

/// A client. It gets its first turn at the beginning, further ones when it asks for them.
pub(crate) trait Client: Debug {
    /// The client does what it wants to do next.
    fn turn(&mut self, cx: &mut Context<'_>) -> Result<(), Violation>;

    /// An answer came, or the time for it is over.
    fn answered(
        &mut self,
        call: CallId,
        reply: Reply,
        cx: &mut Context<'_>,
    ) -> Result<(), Violation>;

    /// What it waits for; none if nothing is under way.
    fn waits_for(&self) -> Option<String>;
}

/// Which node a client takes for the leader of a partition: the next one, after every failure.
#[derive(Debug, Default)]
pub(crate) struct LeaderGuess(usize);

impl LeaderGuess {
    pub(crate) fn node(&self, directory: &Directory, of: TopicPartition) -> Option<BrokerId> {
        let nodes = directory.nodes_of(of);
        nodes.get(self.0 % nodes.len().max(1)).copied()
    }

    pub(crate) fn was_wrong(&mut self) {
        self.0 += 1;
    }
}
