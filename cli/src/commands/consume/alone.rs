//! Reading without a group.

use super::fetcher::Fetcher;
use super::interrupt::Interrupt;
use super::positions::{Position, Positions};
use super::printer::Printer;
use super::start_at::{StartAt, bounds};
use crate::commands::answers::{chosen_partitions, existing_topic};
use crate::failure::Failure;
use crate::output::Progress;
use crate::session::Session;

/// What is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan<'a> {
    pub(super) topic: &'a str,
    pub(super) partitions: &'a [i32],
    pub(super) start: StartAt,
    pub(super) follow: bool,
}

/// Reads until the end, or for ever.
pub(super) async fn run(
    session: &mut Session,
    plan: Plan<'_>,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let Session { client, out } = session;
    let topic = existing_topic(client, plan.topic).await?;
    let partitions = chosen_partitions(&topic, plan.partitions)?;
    let bounds = bounds(client, plan.topic, &partitions).await?;
    let starts = plan.start.resolve(client, plan.topic, &bounds).await?;
    let position = |(&partition, &next): (&i32, &i64)| {
        let end = bounds.get(&partition).map(|bounds| bounds.end);
        let stop = end.filter(|_| !plan.follow);
        (partition, Position { next, stop })
    };
    let positions = Positions::new(starts.iter().map(position));
    if plan.follow && out.notices_on_terminal() {
        out.notice("Waiting for records; Ctrl-C ends. --from-beginning shows what is there.");
    }
    let mut fetcher = Fetcher::new(client, plan.topic, positions);
    // Records on the terminal are progress enough.
    let progress = Progress::start(out, "consumed", out.is_terminal());
    let mut interrupt = Interrupt::listen()?;
    while !printer.is_full() && !fetcher.is_finished() {
        tokio::select! {
            arrived = fetcher.next(client, out) => {
                let before = printer.printed();
                fetcher.print(arrived?, out, printer)?;
                progress.add(printer.printed() - before);
            }
            () = interrupt.wait() => break,
        }
    }
    Ok(())
}
