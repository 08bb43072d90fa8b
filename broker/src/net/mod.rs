//! Sockets: accepting, reading frames, answering in order.

pub(crate) mod answer;
pub(crate) mod connection;
pub(crate) mod dispatch;
pub(crate) mod input;
pub(crate) mod listener;
mod output;
pub(crate) mod piece;
