//! Records from the command line or from lines of standard input.

use std::io::{self, BufRead, IsTerminal, Read};

use tokio::sync::mpsc;

use crate::failure::Failure;
use crate::limits::{LINE_BYTES_MAX, LINES_AHEAD_MAX, ROUND_BYTES_MAX};
use crate::record::{Draft, LinePattern, parse_json};

/// What every record gets besides what its line says.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    pub(super) key: Option<Vec<u8>>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) tombstones: bool,
}

impl Shape {
    /// Adds the key, if there is none, and the headers.
    pub(super) fn finish(&self, mut draft: Draft) -> Draft {
        if draft.key.is_none() {
            draft.key.clone_from(&self.key);
        }
        if self.tombstones && draft.value.as_ref().is_some_and(Vec::is_empty) {
            draft.value = None;
        }
        let headers = self.headers.iter();
        let headers = headers
            .map(|(name, value)| (name.clone().into_bytes(), Some(value.clone().into_bytes())));
        draft.headers.extend(headers);
        draft
    }
}

/// Where records come from.
pub(super) struct Input {
    records: mpsc::Receiver<Result<Draft, Failure>>,
    /// What ended the input, told after the records before it were handed out.
    failed: Option<Failure>,
}

/// Whether a person types the lines.
pub(super) fn is_interactive() -> bool {
    io::stdin().is_terminal()
}

impl Input {
    /// One record.
    pub(super) fn one(draft: Draft) -> Self {
        let (records, input) = mpsc::channel(1);
        records
            .try_send(Ok(draft))
            .expect("a new channel has room for one");
        Self::of(input)
    }

    fn of(records: mpsc::Receiver<Result<Draft, Failure>>) -> Self {
        Self {
            records,
            failed: None,
        }
    }

    /// Lines of standard input, taken apart by a pattern.
    pub(super) fn lines(shape: Shape, pattern: LinePattern) -> Self {
        Self::spawn(move |number, line| {
            let draft = pattern.split(line).ok_or_else(|| {
                Failure::new(format!("line {number} does not have the form asked for"))
                    .fix("look at the line and at --key-separator or --format")
            })?;
            Ok(shape.finish(draft))
        })
    }

    /// Lines of standard input, each a JSON object.
    pub(super) fn json_lines(shape: Shape) -> Self {
        Self::spawn(move |number, line| {
            let draft = parse_json(line).map_err(|wrong| {
                Failure::new(format!("line {number} is no record")).why(wrong.to_string())
            })?;
            Ok(shape.finish(draft))
        })
    }

    /// Reads on a thread of its own: standard input cannot be waited for in any other way.
    fn spawn(read: impl Fn(u64, &[u8]) -> Result<Draft, Failure> + Send + 'static) -> Self {
        let (records, input) = mpsc::channel(LINES_AHEAD_MAX);
        std::thread::spawn(move || {
            let mut lines = io::stdin().lock();
            let mut line = Vec::new();
            for number in 1.. {
                let record =
                    match next_line(&mut lines, &mut line) {
                        Ok(true) => read(number, &line),
                        Ok(false) => return,
                        Err(cause) => Err(Failure::new(format!("cannot read line {number}"))
                            .why(cause.to_string())),
                    };
                let failed = record.is_err();
                if records.blocking_send(record).is_err() || failed {
                    return;
                }
            }
        });
        Self::of(input)
    }

    /// Waits for a record and takes what else has been read by then; none at the end.
    pub(super) async fn next_round(&mut self) -> Result<Option<Vec<Draft>>, Failure> {
        if let Some(failure) = self.failed.take() {
            return Err(failure);
        }
        let Some(first) = self.records.recv().await else {
            return Ok(None);
        };
        let first = first?;
        let mut bytes = first.byte_len();
        let mut round = vec![first];
        while bytes < ROUND_BYTES_MAX {
            match self.records.try_recv() {
                Ok(Ok(next)) => {
                    bytes += next.byte_len();
                    round.push(next);
                }
                Ok(Err(failure)) => {
                    self.failed = Some(failure);
                    break;
                }
                Err(_) => break,
            }
        }
        Ok(Some(round))
    }
}

/// Reads a line without its end; false when there is none.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
    let read = input.by_ref().take(limit).read_until(b'\n', line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    } else if line.len() >= LINE_BYTES_MAX {
        let text = format!("it is longer than {LINE_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok(read > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lose_their_end_and_the_last_needs_none() {
        let mut input = &b"a\r\n\nb c"[..];
        let mut line = Vec::new();
        let mut all = Vec::new();
        while next_line(&mut input, &mut line).unwrap() {
            all.push(String::from_utf8(line.clone()).unwrap());
        }
        assert_eq!(all, ["a", "", "b c"]);
    }

    #[tokio::test]
    async fn records_before_a_bad_line_are_handed_out_first() {
        let (records, input) = mpsc::channel(3);
        records.try_send(Ok(Draft::default())).unwrap();
        records.try_send(Ok(Draft::default())).unwrap();
        records.try_send(Err(Failure::new("line 3"))).unwrap();
        let mut input = Input::of(input);
        assert_eq!(input.next_round().await.unwrap().unwrap().len(), 2);
        assert_eq!(input.next_round().await, Err(Failure::new("line 3")));
    }

    #[test]
    fn a_record_keeps_its_own_key_and_gets_all_headers() {
        let shape = Shape {
            key: Some(b"all".to_vec()),
            headers: vec![("h".to_owned(), "1".to_owned())],
            tombstones: true,
        };
        let own = shape.finish(Draft {
            key: Some(b"own".to_vec()),
            value: Some(b"v".to_vec()),
            headers: vec![(b"h".to_vec(), None)],
            timestamp: None,
        });
        assert_eq!(own.key.as_deref(), Some(&b"own"[..]));
        assert_eq!(own.headers.len(), 2);
        let empty = shape.finish(Draft {
            value: Some(Vec::new()),
            ..Draft::default()
        });
        assert_eq!(empty.key.as_deref(), Some(&b"all"[..]));
        assert_eq!(empty.value, None);
    }
}
