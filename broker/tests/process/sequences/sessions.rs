//! A fetch session (KIP-227): what is answered is what is news.

use thalweg_model::Uuid;
use thalweg_wire::messages::FetchRequest;
use thalweg_wire::messages::fetch_request::ForgottenTopic;

use super::fetches::{IDS_FROM, PLENTY, Wanted, flat};
use super::run::{Run, text};

const SESSION_ID_NOT_FOUND: i16 = 70;
const INVALID_SESSION_EPOCH: i16 = 71;

/// A session as it should be. It names topics by name or by id, as its first request did.
#[derive(Debug)]
pub(super) struct Session {
    id: i32,
    next_epoch: i32,
    version: i16,
    partitions: Vec<Kept>,
}

/// A partition of a session.
#[derive(Clone, Debug)]
struct Kept {
    wanted: Wanted,
    /// The topic that was meant, where ids are told.
    id: Uuid,
    /// High watermark and start of the log that were told last; none after an error.
    told: Option<(i64, i64)>,
}

impl Kept {
    /// The topic as requests and answers of a version name it, and the partition.
    fn key(&self, version: i16) -> (&str, Uuid, i32) {
        let (name, index) = &self.wanted.place;
        if version < IDS_FROM {
            (name, Uuid::NIL, *index)
        } else {
            ("", self.id, *index)
        }
    }
}

impl Run {
    pub(super) fn fetch_in_session(&mut self) {
        let Some(session) = self.session.take() else {
            return self.open_session();
        };
        match self.below(8) {
            0 => self.wrong_session(&session, session.id, session.next_epoch + 1),
            1 => self.wrong_session(&session, session.id + 100, 1),
            2 => return self.close_session(&session),
            _ => return self.news(session),
        }
        self.session = Some(session);
    }

    /// Partitions for a session, the whole of which fits into an answer.
    fn kept(&mut self, version: i16) -> Vec<Kept> {
        let mut places = self.places(4);
        // All topics that are not there have the same id here: one of them is enough.
        let mut ids = Vec::new();
        places.retain(|place| {
            let key = (self.id_of(&place.0), place.1);
            let is_new = !ids.contains(&key);
            ids.push(key);
            is_new
        });
        let places = places.into_iter();
        places
            .map(|place| {
                let mut wanted = self.wanted(place, version);
                wanted.bytes_max = PLENTY;
                wanted.epoch = -1;
                let id = self.id_of(&wanted.place.0);
                Kept {
                    wanted,
                    id,
                    told: None,
                }
            })
            .collect()
    }

    fn open_session(&mut self) {
        let version = self.version(7, 18);
        let mut kept = self.kept(version);
        self.did(format!("a session of {kept:?} version {version}"));
        let wanted: Vec<Wanted> = kept.iter().map(|kept| kept.wanted.clone()).collect();
        let request = FetchRequest {
            session_epoch: 0,
            ..self.fetch_request(&wanted, version)
        };
        let answer = self.ask(&request, version);
        assert_eq!(answer.error_code, 0);
        assert!(answer.session_id > 0);
        let told = flat(&answer);
        assert_eq!(told.len(), kept.len(), "the first answer is complete");
        for (kept, told) in kept.iter_mut().zip(told) {
            self.compare_fetched(&kept.wanted, told, version, (usize::MAX, true));
            kept.told = Some((told.high_watermark, told.log_start_offset));
        }
        self.session = Some(Session {
            id: answer.session_id,
            next_epoch: 1,
            version,
            partitions: kept,
        });
    }

    fn wrong_session(&mut self, session: &Session, id: i32, epoch: i32) {
        self.did(format!("session {id} epoch {epoch}, {session:?}"));
        let request = FetchRequest {
            session_id: id,
            session_epoch: epoch,
            ..self.fetch_request(&[], session.version)
        };
        let expected = if id == session.id {
            INVALID_SESSION_EPOCH
        } else {
            SESSION_ID_NOT_FOUND
        };
        assert_eq!(self.ask(&request, session.version).error_code, expected);
    }

