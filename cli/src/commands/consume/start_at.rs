//! Where reading begins.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::client::{Client, ClientError, OffsetAt};
use crate::clock;
use crate::time_text::TimeSpec;

/// A start that has to be looked up for each partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StartAt {
    /// The first record.
    Start,
    /// After the last record.
    End,
    /// This offset.
    At(i64),
    /// So many records after the first.
    AfterStart(i64),
    /// The last so many records.
    Last(i64),
    /// The first record of that time or later.
    Time(TimeSpec),
}

impl FromStr for StartAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |digits: &str| {
            let plain = digits.bytes().all(|b| b.is_ascii_digit());
            let parsed = digits.parse::<i64>().ok().filter(|_| plain);
            parsed.ok_or_else(|| format!("'{text}' is none of start, end, N, +N, -N"))
        };
        match text {
            "start" | "beginning" | "earliest" => Ok(Self::Start),
            "end" | "latest" => Ok(Self::End),
            _ => match (text.strip_prefix('-'), text.strip_prefix('+')) {
                (Some(last), _) => number(last).map(Self::Last),
                (None, Some(after)) => number(after).map(Self::AfterStart),
                (None, None) => number(text).map(Self::At),
            },
        }
    }
}

/// First and last offset of a partition.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) start: i64,
    pub(super) end: i64,
}

impl StartAt {
    /// The offset, if it follows from where the partition begins and ends.
    fn within(self, bounds: Bounds) -> Option<i64> {
        let Bounds { start, end } = bounds;
        match self {
            Self::Start => Some(start),
            Self::End => Some(end),
            Self::At(offset) => Some(offset.clamp(start, end)),
            Self::AfterStart(records) => Some(start.saturating_add(records).min(end)),
            Self::Last(records) => Some(end.saturating_sub(records).max(start)),
            Self::Time(_) => None,
        }
    }

    /// The offset of every partition.
    pub(super) async fn resolve(
        self,
        client: &Client,
        topic: &str,
        bounds: &BTreeMap<i32, Bounds>,
    ) -> Result<BTreeMap<i32, i64>, ClientError> {
        let at_time = match self {
            Self::Time(time) => {
                let partitions: Vec<i32> = bounds.keys().copied().collect();
                let time = OffsetAt::Time(time.resolve(clock::now()));
                client.list_offsets(topic, &partitions, time).await?
            }
            Self::Start | Self::End | Self::At(_) | Self::AfterStart(_) | Self::Last(_) => {
                BTreeMap::new()
            }
        };
        let offset = |(&partition, &bounds): (&i32, &Bounds)| {
            let timed = at_time.get(&partition).copied().flatten();
            // No record is of that time or later: the end.
            let offset = self.within(bounds).or(timed).unwrap_or(bounds.end);
            (partition, offset)
        };
        Ok(bounds.iter().map(offset).collect())
    }
}

/// Where the partitions begin and end now.
pub(super) async fn bounds(
    client: &Client,
    topic: &str,
    partitions: &[i32],
) -> Result<BTreeMap<i32, Bounds>, ClientError> {
    let starts = client
        .list_offsets(topic, partitions, OffsetAt::Earliest)
        .await?;
    let ends = client
        .list_offsets(topic, partitions, OffsetAt::Latest)
        .await?;
    let bound = |&partition: &i32| {
        let of = |found: &BTreeMap<i32, Option<i64>>| found.get(&partition).copied().flatten();
        let start = of(&starts).unwrap_or(0);
        let end = of(&ends).unwrap_or(start);
        (partition, Bounds { start, end })
    };
    Ok(partitions.iter().map(bound).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_read() {
        let parsed = |text: &str| text.parse::<StartAt>();
        assert_eq!(parsed("start"), Ok(StartAt::Start));
        assert_eq!(parsed("end"), Ok(StartAt::End));
        assert_eq!(parsed("7"), Ok(StartAt::At(7)));
        assert_eq!(parsed("+7"), Ok(StartAt::AfterStart(7)));
        assert_eq!(parsed("-7"), Ok(StartAt::Last(7)));
        for bad in ["", "x", "--7", "+", "-", "+-1", "7.5"] {
            assert!(parsed(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn starts_stay_within_what_is_kept() {
        let within = |start: StartAt| start.within(Bounds { start: 10, end: 20 });
        assert_eq!(within(StartAt::Start), Some(10));
        assert_eq!(within(StartAt::End), Some(20));
        assert_eq!(within(StartAt::At(5)), Some(10));
        assert_eq!(within(StartAt::At(15)), Some(15));
        assert_eq!(within(StartAt::At(25)), Some(20));
        assert_eq!(within(StartAt::AfterStart(3)), Some(13));
        assert_eq!(within(StartAt::AfterStart(i64::MAX)), Some(20));
        assert_eq!(within(StartAt::Last(3)), Some(17));
        assert_eq!(within(StartAt::Last(300)), Some(10));
    }
}
