//! One connection: frames in, answers out in the order of the requests.

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use thalweg_wire::frame::FrameError;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::answer::{Answer, Reply};
use super::dispatch::dispatch;
use super::input::Input;
use super::output::Output;
use crate::limits::{
    APPENDS_WAITING_BYTES_HIGH, REQUEST_BYTES_MAX, REQUESTS_IN_FLIGHT_MAX, UNCOUNTED_REQUEST_BYTES,
    WRITE_STALL_MAX,
};
use crate::node::Node;
use crate::observe::metrics::{Ended, Stamp};

/// Who is at the other end.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Where it connects from.
    pub(crate) address: SocketAddr,
    /// Name of the listener that it came to.
    pub(crate) listener: Rc<str>,
}

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("the client closed the connection")]
    Closed,
    #[error("the client closed the connection inside a request")]
    Truncated,
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("{0}")]
    Refused(String),
    #[error("nothing was heard for {} s", .0.as_secs())]
    Idle(Duration),
    #[error("the client took nothing of its answer for {} s", .0.as_secs())]
    Stalled(Duration),
    #[error("stored records cannot be sent: {0}")]
    Storage(io::Error),
    #[error(transparent)]
    Io(io::Error),
}

impl End {
    fn reason(&self) -> Ended {
        match self {
            Self::Closed | Self::Truncated | Self::Io(_) => Ended::Client,
            Self::Frame(_) | Self::Refused(_) => Ended::Refused,
            Self::Idle(_) => Ended::Idle,
            Self::Stalled(_) => Ended::Stalled,
            Self::Storage(_) => Ended::Storage,
        }
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::InvalidData {
            Self::Storage(error)
        } else {
            Self::Io(error)
        }
    }
}

struct Connection {
    node: Rc<Node>,
    peer: Rc<Peer>,
    stream: TcpStream,
    input: Input,
    replies: VecDeque<Reply>,
    /// Of each reply, when and what was asked.
    stamps: VecDeque<Stamp>,
    output: Output,
    heard: Instant,
    /// This connection's share of the memory for large requests.
    charge: Charge,
}

/// Serves a connection until it ends.
pub(crate) async fn serve(node: Rc<Node>, stream: TcpStream, peer: Peer) {
    let peer = Rc::new(peer);
    let charge = Charge {
        total: Rc::clone(&node.request_bytes),
        held: 0,
    };
    let mut connection = Connection {
        node,
        peer: Rc::clone(&peer),
        stream,
        input: Input::default(),
        replies: VecDeque::new(),
        stamps: VecDeque::new(),
        output: Output::default(),
        heard: Instant::now(),
        charge,
    };
    let end = connection.run().await;
    connection.node.metrics.connections.end(end.reason());
    match end {
        End::Closed => tracing::debug!(peer = %peer.address, "connection closed"),
        end @ (End::Truncated | End::Idle(_) | End::Io(_)) => {
            tracing::debug!(peer = %peer.address, %end, "connection ended");
        }
        end @ (End::Frame(_) | End::Refused(_) | End::Stalled(_)) => {
            tracing::warn!(peer = %peer.address, %end, "connection closed");
        }
        end @ End::Storage(_) => {
            tracing::error!(peer = %peer.address, %end, "connection closed");
        }
    }
}

impl Connection {
    async fn run(&mut self) -> End {
        loop {
            if let Err(end) = self.turn().await {
                return end;
            }
        }
    }

    async fn turn(&mut self) -> Result<(), End> {
        self.take_frames()?;
        self.collect_answers()?;
        self.send().await?;
        if self.replies.is_empty() && !self.input.is_inside_frame() {
            self.input.shrink();
        }
        let idle = self.node.connection_idle_max;
        // There is none if connections are never idle: then the sum is beyond all time.
        let idle_until = self.heard.checked_add(idle);
        let may_read = self.may_read();
        tokio::select! {
            biased;
            answer = head(&mut self.replies), if !self.replies.is_empty() => {
                self.replies.pop_front();
                self.take_answer(answer)?;
            }
            readable = self.stream.readable(), if may_read => {
                readable?;
                self.receive()?;
            }
            () = self.node.room.notified(), if !may_read => {}
            () = sleep_until(idle_until.unwrap_or(self.heard)),
                if idle_until.is_some() && self.replies.is_empty() =>
            {
                if self.heard.elapsed() >= idle {
                    return Err(End::Idle(idle));
                }
            }
        }
        Ok(())
    }

