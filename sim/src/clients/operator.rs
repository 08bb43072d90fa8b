//! Creates and deletes topics through the controller.

use thalweg_model::ErrorCode;

use super::{Client, Context, LeaderGuess};
use crate::call::{AdminCall, CallId, Reply, Request};
use crate::violation::Violation;

/// Topics that one operator keeps at a time.
const TOPICS_MAX: usize = 3;

/// An operator. Nobody else uses its names, so it knows what an answer has to be.
#[derive(Debug)]
pub(crate) struct Operator {
    number: u64,
    nodes: i16,
    /// Topics that are there for certain.
    topics: Vec<String>,
    names_made: u64,
    guess: LeaderGuess,
    asked: Option<(CallId, AdminCall)>,
    /// What was not done, for certain: it is asked again.
    again: Option<AdminCall>,
    pause_us: u64,
}

impl Operator {
    pub(crate) fn new(number: u64, nodes: i16, pause_us: u64) -> Self {
        Self {
            number,
            nodes,
            topics: Vec::new(),
            names_made: 0,
            guess: LeaderGuess::default(),
            asked: None,
            again: None,
            pause_us,
        }
    }

    fn choose(&mut self, cx: &mut Context<'_>) -> AdminCall {
        let deletes = self.topics.len() >= TOPICS_MAX || cx.random.percent(30);
        let replicas = i64::try_from(cx.random.between(1, 3)).unwrap_or(1);
        match cx.random.pick(&self.topics) {
            Some(name) if deletes => AdminCall::Delete { name: name.clone() },
            // A name that is taken, now and then.
            Some(name) if cx.random.percent(20) => self.create(name.clone(), 1),
            Some(_) | None => {
                self.names_made += 1;
                self.create(format!("o{}-{}", self.number, self.names_made), replicas)
            }
        }
    }

    fn create(&self, name: String, replicas: i64) -> AdminCall {
        AdminCall::Create {
            name,
            partitions: 1 + i32::from(self.names_made.is_multiple_of(3)),
            replicas: i16::try_from(replicas).unwrap_or(1).min(self.nodes),
        }
    }

    fn told(
        &mut self,
        call: &AdminCall,
        result: Result<thalweg_model::Uuid, ErrorCode>,
        cx: &mut Context<'_>,
    ) -> Result<(), Violation> {
        let is_there = self.topics.iter().any(|name| name == call.name());
        match (call, result, is_there) {
            (AdminCall::Create { name, .. }, Ok(id), false) => {
                self.topics.push(name.clone());
                cx.truth.topic_is_there(name, id);
                Ok(())
            }
            (AdminCall::Delete { name }, Ok(id), true) if cx.truth.has_topic(name, id) => {
                self.topics.retain(|of| of != name);
                cx.truth.topic_is_gone(name);
                Ok(())
            }
            (AdminCall::Create { .. }, Err(ErrorCode::TopicAlreadyExists), true) => Ok(()),
            // The cluster has only begun: the nodes are not registered yet.
            (AdminCall::Create { .. }, Err(ErrorCode::InvalidReplicationFactor), _) => Ok(()),
            (call, result, _) => {
                let seen = format!("{call:?}: {result:?}, there are {:?}", self.topics);
                Err(Violation::new("topics are what was made of them", seen))
            }
        }
    }
}

impl Client for Operator {
    fn turn(&mut self, cx: &mut Context<'_>) -> Result<(), Violation> {
        if cx.ending || self.asked.is_some() {
            return Ok(());
        }
        let call = match self.again.take() {
            Some(again) => again,
            None => self.choose(cx),
        };
        let metadata = cx.directory.metadata();
        if let Some(node) = metadata.and_then(|of| self.guess.node(cx.directory, of)) {
            let id = cx.call(node, Request::Administer(call.clone()));
            self.asked = Some((id, call));
        }
        cx.wake(self.pause_us / 2, self.pause_us);
        Ok(())
    }

    fn answered(
        &mut self,
        call: CallId,
        reply: Reply,
        cx: &mut Context<'_>,
    ) -> Result<(), Violation> {
        let Some((_, call)) = self.asked.take_if(|(asked, _)| *asked == call) else {
            return Ok(());
        };
        if !cx.ending {
            cx.wake(self.pause_us / 2, self.pause_us);
        }
        if let Reply::Administered(result) = reply {
            return self.told(&call, result, cx);
        }
        self.guess.was_wrong();
        if let Reply::NotHere | Reply::Unreachable | Reply::Refused(_) = reply {
            self.again = Some(call);
        } else {
            // It may have been done, or may yet be: the name is given up.
            self.topics.retain(|name| name != call.name());
            cx.truth.topic_is_uncertain(call.name());
        }
        Ok(())
    }

    fn waits_for(&self) -> Option<String> {
        let (_, call) = self.asked.as_ref()?;
        Some(format!("operator {} with {call:?}", self.number))
    }
}
