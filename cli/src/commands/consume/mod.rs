//! `thalweg consume`.

mod alone;
mod assignor;
mod fetcher;
mod grouped;
mod interrupt;
mod member;
mod positions;
mod printer;
mod start_at;

use clap::{Args, ValueEnum};

use crate::failure::Failure;
use crate::record::PrintPattern;
use crate::session::Session;
use crate::time_text::{TimeSpec, parse_time};

pub(crate) use assignor::assigned_share;

use printer::Printer;
use start_at::StartAt;

/// Arguments of `thalweg consume`.
#[derive(Args, Debug)]
#[command(after_help = "\
Without a start, records that arrive from now on are shown until Ctrl-C.
With --from-beginning, --offset or --since, the command ends at what is the end when it begins; --follow goes on.
With a group, it goes on where the group was, until Ctrl-C or -n; --from-beginning matters only where the group has
committed nothing.

Patterns: %t topic, %p partition, %o offset, %k key, %v value, %h headers, %d timestamp in ms, %T time,
%K %V bytes of key and value, %H number of headers, %% percent, \\n \\t \\r \\0 \\xHH.

Examples:
  thalweg consume greetings --from-beginning
  thalweg consume greetings --offset -10 -f '%p@%o %k: %v\\n'
  thalweg consume greetings --since 1h -o json
  thalweg consume greetings --group readers -n 100")]
pub(crate) struct ConsumeArgs {
    /// Name of the topic
    topic: String,
    /// Begin with the first record
    #[arg(long, conflicts_with_all = ["offset", "since"])]
    from_beginning: bool,
    /// Begin at: start, end, an offset, -N for the last N records, +N for N after the start
    #[arg(long, value_name = "WHERE", allow_hyphen_values = true,
          conflicts_with_all = ["since", "group"])]
    offset: Option<StartAt>,
    /// Begin at a time: 2026-11-22T10:30:00Z, milliseconds since 1970, or 90m for 90 minutes ago
    #[arg(long, value_name = "TIME", value_parser = parse_time, allow_hyphen_values = true,
          conflicts_with = "group")]
    since: Option<TimeSpec>,
    /// Share the partitions with the other members of a consumer group, and commit what was read
    #[arg(short, long)]
    group: Option<String>,
    /// End after so many records
    #[arg(short = 'n', long = "count", value_name = "COUNT",
          value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Only these partitions; may be repeated
    #[arg(
        short,
        long,
        value_name = "NUMBER",
        value_delimiter = ',',
        conflicts_with = "group"
    )]
    partition: Vec<i32>,
    /// Go on at the end and wait for more
    #[arg(long)]
    follow: bool,
    /// Form of the records: the value as a line, a JSON object as a line, or the value and nothing else
    #[arg(short, long, value_enum, default_value_t = Shape::Text, conflicts_with = "format")]
    output: Shape,
    /// Form of the records as a pattern
    #[arg(short, long, value_name = "PATTERN")]
    format: Option<PrintPattern>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shape {
    Text,
    Json,
    Raw,
}

/// Runs the command.
pub(crate) async fn execute(session: &mut Session, args: ConsumeArgs) -> Result<(), Failure> {
    let mut printer = Printer::new(args.output, args.format.clone(), args.count);
    match &args.group {
        Some(group) => {
            let plan = grouped::Plan {
                topic: &args.topic,
                group,
                from_beginning: args.from_beginning,
            };
            grouped::run(session, plan, &mut printer).await?;
        }
        None => {
            let start = match (args.offset, args.since) {
                (Some(start), _) => Some(start),
                (None, Some(time)) => Some(StartAt::Time(time)),
                (None, None) => args.from_beginning.then_some(StartAt::Start),
            };
            let plan = alone::Plan {
                topic: &args.topic,
                partitions: &args.partition,
                start: start.unwrap_or(StartAt::End),
                follow: args.follow || start.is_none(),
            };
            alone::run(session, plan, &mut printer).await?;
        }
    }
    Ok(())
}
