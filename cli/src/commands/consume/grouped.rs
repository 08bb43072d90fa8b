//! Reading as a member of a group.

use std::collections::BTreeMap;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::fetcher::Fetcher;
use super::interrupt::Interrupt;
use super::member::{Member, Pulse};
use super::positions::{Position, Positions};
use super::printer::Printer;
use super::start_at::{StartAt, bounds};
use crate::client::Client;
use crate::commands::answers::existing_topic;
use crate::failure::Failure;
use crate::limits::{COMMIT_EVERY, HEARTBEAT_EVERY};
use crate::output::Output;
use crate::session::Session;

/// What is read, and with whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan<'a> {
    pub(super) topic: &'a str,
    pub(super) group: &'a str,
    /// Where the group has committed nothing.
    pub(super) from_beginning: bool,
}

/// Why one generation ended.
enum Ended {
    /// The group rebalances.
    Rebalance,
    /// Enough was read, or somebody said stop.
    Enough,
}

/// Reads until there is enough or somebody says stop; then commits and leaves.
pub(super) async fn run(
    session: &mut Session,
    plan: Plan<'_>,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let Session { client, out } = session;
    existing_topic(client, plan.topic).await?;
    let mut member = Member::new(client, plan.group, plan.topic);
    let mut interrupt = Interrupt::listen()?;
    loop {
        let partitions = tokio::select! {
            joined = member.join() => joined?,
            () = interrupt.wait() => break,
        };
        if out.notices_on_terminal() {
            let shown = crate::output::list(&partitions);
            out.notice(format!(
                "Member of '{}' with partitions {shown}; Ctrl-C ends.",
                plan.group
            ));
        }
        let positions = positions(client, plan, &mut member, &partitions).await?;
        let mut generation = Generation {
            client,
            out,
            fetcher: Fetcher::new(client, plan.topic, positions),
            committed: BTreeMap::new(),
        };
        match generation.run(&mut member, printer, &mut interrupt).await? {
            Ended::Rebalance => {}
            Ended::Enough => break,
        }
    }
    if let Err(error) = member.leave().await {
        // The group finds out by itself when the session times out.
        out.notice(format!("left without saying so: {error}"));
    }
    Ok(())
}

/// Where the group was, or where it begins.
async fn positions(
    client: &Client,
    plan: Plan<'_>,
    member: &mut Member<'_>,
    partitions: &[i32],
) -> Result<Positions, Failure> {
    if partitions.is_empty() {
        return Ok(Positions::default());
    }
    let committed = member.committed(partitions).await?;
    let bounds = bounds(client, plan.topic, partitions).await?;
    let start = if plan.from_beginning {
        StartAt::Start
    } else {
        StartAt::End
    };
    let starts = start.resolve(client, plan.topic, &bounds).await?;
    let position = |(&partition, &start): (&i32, &i64)| {
        let next = committed.get(&partition).copied().unwrap_or(start);
        (partition, Position { next, stop: None })
    };
    Ok(Positions::new(starts.iter().map(position)))
}

/// What is read between two rebalances.
struct Generation<'a> {
    client: &'a Client,
    out: &'a mut Output,
    fetcher: Fetcher,
    committed: BTreeMap<i32, i64>,
}

impl Generation<'_> {
    async fn run(
        &mut self,
        member: &mut Member<'_>,
        printer: &mut Printer,
        interrupt: &mut Interrupt,
    ) -> Result<Ended, Failure> {
        let mut heartbeats = every(HEARTBEAT_EVERY);
        let mut commits = every(COMMIT_EVERY);
        while !printer.is_full() {
            let pulse = tokio::select! {
                arrived = self.fetcher.next(self.client, self.out) => {
                    self.fetcher.print(arrived?, self.out, printer)?;
                    Pulse::Member
                }
                _ = heartbeats.tick() => member.heartbeat().await?,
                _ = commits.tick() => self.commit(member).await?,
                () = interrupt.wait() => break,
            };
            match pulse {
                Pulse::Member => {}
                Pulse::Rebalance => {
                    // Whoever gets these partitions next goes on where this member was.
                    self.commit(member).await?;
                    return Ok(Ended::Rebalance);
                }
                Pulse::Expelled => return Ok(Ended::Rebalance),
            }
        }
        if self.commit(member).await? != Pulse::Member {
            let why = "the group rebalanced meanwhile; the last records will be read again";
            self.out.notice(format!("not committed: {why}"));
        }
        Ok(Ended::Enough)
    }

    async fn commit(&mut self, member: &mut Member<'_>) -> Result<Pulse, Failure> {
        let mut read = self.fetcher.positions().offsets();
        if read == self.committed {
            return Ok(Pulse::Member);
        }
        let now = read.clone();
        read.retain(|partition, offset| self.committed.get(partition) != Some(offset));
        let pulse = member.commit(&read).await?;
        if pulse == Pulse::Member {
            self.committed = now;
        }
        Ok(pulse)
    }
}

fn every(period: std::time::Duration) -> Interval {
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
