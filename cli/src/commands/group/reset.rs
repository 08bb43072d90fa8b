//! `thalweg group reset-offsets`.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use super::offsets::{self, Committer, Offsets};
use super::state;
use crate::client::{Client, OffsetAt};
use crate::clock;
use crate::commands::answers::{chosen_partitions, existing_topic};
use crate::failure::Failure;
use crate::output::Row;
use crate::session::Session;
use crate::time_text::{TimeSpec, parse_time};

/// Arguments of `thalweg group reset-offsets`.
#[derive(Args, Debug)]
pub(crate) struct ResetArgs {
    /// Name of the group
    group: String,
    /// A topic, or some partitions of it as TOPIC:0,1; may be repeated
    #[arg(long, value_name = "TOPIC[:PARTITIONS]", value_parser = selection,
          required_unless_present = "all_topics", conflicts_with = "all_topics")]
    topic: Vec<Selection>,
    /// Every topic the group has offsets of
    #[arg(long)]
    all_topics: bool,
    #[command(flatten)]
    target: Target,
    /// Only show what would happen; the default
    #[arg(long, conflicts_with = "execute")]
    dry_run: bool,
    /// Do it
    #[arg(long)]
    execute: bool,
}

#[derive(Args, Clone, Copy, Debug)]
#[group(required = true, multiple = false)]
struct Target {
    /// To the first record that is kept
    #[arg(long)]
    to_earliest: bool,
    /// To the end
    #[arg(long)]
    to_latest: bool,
    /// To this offset, or the nearest that is kept
    #[arg(long, value_name = "OFFSET", value_parser = clap::value_parser!(i64).range(0..))]
    to_offset: Option<i64>,
    /// To the first record of this time or later
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to_datetime: Option<TimeSpec>,
    /// By so many records, forwards or (negative) back
    #[arg(long, value_name = "RECORDS", allow_negative_numbers = true)]
    shift_by: Option<i64>,
}

/// A topic and the partitions that are meant; none for all.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Selection {
    topic: String,
    partitions: Vec<i32>,
}

fn selection(text: &str) -> Result<Selection, String> {
    let (topic, partitions) = match text.split_once(':') {
        None => (text, Vec::new()),
        Some((topic, list)) => {
            let numbers = list.split(',').map(|part| part.trim().parse::<i32>());
            let numbers: Result<Vec<i32>, _> = numbers.collect();
            (
                topic,
                numbers.map_err(|wrong| format!("'{list}' is no list of partitions: {wrong}"))?,
            )
        }
    };
    if topic.is_empty() {
        return Err("expected TOPIC or TOPIC:0,1".to_owned());
    }
    Ok(Selection {
        topic: topic.to_owned(),
        partitions,
    })
}

#[derive(Serialize)]
struct Move {
    topic: String,
    partition: i32,
    before: Option<i64>,
    after: i64,
    done: bool,
}

impl Row for Move {
    const HEADS: &'static [&'static str] = &["TOPIC", "PARTITION", "BEFORE", "AFTER"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.topic.clone(),
            self.partition.to_string(),
            self.before
                .map_or_else(|| "-".to_owned(), |before| before.to_string()),
            self.after.to_string(),
        ]
    }
}

/// Runs the command.
pub(crate) async fn execute(session: &mut Session, args: &ResetArgs) -> Result<(), Failure> {
    let client = &session.client;
    let group = args.group.as_str();
    let state = state::describe(client, group).await?;
    if !state.is_idle() {
        let count = state.members.len();
        return Err(Failure::new(format!("group '{group}' is in use"))
            .why(format!(
                "it has {count} members, and they would go on where they are"
            ))
            .fix("stop its consumers first; `thalweg group describe GROUP --members` names them"));
    }
    let before = offsets::fetch(client, group, None).await?;
    let chosen = choose(client, args, &before).await?;
    let mut after = Offsets::new();
    for (topic, partitions) in &chosen {
        let moved = targets(client, topic, partitions, args.target, before.get(topic)).await?;
        after.insert(topic.clone(), moved);
    }
    if args.execute {
        let coordinator = client.coordinator(group).await?;
        let connection = client.broker(coordinator).await?;
        let outside = Committer {
            group,
            generation: -1,
            member_id: "",
        };
        offsets::commit(&connection, outside, &after).await?;
    }
    let mut moves = Vec::new();
    for (topic, partitions) in after {
        for (partition, after) in partitions {
            let before = before.get(&topic).and_then(|all| all.get(&partition));
            moves.push(Move {
                topic: topic.clone(),
                partition,
                before: before.copied(),
                after,
                done: args.execute,
            });
        }
    }
    session.out.rows(&moves)?;
    if !args.execute {
        session
            .out
            .notice("Nothing was changed; --execute does it.");
    }
    Ok(())
}

