//! Fetch sessions (KIP-227): what a client fetches again and again is named once.

use std::collections::BTreeMap;

use thalweg_model::{ErrorCode, Tick, Uuid};
use thalweg_wire::Str;
use thalweg_wire::messages::FetchRequest;
use thalweg_wire::messages::fetch_request::FetchPartition;

use crate::limits::FETCH_SESSION_IDLE;

/// A topic as the client names it: by id from version 13, by name before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TopicKey {
    pub(super) id: Uuid,
    pub(super) name: Str,
}

/// A partition of a fetch, with what the client was last told.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(super) topic: TopicKey,
    pub(super) partition: FetchPartition,
    /// High watermark and log start of the last answer that named this partition.
    told: Option<(i64, i64)>,
}

impl Wanted {
    fn new(topic: TopicKey, partition: FetchPartition) -> Self {
        Self {
            topic,
            partition,
            told: None,
        }
    }

    /// What tells partitions apart; the number first, which is compared in no time.
    fn place(&self) -> (i32, &TopicKey) {
        (self.partition.partition, &self.topic)
    }

    /// Whether the marks differ from what the client was last told; notes them.
    pub(super) fn is_news(&mut self, marks: (i64, i64)) -> bool {
        self.told.replace(marks) != Some(marks)
    }
}

#[derive(Debug)]
struct Session {
    next_epoch: i32,
    wanted: Vec<Wanted>,
    used: Tick,
    /// Whether the partitions are out with a fetch that has not been answered.
    lent: bool,
}

/// The sessions of a node.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    sessions: BTreeMap<i32, Session>,
    last_id: i32,
}

/// How a fetch relates to sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Every partition is answered; no session is kept.
    Sessionless,
    /// Every partition is answered; the next fetch may be incremental in this session.
    Full(i32),
    /// Only news are answered.
    Incremental(i32),
}

impl Kind {
    /// The session id of the answer.
    pub(super) fn id(self) -> i32 {
        match self {
            Self::Sessionless => 0,
            Self::Full(id) | Self::Incremental(id) => id,
        }
    }
}

/// A fetch's partitions, taken from its session or from the request alone.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) kind: Kind,
    pub(super) wanted: Vec<Wanted>,
}

impl Sessions {
    /// Sessions that are kept.
    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Finds out what a fetch wants.
    pub(super) fn open(
        &mut self,
        request: &mut FetchRequest,
        version: i16,
        now: Tick,
        sessions_max: usize,
    ) -> Result<Opened, ErrorCode> {
        let (id, epoch) = (request.session_id, request.session_epoch);
        if version < 7 || (id == 0 && epoch == -1) {
            return Ok(Opened {
                kind: Kind::Sessionless,
                wanted: named(request),
            });
        }
        if epoch <= 0 {
            // Epoch 0 begins a session, -1 ends it with a last full fetch.
            self.sessions.remove(&id);
            let wanted = named(request);
            let kind = if epoch == 0 {
                self.begin(now, sessions_max)
            } else {
                Kind::Sessionless
            };
            return Ok(Opened { kind, wanted });
        }
        let session = self
            .sessions
            .get_mut(&id)
            .ok_or(ErrorCode::FetchSessionIdNotFound)?;
        if session.next_epoch != epoch || session.lent {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        session.next_epoch = if epoch == i32::MAX { 1 } else { epoch + 1 };
        session.used = now;
        session.lent = true;
        let mut wanted = std::mem::take(&mut session.wanted);
        update(&mut wanted, request);
        Ok(Opened {
            kind: Kind::Incremental(id),
            wanted,
        })
    }

    /// Gives the partitions back to their session, those that returned data last: then others come
    /// first the next time.
    pub(super) fn close(&mut self, kind: Kind, wanted: Vec<Wanted>, now: Tick) {
        let (Kind::Full(id) | Kind::Incremental(id)) = kind else {
            return;
        };
        if let Some(session) = self.sessions.get_mut(&id) {
            session.wanted = wanted;
            session.lent = false;
            session.used = now;
        }
    }

    fn begin(&mut self, now: Tick, sessions_max: usize) -> Kind {
        if self.sessions.len() >= sessions_max {
            let idle = self.sessions.iter().min_by_key(|(_, session)| session.used);
            let idle = idle.map(|(&id, session)| (id, now.since(session.used)));
            match idle {
                Some((id, since)) if since >= FETCH_SESSION_IDLE => self.sessions.remove(&id),
                Some(_) | None => return Kind::Sessionless,
            };
        }
        self.last_id = if self.last_id == i32::MAX {
            1
        } else {
            self.last_id + 1
        };
        while self.sessions.contains_key(&self.last_id) {
            self.last_id = if self.last_id == i32::MAX {
                1
            } else {
                self.last_id + 1
            };
        }
        let session = Session {
            next_epoch: 1,
            wanted: Vec::new(),
            used: now,
            lent: true,
        };
        self.sessions.insert(self.last_id, session);
        Kind::Full(self.last_id)
    }
}

fn named(request: &mut FetchRequest) -> Vec<Wanted> {
    let topics = std::mem::take(&mut request.topics).into_iter();
    topics
        .flat_map(|topic| {
            // A session outlives the frame: the name must not keep the frame's memory.
            let key = TopicKey {
                id: topic.topic_id,
                name: topic.topic.detached(),
            };
            topic
                .partitions
                .into_iter()
                .map(move |partition| Wanted::new(key.clone(), partition))
        })
        .collect()
}

/// Applies what an incremental fetch adds, changes and forgets.
fn update(wanted: &mut Vec<Wanted>, request: &mut FetchRequest) {
    let forgotten = std::mem::take(&mut request.forgotten_topics_data);
    for topic in &forgotten {
        wanted.retain(|known| {
            let same = known.topic.id == topic.topic_id && known.topic.name == topic.topic;
            !(same && topic.partitions.contains(&known.partition.partition))
        });
    }
    // Of a partition that is named twice the last word counts.
    let mut news: Vec<(usize, Wanted)> = named(request).into_iter().enumerate().collect();
    news.sort_by(|(a, one), (b, other)| one.place().cmp(&other.place()).then(b.cmp(a)));
    news.dedup_by(|(_, earlier), (_, last)| earlier.place() == last.place());
    let mut are_known = vec![false; news.len()];
    for known in wanted.iter_mut() {
        let found = news.binary_search_by(|(_, new)| new.place().cmp(&known.place()));
        if let Ok(at) = found {
            known.partition = news[at].1.partition.clone();
            are_known[at] = true;
        }
    }
    let mut are_known = are_known.into_iter();
    news.retain(|_| are_known.next() == Some(false));
    news.sort_by_key(|(at, _)| *at);
    wanted.extend(news.into_iter().map(|(_, new)| new));
}

#[cfg(test)]
mod tests {
    use super::*;
    use thalweg_wire::messages::fetch_request::{FetchTopic, ForgottenTopic};

