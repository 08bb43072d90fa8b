//! Group coordinators as pure state machines over their log.
