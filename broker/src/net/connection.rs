//! One connection: frames in, answers out in the order of the requests.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use thalweg_wire::ApiKey;
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::answer::{Answer, Call, Reply};
use super::charge::Charge;
use super::dispatch::{perform, receive};
use super::end::End;
use super::input::Input;
use super::output::Output;
use super::pace::Pace;
use super::pipeline::Pipeline;
use crate::limits::{
    ANSWER_BYTES_HIGH, APPENDS_WAITING_BYTES_HIGH, REQUEST_BYTES_MAX, REQUESTS_IN_FLIGHT_MAX,
    TRANSFER_STALL_MAX, UNCOUNTED_REQUEST_BYTES,
};
use crate::node::Node;
use crate::observe::metrics::Stamp;

/// Who is at the other end.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Where it connects from.
    pub(crate) address: SocketAddr,
    /// Name of the listener that it came to.
    pub(crate) listener: Rc<str>,
}

struct Connection {
    node: Rc<Node>,
    peer: Rc<Peer>,
    stream: TcpStream,
    input: Input,
    replies: VecDeque<Reply>,
    /// A request that must see what those before it do.
    waiting: Option<(Stamp, Call)>,
    /// Of each reply, when and what was asked.
    stamps: VecDeque<Stamp>,
    /// Of produce requests, whether more may come before these are answered.
    pipeline: Pipeline,
    output: Output,
    heard: Instant,
    /// How fast the request comes that has begun, unless this side keeps it waiting.
    pace: Option<Pace>,
    /// This connection's share of the memory for large requests.
    charge: Charge,
    /// Bytes in memory of the answers in `replies`.
    queued: usize,
    /// This connection's share of the memory for answers.
    answers: Charge,
}