    /// The last request of a session is answered by itself.
    fn close_session(&mut self, session: &Session) {
        self.did(format!("the end of session {}", session.id));
        let kept = self.kept(session.version);
        let wanted: Vec<Wanted> = kept.into_iter().map(|kept| kept.wanted).collect();
        let request = FetchRequest {
            session_id: session.id,
            session_epoch: -1,
            ..self.fetch_request(&wanted, session.version)
        };
        let answer = self.ask(&request, session.version);
        assert_eq!((answer.error_code, answer.session_id), (0, 0));
        for (wanted, told) in wanted.iter().zip(flat(&answer)) {
            self.compare_fetched(wanted, told, session.version, (usize::MAX, true));
        }
        self.wrong_session(
            &Session {
                id: -1,
                next_epoch: 1,
                version: session.version,
                partitions: Vec::new(),
            },
            session.id,
            session.next_epoch,
        );
    }

    /// Some partitions are added, read on, or forgotten; the answer has those of which there is something to tell.
    fn news(&mut self, mut session: Session) {
        let version = session.version;
        let forgotten = if session.partitions.len() > 1 && self.once_in(4) {
            let at = self.below(session.partitions.len());
            Some(session.partitions.remove(at))
        } else {
            None
        };
        let changed = if self.once_in(2) {
            self.kept(version)
        } else {
            Vec::new()
        };
        // What is forgotten and named again in one request is another matter.
        let is_other = |kept: &Kept| {
            let mut forgotten = forgotten.iter();
            forgotten.all(|forgotten| forgotten.key(version) != kept.key(version))
        };
        let changed: Vec<Kept> = changed.into_iter().filter(is_other).collect();
        let wanted: Vec<Wanted> = changed.iter().map(|kept| kept.wanted.clone()).collect();
        self.did(format!(
            "{session:?} changed {wanted:?} forgotten {forgotten:?}"
        ));
        for kept in changed {
            let key = kept.key(version);
            let is_same = |known: &&mut Kept| known.key(version) == key;
            match session.partitions.iter_mut().find(is_same) {
                Some(known) => known.wanted = kept.wanted,
                None => session.partitions.push(kept),
            }
        }
        let request = FetchRequest {
            session_id: session.id,
            session_epoch: session.next_epoch,
            forgotten_topics_data: forgotten.iter().map(|kept| forget(kept, version)).collect(),
            ..self.fetch_request(&wanted, version)
        };
        let answer = self.ask(&request, version);
        assert_eq!((answer.error_code, answer.session_id), (0, session.id));
        let mut told: Vec<_> = {
            let topics = answer.responses.iter();
            topics
                .flat_map(|topic| topic.partitions.iter().map(move |told| (topic, told)))
                .collect()
        };
        for kept in &mut session.partitions {
            let key = kept.key(version);
            let at = told.iter().position(|(topic, told)| {
                (&*topic.topic, topic.topic_id, told.partition_index) == key
            });
            let told = at.map(|at| told.remove(at).1);
            self.compare_news(kept, told, version);
        }
        assert!(told.is_empty(), "nothing else is told: {told:?}");
        session.next_epoch += 1;
        self.session = Some(session);
    }

    fn compare_news(
        &self,
        kept: &mut Kept,
        told: Option<&thalweg_wire::messages::fetch_response::PartitionData>,
        version: i16,
    ) {
        let place = &kept.wanted.place;
        let is_meant = version < IDS_FROM || self.id_of(&place.0) == kept.id;
        if !is_meant {
            // The topic that was meant is no more, though another may have its name.
            let told = told.expect("an error is news");
            assert_eq!(told.error_code, 100, "{kept:?}");
            kept.told = None;
            return;
        }
        let error = self.fetch_error(&kept.wanted, version);
        let now = self
            .partition(place)
            .map(|partition| (partition.end(), partition.start));
        let has_data = error == 0 && now.is_some_and(|(end, _)| kept.wanted.offset < end);
        let is_news = error != 0 || has_data || kept.told != now;
        assert_eq!(
            told.is_some(),
            is_news,
            "{kept:?}, error {error}, now {now:?}"
        );
        if let Some(told) = told {
            self.compare_fetched(&kept.wanted, told, version, (usize::MAX, true));
        }
        kept.told = now.filter(|_| error == 0);
    }
}

fn forget(kept: &Kept, version: i16) -> ForgottenTopic {
    let name = if version < IDS_FROM {
        text(&kept.wanted.place.0)
    } else {
        text("")
    };
    ForgottenTopic {
        topic: name,
        topic_id: kept.id,
        partitions: vec![kept.wanted.place.1],
    }
}