    /// Whether another request may come in: not while too many are under way here, or too much is
    /// waiting for the disk, or too much of large requests is in memory.
    fn may_read(&self) -> bool {
        self.replies.len() < REQUESTS_IN_FLIGHT_MAX
            && self.node.appends_waiting_bytes() < APPENDS_WAITING_BYTES_HIGH
            && (self.charge.total.get() < REQUEST_BYTES_MAX || self.charge.held == 0)
    }

    fn receive(&mut self) -> Result<(), End> {
        match self.input.try_read(&self.stream) {
            Ok(0) if self.input.is_inside_frame() => Err(End::Truncated),
            Ok(0) => Err(End::Closed),
            Ok(read) => {
                self.heard = Instant::now();
                self.node.metrics.connections.received_bytes.add_len(read);
                self.charge
                    .set(self.input.held().saturating_sub(UNCOUNTED_REQUEST_BYTES));
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn take_frames(&mut self) -> Result<(), End> {
        while self.replies.len() < REQUESTS_IN_FLIGHT_MAX {
            let Some(frame) = self.input.next_frame(self.node.request_bytes_max)? else {
                break;
            };
            let (stamp, reply) = dispatch(&self.node, &self.peer, frame, self.heard);
            self.stamps.push_back(stamp);
            self.replies.push_back(reply);
        }
        Ok(())
    }

    /// Moves answers that are there already to the output, so that one write carries them all.
    fn collect_answers(&mut self) -> Result<(), End> {
        while let Some(Reply::Now(_)) = self.replies.front() {
            if let Some(Reply::Now(answer)) = self.replies.pop_front() {
                self.take_answer(answer)?;
            }
        }
        Ok(())
    }

    fn take_answer(&mut self, answer: Answer) -> Result<(), End> {
        if let Some(stamp) = self.stamps.pop_front() {
            self.node.metrics.requests.answer(stamp, Instant::now());
        }
        match answer {
            Answer::Frame(pieces) => Ok(self.output.push(pieces)?),
            Answer::Silent => Ok(()),
            Answer::Close(why) => Err(End::Refused(why)),
        }
    }

    async fn send(&mut self) -> Result<(), End> {
        let stall_max = WRITE_STALL_MAX.min(self.node.connection_idle_max);
        while !self.output.is_empty() {
            match self.output.try_send(&self.stream) {
                Ok(sent) => self.node.metrics.connections.sent_bytes.add_len(sent),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.node.metrics.connections.send_stalls.count();
                    let writable = timeout(stall_max, self.stream.writable()).await;
                    writable.map_err(|_elapsed| End::Stalled(stall_max))??;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Waits for the first reply; those behind it wait their turn.
async fn head(replies: &mut VecDeque<Reply>) -> Answer {
    poll_fn(|context| match replies.front_mut() {
        Some(Reply::Later(future)) => future.as_mut().poll(context),
        Some(now @ Reply::Now(_)) => match std::mem::replace(now, Reply::Now(Answer::Silent)) {
            Reply::Now(answer) => Poll::Ready(answer),
            Reply::Later(_) => unreachable!("the variant was just matched"),
        },
        None => Poll::Pending,
    })
    .await
}

/// A share of the memory for large requests; given back when the connection ends.
struct Charge {
    total: Rc<Cell<usize>>,
    held: usize,
}

impl Charge {
    fn set(&mut self, bytes: usize) {
        self.total.set(self.total.get() + bytes - self.held);
        self.held = bytes;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.set(0);
    }
}