/// Serves a connection until it ends.
pub(crate) async fn serve(node: Rc<Node>, stream: TcpStream, peer: Peer) {
    let peer = Rc::new(peer);
    let charge = Charge::new(&node.request_bytes);
    let answers = Charge::new(&node.answer_bytes);
    let input = Input::new(&node.receive_buffers);
    let pipeline = Pipeline::new(&node.clients_sending_on);
    let mut connection = Connection {
        node,
        peer: Rc::clone(&peer),
        stream,
        input,
        replies: VecDeque::new(),
        waiting: None,
        stamps: VecDeque::new(),
        pipeline,
        output: Output::default(),
        heard: Instant::now(),
        pace: None,
        charge,
        queued: 0,
        answers,
    };
    let end = connection.run().await;
    connection.node.metrics.connections.end(end.reason());
    end.log(peer.address);
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
        let is_more = self.take_frames()?;
        self.collect_answers()?;
        self.send().await?;
        if is_more && self.may_dispatch() {
            return Ok(());
        }
        if self.replies.is_empty() && !self.input.is_inside_frame() {
            self.input.shrink();
        }
        let may_read = self.may_read();
        let deadline = self.deadline(may_read);
        tokio::select! {
            biased;
            answer = head(&mut self.replies), if !self.replies.is_empty() => {
                self.replies.pop_front();
                self.take_answer(answer)?;
                self.take_answers_behind().await?;
            }
            readable = self.stream.readable(), if may_read => {
                readable?;
                self.receive()?;
            }
            () = self.node.room.notified(), if !may_read => {}
            () = sleep_until(deadline.unwrap_or(self.heard)), if deadline.is_some() => {
                self.check_deadline(may_read)?;
            }
        }
        Ok(())
    }

    /// Whether another request may be worked on: not while too many are under way, or too much of
    /// their answers is waiting to leave, or one waits for those before it.
    fn may_dispatch(&self) -> bool {
        let waits = |(stamp, _): &(Stamp, Call)| self.must_wait(stamp);
        self.replies.len() < REQUESTS_IN_FLIGHT_MAX
            && self.answers.held() < ANSWER_BYTES_HIGH
            && !self.waiting.as_ref().is_some_and(waits)
    }

    /// Whether a request must wait for those before it. Kafka works on one request of a connection
    /// after the other, so each sees what the earlier ones did, and clients that pipeline rely on it.
    /// Only Produce goes ahead of unfinished ones: its order is fixed when it is taken, and neither
    /// another Produce nor a Fetch, which changes nothing, can tell.
    fn must_wait(&self, stamp: &Stamp) -> bool {
        let mut unfinished = (self.replies.iter().zip(&self.stamps))
            .filter(|(reply, _)| matches!(reply, Reply::Later(_)))
            .map(|(_, ahead)| ahead.api);
        if stamp.api == Some(ApiKey::Produce) {
            unfinished.any(|ahead| !matches!(ahead, Some(ApiKey::Produce | ApiKey::Fetch)))
        } else {
            unfinished.next().is_some()
        }
    }

    /// Whether more may come in: not while no request may be worked on, or too much is waiting for
    /// the disk, or too much of large requests is in memory.
    fn may_read(&self) -> bool {
        self.may_dispatch()
            && self.node.appends_waiting_bytes() < APPENDS_WAITING_BYTES_HIGH
            && (self.charge.total() < REQUEST_BYTES_MAX || self.charge.held() == 0)
    }

    /// How long a transfer may stand still.
    fn patience(&self) -> Duration {
        TRANSFER_STALL_MAX.min(self.node.connection_idle_max)
    }

    /// When nothing more is awaited; none if connections are never idle.
    fn deadline(&mut self, may_read: bool) -> Option<Instant> {
        if may_read && self.input.is_inside_frame() {
            let patience = self.patience();
            self.pace
                .get_or_insert_with(|| Pace::begin(patience))
                .deadline()
        } else {
            self.pace = None;
            let is_idle = self.replies.is_empty();
            self.heard
                .checked_add(self.node.connection_idle_max)
                .filter(|_| is_idle)
        }
    }

    fn check_deadline(&mut self, may_read: bool) -> Result<(), End> {
        let is_over = self
            .deadline(may_read)
            .is_some_and(|deadline| Instant::now() >= deadline);
        match self.pace {
            _ if !is_over => Ok(()),
            Some(_) => Err(End::SlowRequest(self.input.held())),
            None => Err(End::Idle(self.node.connection_idle_max)),
        }
    }

    fn receive(&mut self) -> Result<(), End> {
        match self.input.try_read(&self.stream) {
            Ok(0) if self.input.is_inside_frame() => Err(End::Truncated),
            Ok(0) => Err(End::Closed),
            Ok(read) => {
                self.heard = Instant::now();
                self.node.metrics.connections.received_bytes.add_len(read);
                if let Some(pace) = &mut self.pace {
                    pace.on_moved(read);
                }
                self.charge
                    .set(self.input.held().saturating_sub(UNCOUNTED_REQUEST_BYTES));
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Hands whole frames to their handlers; true if one is left because no more may be worked on.
    fn take_frames(&mut self) -> Result<bool, End> {
        while self.may_dispatch() {
            let (stamp, call) = match self.waiting.take() {
                Some((stamp, call)) => (stamp, Ok(call)),
                None => match self.input.next_frame(self.node.request_bytes_max)? {
                    Some(frame) => {
                        self.pace = None;
                        receive(&self.node, &self.peer, frame, self.heard)
                    }
                    None => return Ok(false),
                },
            };
            let reply = match call {
                Ok(call) if self.must_wait(&stamp) => {
                    self.waiting = Some((stamp, call));
                    return Ok(true);
                }
                Ok(call) => perform(call),
                Err(answer) => Reply::Now(answer),
            };
            if stamp.api == Some(ApiKey::Produce) {
                self.pipeline.asked();
            }
            self.stamps.push_back(stamp);
            self.queued += reply.memory();
            self.replies.push_back(reply);
            self.count_answers();
        }
        Ok(true)
    }

    /// Moves answers that are there already to the output, so that one write carries them all.
    fn collect_answers(&mut self) -> Result<(), End> {
        while let Some(Reply::Now(_)) = self.replies.front() {
            if let Some(Reply::Now(answer)) = self.replies.pop_front() {
                self.queued -= answer.memory();
                self.take_answer(answer)?;
            }
        }
        Ok(())
    }

    /// Takes the answers that came with the last one: requests that shared a journal block are done
    /// together, and one write carries their answers.
    async fn take_answers_behind(&mut self) -> Result<(), End> {
        while let Some(answer) = head_if_there(&mut self.replies).await {
            self.replies.pop_front();
            self.take_answer(answer)?;
        }
        Ok(())
    }

    fn take_answer(&mut self, answer: Answer) -> Result<(), End> {
        if let Some(stamp) = self.stamps.pop_front() {
            if stamp.api == Some(ApiKey::Produce) {
                self.pipeline.answered();
            }
            self.node.metrics.requests.answer(stamp, Instant::now());
        }
        match answer {
            Answer::Frame(pieces) => self.output.push(pieces),
            Answer::Silent => {}
            Answer::Close(why) => return Err(End::Refused(why)),
        }
        self.count_answers();
        Ok(())
    }

    fn count_answers(&mut self) {
        self.answers.set(self.queued + self.output.memory());
    }

    async fn send(&mut self) -> Result<(), End> {
        if self.output.is_empty() {
            return Ok(());
        }
        let mut pace = None;
        while !self.output.is_empty() {
            if let Some(cold) = self.output.cold() {
                let read = spawn_blocking(|| cold.read()).await;
                self.output.warmed(&read.map_err(io::Error::other)??);
            }
            match self.output.try_send(&self.stream) {
                Ok(sent) => {
                    pace.iter_mut()
                        .for_each(|pace: &mut Pace| pace.on_moved(sent));
                    self.node.metrics.connections.sent_bytes.add_len(sent);
                    self.count_answers();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.node.metrics.connections.send_stalls.count();
                    let patience = self.patience();
                    let pace = pace.get_or_insert_with(|| Pace::begin(patience));
                    self.await_room(pace.deadline()).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.heard = Instant::now();
        Ok(())
    }

    async fn await_room(&mut self, deadline: Option<Instant>) -> Result<(), End> {
        // Meanwhile nothing is read: a request that has begun is not slow for that.
        self.pace = None;
        let writable = self.stream.writable();
        let writable = match deadline {
            Some(deadline) => timeout_at(deadline, writable).await,
            None => Ok(writable.await),
        };
        writable.map_err(|_elapsed| End::SlowReader(self.output.memory()))??;
        Ok(())
    }
}

/// Waits for the first reply; those behind it wait their turn.
async fn head(replies: &mut VecDeque<Reply>) -> Answer {
    poll_fn(|context| poll_head(replies, context)).await
}

/// The first reply, if it is there.
async fn head_if_there(replies: &mut VecDeque<Reply>) -> Option<Answer> {
    poll_fn(|context| match poll_head(replies, context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

fn poll_head(replies: &mut VecDeque<Reply>, context: &mut Context<'_>) -> Poll<Answer> {
    match replies.front_mut() {
        Some(Reply::Later(future)) => future.as_mut().poll(context),
        Some(now @ Reply::Now(_)) => match std::mem::replace(now, Reply::Now(Answer::Silent)) {
            Reply::Now(answer) => Poll::Ready(answer),
            Reply::Later(_) => unreachable!("the variant was just matched"),
        },
        None => Poll::Pending,
    }
}