    const SESSIONS_MAX: usize = 10;

    fn request(id: i32, epoch: i32, partitions: &[(i32, i64)]) -> FetchRequest {
        let partitions = partitions
            .iter()
            .map(|&(partition, fetch_offset)| FetchPartition {
                partition,
                fetch_offset,
                ..FetchPartition::default()
            });
        let topic = FetchTopic {
            topic: "t".into(),
            partitions: partitions.collect(),
            ..FetchTopic::default()
        };
        FetchRequest {
            session_id: id,
            session_epoch: epoch,
            topics: if topic.partitions.is_empty() {
                Vec::new()
            } else {
                vec![topic]
            },
            ..FetchRequest::default()
        }
    }

    fn offsets(opened: &Opened) -> Vec<(i32, i64)> {
        let wanted = opened.wanted.iter();
        wanted
            .map(|w| (w.partition.partition, w.partition.fetch_offset))
            .collect()
    }

    #[test]
    fn a_session_remembers_changes_and_forgets() {
        let mut sessions = Sessions::default();
        let now = Tick(0);
        let opened = sessions
            .open(&mut request(0, 0, &[(0, 5), (1, 6)]), 11, now, SESSIONS_MAX)
            .unwrap();
        let id = opened.kind.id();
        assert_eq!(opened.kind, Kind::Full(id));
        sessions.close(opened.kind, opened.wanted, now);

        let opened = sessions
            .open(
                &mut request(id, 1, &[(1, 9), (2, 1)]),
                11,
                now,
                SESSIONS_MAX,
            )
            .unwrap();
        assert_eq!(opened.kind, Kind::Incremental(id));
        assert_eq!(offsets(&opened), [(0, 5), (1, 9), (2, 1)]);
        sessions.close(opened.kind, opened.wanted, now);

        let mut twice = request(id, 2, &[(7, 1), (1, 3), (4, 2), (1, 10), (7, 5)]);
        let opened = sessions.open(&mut twice, 11, now, SESSIONS_MAX).unwrap();
        let known = [(0, 5), (1, 10), (2, 1), (4, 2), (7, 5)];
        assert_eq!(offsets(&opened), known);
        sessions.close(opened.kind, opened.wanted, now);

        let mut forget = request(id, 3, &[]);
        forget.forgotten_topics_data = vec![ForgottenTopic {
            topic: "t".into(),
            partitions: vec![0],
            ..Default::default()
        }];
        let opened = sessions.open(&mut forget, 11, now, SESSIONS_MAX).unwrap();
        assert_eq!(offsets(&opened), known[1..]);
    }

    #[test]
    fn wrong_sessions_and_epochs_are_refused() {
        let mut sessions = Sessions::default();
        let opened = sessions
            .open(&mut request(0, 0, &[(0, 5)]), 11, Tick(0), SESSIONS_MAX)
            .unwrap();
        let id = opened.kind.id();
        sessions.close(opened.kind, opened.wanted, Tick(0));
        let mut open = |id, epoch| {
            sessions
                .open(&mut request(id, epoch, &[]), 11, Tick(0), SESSIONS_MAX)
                .err()
        };
        assert_eq!(open(id + 1, 1), Some(ErrorCode::FetchSessionIdNotFound));
        assert_eq!(open(id, 2), Some(ErrorCode::InvalidFetchSessionEpoch));
        assert_eq!(open(id, -1), None);
        assert_eq!(open(id, 1), Some(ErrorCode::FetchSessionIdNotFound));
    }

    #[test]
    fn a_full_cache_evicts_only_what_is_idle() {
        let mut sessions = Sessions::default();
        for _ in 0..SESSIONS_MAX {
            sessions
                .open(&mut request(0, 0, &[]), 11, Tick(0), SESSIONS_MAX)
                .unwrap();
        }
        let opened = sessions
            .open(&mut request(0, 0, &[]), 11, Tick(1), SESSIONS_MAX)
            .unwrap();
        assert_eq!(opened.kind, Kind::Sessionless);
        let later = Tick(0).after(FETCH_SESSION_IDLE);
        let opened = sessions
            .open(&mut request(0, 0, &[]), 11, later, SESSIONS_MAX)
            .unwrap();
        assert!(matches!(opened.kind, Kind::Full(_)));
    }
}
