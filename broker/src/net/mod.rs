//! Sockets: accepting, reading frames, answering in order.

pub(crate) mod answer;
pub(crate) mod buffers;
mod charge;
mod cold;
pub(crate) mod connection;
pub(crate) mod descriptors;
pub(crate) mod dispatch;
mod end;
pub(crate) mod input;
pub(crate) mod listener;
mod output;
mod pace;
pub(crate) mod piece;
mod pipeline;
