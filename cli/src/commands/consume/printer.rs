//! Records on their way out.

use std::io;

use thalweg_model::batch::Record;

use super::Shape;
use crate::output::Output;
use crate::record::{JsonRecord, Place, PrintPattern};

/// Writes records until there are enough.
#[derive(Debug)]
pub(super) struct Printer {
    shape: Shape,
    pattern: Option<PrintPattern>,
    left: Option<u64>,
    printed: usize,
    line: Vec<u8>,
}

impl Printer {
    /// Writes at most `count` records.
    pub(super) fn new(shape: Shape, pattern: Option<PrintPattern>, count: Option<u64>) -> Self {
        Self {
            shape,
            pattern,
            left: count,
            printed: 0,
            line: Vec::new(),
        }
    }

    /// Whether there are enough.
    pub(super) fn is_full(&self) -> bool {
        self.left == Some(0)
    }

    /// How many were written.
    pub(super) fn printed(&self) -> usize {
        self.printed
    }

    /// Writes a record.
    pub(super) fn print(
        &mut self,
        out: &mut Output,
        place: Place<'_>,
        record: &Record<'_>,
    ) -> io::Result<()> {
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(1);
        }
        self.printed += 1;
        self.line.clear();
        match (&self.pattern, self.shape) {
            (Some(pattern), _) => pattern.print(place, record, &mut self.line),
            (None, Shape::Json) => return out.json_line(&JsonRecord::of(place, record)),
            (None, Shape::Raw) => return out.bytes(record.value.unwrap_or_default()),
            (None, Shape::Text) => {
                self.line
                    .extend_from_slice(record.value.unwrap_or_default());
                self.line.push(b'\n');
            }
        }
        out.bytes(&self.line)
    }
}