async fn choose(
    client: &Client,
    args: &ResetArgs,
    before: &Offsets,
) -> Result<BTreeMap<String, Vec<i32>>, Failure> {
    let mut chosen: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    if args.all_topics {
        for (topic, partitions) in before {
            chosen.insert(topic.clone(), partitions.keys().copied().collect());
        }
        if chosen.is_empty() {
            return Err(
                Failure::new(format!("group '{}' has no offsets", args.group))
                    .fix("name topics with --topic"),
            );
        }
    }
    for selection in &args.topic {
        let topic = existing_topic(client, &selection.topic).await?;
        let partitions = chosen_partitions(&topic, &selection.partitions)?;
        chosen
            .entry(selection.topic.clone())
            .or_default()
            .extend(partitions);
    }
    Ok(chosen)
}

/// The new offset of each partition, within what is kept.
async fn targets(
    client: &Client,
    topic: &str,
    partitions: &[i32],
    target: Target,
    before: Option<&BTreeMap<i32, i64>>,
) -> Result<BTreeMap<i32, i64>, Failure> {
    let starts = client
        .list_offsets(topic, partitions, OffsetAt::Earliest)
        .await?;
    let ends = client
        .list_offsets(topic, partitions, OffsetAt::Latest)
        .await?;
    let timed = match target.to_datetime {
        Some(time) => {
            let time = OffsetAt::Time(time.resolve(clock::now()));
            client.list_offsets(topic, partitions, time).await?
        }
        None => BTreeMap::new(),
    };
    let of =
        |found: &BTreeMap<i32, Option<i64>>, partition| found.get(&partition).copied().flatten();
    let mut moved = BTreeMap::new();
    for &partition in partitions {
        let start = of(&starts, partition).unwrap_or(0);
        let end = of(&ends, partition).unwrap_or(start);
        let current = before.and_then(|all| all.get(&partition)).copied();
        let time = of(&timed, partition);
        moved.insert(partition, target.offset(start, end, current, time));
    }
    Ok(moved)
}

impl Target {
    fn offset(self, start: i64, end: i64, current: Option<i64>, time: Option<i64>) -> i64 {
        let wanted = if self.to_earliest {
            start
        } else if self.to_latest {
            end
        } else if let Some(offset) = self.to_offset {
            offset
        } else if let Some(records) = self.shift_by {
            current.unwrap_or(start).saturating_add(records)
        } else {
            // No record is of that time or later: the end.
            time.unwrap_or(end)
        };
        wanted.clamp(start, end.max(start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Target = Target {
        to_earliest: false,
        to_latest: false,
        to_offset: None,
        to_datetime: None,
        shift_by: None,
    };

    #[test]
    fn targets_stay_within_what_is_kept() {
        let offset = |target: Target| target.offset(10, 20, Some(15), None);
        assert_eq!(
            offset(Target {
                to_earliest: true,
                ..NONE
            }),
            10
        );
        assert_eq!(
            offset(Target {
                to_latest: true,
                ..NONE
            }),
            20
        );
        assert_eq!(
            offset(Target {
                to_offset: Some(3),
                ..NONE
            }),
            10
        );
        assert_eq!(
            offset(Target {
                to_offset: Some(12),
                ..NONE
            }),
            12
        );
        assert_eq!(
            offset(Target {
                shift_by: Some(-2),
                ..NONE
            }),
            13
        );
        assert_eq!(
            offset(Target {
                shift_by: Some(99),
                ..NONE
            }),
            20
        );
        let timed = Target {
            to_datetime: Some(TimeSpec::Ago(1)),
            ..NONE
        };
        assert_eq!(timed.offset(10, 20, None, Some(17)), 17);
        assert_eq!(timed.offset(10, 20, None, None), 20);
    }

    #[test]
    fn selections_name_topics_and_partitions() {
        let some = |topic: &str, partitions: &[i32]| {
            Ok(Selection {
                topic: topic.to_owned(),
                partitions: partitions.to_vec(),
            })
        };
        assert_eq!(selection("t"), some("t", &[]));
        assert_eq!(selection("t:0, 2"), some("t", &[0, 2]));
        for bad in ["", ":1", "t:", "t:x"] {
            assert!(selection(bad).is_err(), "{bad:?}");
        }
    }
}
