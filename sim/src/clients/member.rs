//! Members of a group: they join, share partitions out, commit positions and are thrown out again; and readers of the
//! positions that are left.

use thalweg_coordinator::{GroupId, group_partition, messages};
use thalweg_model::ErrorCode;

use super::{Client, Context, LeaderGuess};
use crate::call::{CallId, Reply, Request};
use crate::session::{GroupCall, SHARED_PARTITIONS, Session, fetch};
use crate::violation::Violation;

/// What a member does next about its membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Join,
    Sync,
    /// It is a member, until it hears otherwise.
    Stay,
}

/// One member.
#[derive(Debug)]
pub(crate) struct Member {
    session: Session,
    step: Step,
    guess: LeaderGuess,
    /// Joins, syncs and leaves, of which one is under way at most.
    membership: Option<CallId>,
    /// Commits, heartbeats and fetches, which go on while the group is being rebalanced.
    other: Option<CallId>,
    /// Nobody else commits that position.
    next_position: i64,
    pause_us: u64,
}

impl Member {
    pub(crate) fn new(number: i64, group: GroupId, pause_us: u64) -> Self {
        Self {
            session: Session::new(group),
            step: Step::Join,
            guess: LeaderGuess::default(),
            membership: None,
            other: None,
            next_position: number << 32,
            pause_us,
        }
    }

    fn about_membership(&mut self, cx: &mut Context<'_>) -> Option<GroupCall> {
        match (self.step, cx.random.below(100)) {
            (Step::Join, _) | (Step::Stay, 0..3) => {
                let dice = cx.random.roll();
                Some(self.session.join(dice))
            }
            (Step::Sync, _) => Some(self.session.sync()),
            (Step::Stay, 3..5) => Some(self.session.leave()),
            (Step::Stay, _) => None,
        }
    }

    fn other(&mut self, cx: &mut Context<'_>) -> Option<GroupCall> {
        let number = some_partition(cx);
        match cx.random.below(10) {
            0..5 if self.session.has_joined() => {
                self.next_position += 1;
                Some(self.session.commit(number, self.next_position))
            }
            5..8 if self.session.has_joined() => Some(self.session.heartbeat()),
            8 => {
                let require_stable = cx.random.percent(50);
                Some(fetch(&self.session.group, number, require_stable))
            }
            _ => None,
        }
    }

    /// What an error says about the membership.
    fn hear(&mut self, error: ErrorCode) {
        let rejoin = [ErrorCode::RebalanceInProgress, ErrorCode::IllegalGeneration];
        if error == ErrorCode::UnknownMemberId {
            self.session.forget();
            self.step = Step::Join;
        } else if rejoin.contains(&error) {
            self.step = Step::Join;
        } else if error == ErrorCode::NotCoordinator {
            self.guess.was_wrong();
        }
    }

    fn told(&mut self, reply: &messages::Reply) {
        match reply {
            messages::Reply::Join(reply) => {
                self.session.joined(reply);
                self.step = if reply.error == ErrorCode::None {
                    Step::Sync
                } else {
                    Step::Join
                };
                if reply.error == ErrorCode::NotCoordinator {
                    self.guess.was_wrong();
                }
            }
            messages::Reply::Sync(reply) => {
                if reply.error == ErrorCode::None {
                    self.step = Step::Stay;
                }
                self.hear(reply.error);
            }
            messages::Reply::Leave(reply) => {
                if reply.error == ErrorCode::None {
                    self.session.forget();
                    self.step = Step::Join;
                }
                self.hear(reply.error);
            }
            messages::Reply::OffsetCommit(reply) => {
                let results = reply.topics.iter().flat_map(|topic| &topic.partitions);
                if let Some(result) = results.into_iter().next() {
                    self.hear(result.error);
                }
            }
            messages::Reply::OffsetFetch(reply) => self.hear(reply.error),
            messages::Reply::OffsetDelete(_) | messages::Reply::DeleteGroups(_) => {}
        }
    }
}

fn some_partition(cx: &mut Context<'_>) -> u8 {
    u8::try_from(cx.random.below(SHARED_PARTITIONS.into())).unwrap_or(0)
}

/// Asks the node that is taken for the coordinator of the group.
fn ask(guess: &LeaderGuess, call: GroupCall, cx: &mut Context<'_>) -> Option<CallId> {
    let offsets = cx.directory.offsets();
    let number = group_partition(call.group(), offsets.len());
    let partition = offsets.into_iter().find(|of| of.partition == number)?;
    let node = guess.node(cx.directory, partition)?;
    Some(cx.call(node, Request::Group(partition, call)))
}

impl Client for Member {
    fn turn(&mut self, cx: &mut Context<'_>) -> Result<(), Violation> {
        if cx.ending {
            return Ok(());
        }
        if self.membership.is_none()
            && let Some(call) = self.about_membership(cx)
        {
            self.membership = ask(&self.guess, call, cx);
        }
        if self.other.is_none()
            && let Some(call) = self.other(cx)
        {
            self.other = ask(&self.guess, call, cx);
        }
        cx.wake(self.pause_us / 2, self.pause_us);
        Ok(())
    }

    fn answered(
        &mut self,
        call: CallId,
        reply: Reply,
        _cx: &mut Context<'_>,
    ) -> Result<(), Violation> {
        let under_way = [&mut self.membership, &mut self.other];
        for slot in under_way {
            slot.take_if(|slot| *slot == call);
        }
        if let Reply::Group(reply) = reply {
            self.told(&reply);
        } else if let Reply::Heartbeat(error) = reply {
            self.hear(error);
        } else {
            self.guess.was_wrong();
        }
        Ok(())
    }

    fn waits_for(&self) -> Option<String> {
        self.membership.or(self.other)?;
        Some(format!("a member of {}", self.session.group))
    }
}

/// Reads every position of a group once.
#[derive(Debug)]
pub(crate) struct PositionReader {
    group: GroupId,
    guess: LeaderGuess,
    next: u8,
    asked: Option<CallId>,
}

impl PositionReader {
    pub(crate) fn new(group: GroupId) -> Self {
        Self {
            group,
            guess: LeaderGuess::default(),
            next: 0,
            asked: None,
        }
    }
}

impl Client for PositionReader {
    fn turn(&mut self, cx: &mut Context<'_>) -> Result<(), Violation> {
        if self.asked.is_none() && self.next < SHARED_PARTITIONS {
            self.asked = ask(&self.guess, fetch(&self.group, self.next, true), cx);
        }
        Ok(())
    }

    fn answered(
        &mut self,
        call: CallId,
        reply: Reply,
        cx: &mut Context<'_>,
    ) -> Result<(), Violation> {
        if self.asked.take_if(|asked| *asked == call).is_none() {
            return Ok(());
        }
        if let Reply::Group(messages::Reply::OffsetFetch(reply)) = reply
            && reply.error == ErrorCode::None
        {
            self.next += 1;
        } else {
            self.guess.was_wrong();
        }
        cx.wake(1_000, 50_000);
        Ok(())
    }

    fn waits_for(&self) -> Option<String> {
        let is_done = self.next == SHARED_PARTITIONS;
        (!is_done).then(|| format!("a reader of the positions of {}", self.group))
    }
}
