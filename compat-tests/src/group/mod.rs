//! Consumer groups: members come, go and die while records flow, and the history is checked.
//! Reading order: `event` (what members report), `history` (what must hold), `rehearsal` (the play).

pub(crate) mod event;
pub(crate) mod history;
pub(crate) mod rehearsal;
