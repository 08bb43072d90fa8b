//! Which lines of the journal must not be replayed.

use thalweg_model::LogIndex;

/// What the later lines of one log's journal do, seen from its end.
///
/// Feed it the log's lines backwards. A line that a later one replaced says nothing about the log
/// as it was in the end, and the segment may have the later one's bytes in its place.
#[derive(Clone, Copy, Debug, Default)]
pub struct LaterLines {
    lowest: Option<LogIndex>,
}

impl LaterLines {
    /// Whether a later line replaced the entry `index`; takes it into account.
    pub fn replace_append(&mut self, index: LogIndex) -> bool {
        let replaced = self.lowest.is_some_and(|lowest| lowest <= index);
        self.take(index);
        replaced
    }

    /// Whether a later line cuts the log below what a truncation to `index` leaves; takes it into
    /// account.
    pub fn replace_truncation(&mut self, index: LogIndex) -> bool {
        let replaced = self.lowest.is_some_and(|lowest| lowest <= index);
        self.take(index.next());
        replaced
    }

    /// Whether a later line begins the log anew as well; takes it into account: nothing before it
    /// lasts.
    pub fn replace_beginning(&mut self) -> bool {
        let replaced = self.lowest == Some(LogIndex(0));
        self.take(LogIndex(0));
        replaced
    }

    fn take(&mut self, index: LogIndex) {
        self.lowest = Some(self.lowest.map_or(index, |lowest| lowest.min(index)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lasts_is_left() {
        let mut later = LaterLines::default();
        let index = LogIndex;
        // The journal, from its end: 4, 3, cut to 2, 3, 2, cut to 3, 4, 1.
        assert!(!later.replace_append(index(4)));
        assert!(!later.replace_append(index(3)));
        assert!(!later.replace_truncation(index(2)));
        assert!(later.replace_append(index(3)));
        assert!(!later.replace_append(index(2)));
        assert!(later.replace_truncation(index(3)));
        assert!(later.replace_append(index(4)));
        assert!(!later.replace_append(index(1)));
        // Before that the log began anew; nothing that it had before counts.
        assert!(!later.replace_beginning());
        assert!(later.replace_append(index(9)));
        assert!(later.replace_truncation(index(1)));
        assert!(later.replace_beginning());
    }
}
