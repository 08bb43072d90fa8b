//! A shard with its log and its clock, driven by lines of text.

mod command;
mod print;

use std::collections::VecDeque;
use std::fmt::Write as _;

use bytes::Bytes;
use thalweg_coordinator::stored::Record;
use thalweg_coordinator::{Append, AppendFailure, Effects, GroupConfig, GroupShard, ShardLoader};
use thalweg_model::{Now, Tick, Timestamp};

use command::Words;

/// What a line of text is given to.
pub(super) struct Harness {
    shard: GroupShard,
    config: GroupConfig,
    /// The log as stored, so that every scenario also tests the formats.
    log: Vec<(Bytes, Option<Bytes>)>,
    open: VecDeque<Append>,
    now_ms: u64,
    /// Whether appends are committed at once.
    auto: bool,
    ids: u8,
    out: String,
}

impl Harness {
    pub(super) fn new() -> Self {
        let config = GroupConfig {
            session_timeout_ms_min: 10,
            initial_rebalance_delay_ms: 0,
            ..GroupConfig::default()
        };
        let (shard, effects) = ShardLoader::new().finish(Now::default(), config.clone());
        assert!(effects.appends.is_empty());
        Self {
            shard,
            config,
            log: Vec::new(),
            open: VecDeque::new(),
            now_ms: 0,
            auto: true,
            ids: 0,
            out: String::new(),
        }
    }

    /// Runs one command and says what came of it.
    pub(super) fn run(&mut self, line: &str) -> String {
        self.out.clear();
        let words = Words::parse(line);
        match words.verb() {
            "config" => self.configure(&words),
            "auto" => self.auto = words.has("on"),
            "tick" => self.tick(words.number(0)),
            "committed" => self.commit_oldest(words.count()),
            "failed" => self.fail_oldest(words.failure()),
            "failed-last" => self.fail_last(words.failure()),
            "reload" => self.reload(),
            "unload" => self.unload(),
            "heartbeat" => {
                let outcome = self.shard.heartbeat(self.now(), &words.heartbeat());
                let code = outcome.err().unwrap_or(thalweg_model::ErrorCode::None);
                self.say(&format!("heartbeat {code}"));
            }
            "describe" => {
                let description = self.shard.describe(&words.group());
                self.say(&print::description(&description));
            }
            "list" => {
                for listing in self.shard.list(&words.filter()) {
                    self.say(&print::listing(&listing));
                }
            }
            _ => {
                let effects = self.request(&words);
                self.apply(effects);
            }
        }
        print::shorten(&self.out)
    }

    fn request(&mut self, words: &Words<'_>) -> Effects {
        let (now, token) = (self.now(), words.token());
        match words.verb() {
            "join" => {
                self.ids += 1;
                self.shard.join(now, token, &words.join(self.ids))
            }
            "sync" => self.shard.sync(now, token, &words.sync()),
            "leave" => self.shard.leave(now, token, &words.leave()),
            "commit" => self.shard.commit_offsets(now, token, &words.commit()),
            "fetch" => self.shard.fetch_offsets(now, token, words.fetch()),
            "delete-offsets" => self
                .shard
                .delete_offsets(now, token, &words.delete_offsets()),
            "delete-groups" => self.shard.delete_groups(now, token, &words.groups()),
            "topics-deleted" => self.shard.topics_deleted(now, &words.deleted_topics()),
            verb => panic!("no such command: {verb}"),
        }
    }

    fn now(&self) -> Now {
        Now {
            tick: Tick(self.now_ms * 1_000),
            wall: Timestamp(i64::try_from(self.now_ms).unwrap()),
        }
    }

    fn say(&mut self, line: &str) {
        for line in line.lines() {
            writeln!(self.out, "{}", line.trim_end()).unwrap();
        }
    }

    fn apply(&mut self, effects: Effects) {
        for append in effects.appends {
            self.say(&print::append(&append));
            self.open.push_back(append);
        }
        for (token, reply) in &effects.replies {
            self.say(&print::reply(*token, reply));
        }
        if self.auto {
            self.commit_oldest(usize::MAX);
        }
    }

    fn commit_oldest(&mut self, count: usize) {
        for _ in 0..count {
            let Some(append) = self.open.pop_front() else {
                return;
            };
            for record in &*append.records {
                let (key, value) = record.encode().unwrap();
                let read = Record::decode(Some(&key), value.as_deref()).unwrap();
                assert_eq!(read.as_ref(), Some(record), "stored records are read back");
                self.log.push((key, value));
            }
            let effects = self.shard.committed(self.now(), append.id);
            self.apply(effects);
        }
    }

    fn fail_oldest(&mut self, failure: AppendFailure) {
        let append = self.open.pop_front().expect("an append is open");
        let effects = self.shard.failed(self.now(), append.id, failure);
        self.apply(effects);
    }

    fn fail_last(&mut self, failure: AppendFailure) {
        let append = self.open.pop_back().expect("an append is open");
        let effects = self.shard.failed(self.now(), append.id, failure);
        self.apply(effects);
    }

    /// Lets time pass, stopping wherever something is due.
    fn tick(&mut self, millis: u64) {
        let end = self.now_ms + millis;
        for _ in 0..1_000 {
            let due = self
                .shard
                .next_deadline()
                .map(|tick| tick.0.div_ceil(1_000));
            let Some(due) = due.filter(|due| *due <= end) else {
                self.now_ms = end;
                return;
            };
            self.now_ms = self.now_ms.max(due);
            let effects = self.shard.on_tick(self.now());
            if !effects.appends.is_empty() || !effects.replies.is_empty() {
                self.say(&format!("at {} ms", self.now_ms));
            }
            self.apply(effects);
        }
        panic!("time stands still");
    }

    fn reload(&mut self) {
        let mut loader = ShardLoader::new();
        for (key, value) in &self.log {
            if let Some(record) = Record::decode(Some(key), value.as_deref()).unwrap() {
                loader.replay(&record);
            }
        }
        let (shard, effects) = loader.finish(self.now(), self.config.clone());
        assert_eq!(
            shard.durable(),
            self.shard.durable(),
            "live state is the replay of its log"
        );
        self.shard = shard;
        self.open.clear();
        self.apply(effects);
    }

    fn unload(&mut self) {
        let (empty, _) = ShardLoader::new().finish(self.now(), self.config.clone());
        let shard = std::mem::replace(&mut self.shard, empty);
        self.open.clear();
        let effects = shard.unload(self.now());
        self.apply(effects);
    }

    fn configure(&mut self, words: &Words<'_>) {
        words.configure(&mut self.config);
        self.shard.set_config(self.config.clone());
    }
}
