//! Answers of brokers that commands share: topics that must exist, and several results of which some failed.

use std::rc::Rc;

use thalweg_model::ErrorCode;

use crate::client::{Client, ClientError, Topic};
use crate::failure::Failure;
use crate::suggest::nearest;

/// The topic, or a failure that names a similar one.
pub(crate) async fn existing_topic(client: &Client, name: &str) -> Result<Rc<Topic>, Failure> {
    match client.refreshed(name, false).await {
        Ok(topic) => Ok(topic),
        Err(error) if error.code() == Some(ErrorCode::UnknownTopicOrPartition) => {
            Err(unknown_topic(client, name).await)
        }
        Err(error) => Err(error.into()),
    }
}

/// Says that a topic does not exist, and which one may have been meant.
pub(crate) async fn unknown_topic(client: &Client, name: &str) -> Failure {
    let failure = Failure::new(format!("there is no topic '{name}'"));
    let known = client.all_topics().await.unwrap_or_default();
    match nearest(name, known.iter().map(|topic| topic.name.as_str())) {
        Some(similar) => failure.fix(format!("'{similar}' exists; was it meant?")),
        None => failure.fix(format!(
            "list the topics with `thalweg topic list`, or create it with `thalweg topic create {name}`"
        )),
    }
}

/// The partitions that were asked for, or all; each must exist.
pub(crate) fn chosen_partitions(topic: &Topic, asked: &[i32]) -> Result<Vec<i32>, Failure> {
    let all = topic.partitions.iter().map(|partition| partition.index);
    if asked.is_empty() {
        return Ok(all.collect());
    }
    let missing = asked
        .iter()
        .find(|index| !all.clone().any(|known| known == **index));
    match missing {
        Some(index) => Err(Failure::new(format!(
            "topic '{}' has no partition {index}",
            topic.name
        ))
        .why(format!("it has {}, counted from 0", topic.partitions.len()))),
        None => Ok(asked.to_vec()),
    }
}

/// Several results: the failed ones are told, the last of them as the outcome.
#[derive(Debug, Default)]
pub(crate) struct Failed(Vec<Failure>);

impl Failed {
    /// Notes a failure.
    pub(crate) fn add(&mut self, failure: impl Into<Failure>) {
        self.0.push(failure.into());
    }

    /// Takes a result: true if it is good.
    pub(crate) fn judge(&mut self, result: Result<(), ClientError>) -> bool {
        match result {
            Ok(()) => true,
            Err(error) => {
                self.add(error);
                false
            }
        }
    }

    /// The outcome of all: every failure but the last goes to `tell`.
    pub(crate) fn outcome(mut self, mut tell: impl FnMut(Failure)) -> Result<(), Failure> {
        let Some(last) = self.0.pop() else {
            return Ok(());
        };
        self.0.into_iter().for_each(&mut tell);
        Err(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Partition;
    use thalweg_model::Uuid;

    #[test]
    fn partitions_must_exist() {
        let partition = |index| Partition {
            index,
            leader: Some(1),
            epoch: 0,
            replicas: vec![1],
            isr: vec![1],
            offline: Vec::new(),
        };
        let topic = Topic {
            name: "t".to_owned(),
            id: Uuid::NIL,
            internal: false,
            partitions: vec![partition(0), partition(1)],
        };
        assert_eq!(chosen_partitions(&topic, &[]).unwrap(), [0, 1]);
        assert_eq!(chosen_partitions(&topic, &[1]).unwrap(), [1]);
        let text = chosen_partitions(&topic, &[2]).unwrap_err().to_string();
        assert!(text.contains("no partition 2"), "{text}");
    }

    #[test]
    fn every_failure_is_told_once() {
        let mut failed = Failed::default();
        failed.add(Failure::new("a"));
        failed.add(Failure::new("b"));
        let mut told = Vec::new();
        let last = failed.outcome(|failure| told.push(failure)).unwrap_err();
        assert_eq!((told, last), (vec![Failure::new("a")], Failure::new("b")));
    }
}
