//! One run: nodes, clients and faults of a seed, until all is healed and compared.

use std::collections::BTreeMap;

use thalweg_model::{BrokerId, LeaderEpoch, Tick, TopicPartition};
use thalweg_replica::PeerMessage;

use crate::Random;
use crate::call::{CallId, ClientId, Reply, Request};
use crate::clients::{Client, Context};
use crate::directory::Directory;
use crate::network::Network;
use crate::node::{Output, SimNode};
use crate::recorder::Recorder;
use crate::schedule::Schedule;
use crate::swarm::Swarm;
use crate::trace::Trace;
use crate::truth::Truth;
use crate::violation::Violation;

/// How often a node looks at its clock.
const TICK_US: u64 = 20_000;

/// What happens next.
#[derive(Debug)]
pub(crate) enum Event {
    Turn(ClientId),
    Arrive(BrokerId, ClientId, CallId, Request),
    Answer(ClientId, CallId, Reply),
    TimedOut(ClientId, CallId),
    Job {
        node: BrokerId,
        life: u64,
        job: u64,
    },
    Tick(BrokerId),
    Deliver(BrokerId, TopicPartition, PeerMessage),
    Start(BrokerId),
    /// There is room on a disk again.
    Room(BrokerId),
    /// All nodes reach each other again.
    Join,
    Fault,
}

/// A call that is not answered yet.
#[derive(Debug)]
struct Pending {
    client: ClientId,
    node: BrokerId,
    /// It came, and waits for those of earlier calls: a connection keeps the order.
    answer: Option<Reply>,
}

/// Everything of one run.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) swarm: Swarm,
    pub(crate) schedule: Schedule<Event>,
    pub(crate) nodes: Vec<SimNode>,
    pub(crate) directory: Directory,
    pub(crate) truth: Truth,
    pub(crate) trace: Trace,
    pub(crate) recorder: Recorder,
    pub(crate) random: Random,
    pub(crate) healed: bool,
    pub(crate) network: Network,
    /// Who was cut off last because it led.
    pub(crate) prey: Option<BrokerId>,
    /// Who led a partition in an epoch.
    leaders: BTreeMap<(TopicPartition, LeaderEpoch), BrokerId>,
    pub(crate) clients: BTreeMap<ClientId, Box<dyn Client>>,
    /// When each client has its next turn; an earlier wish takes the place of a later one.
    turns: BTreeMap<ClientId, Tick>,
    /// Who still waits for which call.
    calls: BTreeMap<CallId, Pending>,
    next_call: u64,
    pub(crate) ending: bool,
    /// When the last request of a client arrives at a node: a connection keeps the order.
    arrivals: BTreeMap<(ClientId, BrokerId), u64>,
    pub(crate) events: u64,
    pub(crate) crashes: u64,
}

impl World {
    pub(crate) fn new(swarm: Swarm, mut random: Random, trace: Trace) -> Self {
        let nodes = (1..)
            .map(BrokerId)
            .take(usize::try_from(swarm.nodes).unwrap_or(1))
            .map(|id| SimNode::new(id, random.split(), &swarm))
            .collect();
        let network = swarm.network.clone();
        let many = swarm.nodes > 1;
        Self {
            swarm,
            schedule: Schedule::new(),
            nodes,
            directory: Directory::default(),
            truth: Truth::default(),
            trace,
            recorder: Recorder::new(many),
            random,
            healed: false,
            network,
            prey: None,
            leaders: BTreeMap::new(),
            clients: BTreeMap::new(),
            turns: BTreeMap::new(),
            calls: BTreeMap::new(),
            next_call: 0,
            ending: false,
            arrivals: BTreeMap::new(),
            events: 0,
            crashes: 0,
        }
    }

    pub(crate) fn node(&mut self, id: BrokerId) -> &mut SimNode {
        let at = usize::try_from(id.0 - 1).expect("nodes are numbered from 1");
        &mut self.nodes[at]
    }

    /// Adds a client, which begins at once.
    pub(crate) fn add(&mut self, client: Box<dyn Client>) -> ClientId {
        let id = ClientId(self.clients.len());
        self.clients.insert(id, client);
        self.wake(id, 0);
        id
    }

    /// The whole run.
    pub(crate) fn run(&mut self) -> Result<(), Violation> {
        for node in 0..self.nodes.len() {
            let id = self.nodes[node].id;
            self.schedule.after(0, Event::Start(id));
            self.schedule.after(0, Event::Tick(id));
        }
        self.schedule.after(self.swarm.fault_every_us, Event::Fault);
        self.until(self.swarm.work_us)?;
        self.end()?;
        self.recorder.check()
    }

    fn until(&mut self, end_us: u64) -> Result<(), Violation> {
        while self.schedule.now().0 < end_us {
            self.step()?;
        }
        Ok(())
    }

    /// Plans a client's next turn, unless it has one before.
    pub(crate) fn wake(&mut self, client: ClientId, after_us: u64) {
        let at = Tick(self.schedule.now().0 + after_us);
        if self.turns.get(&client).is_none_or(|planned| at < *planned) {
            self.turns.insert(client, at);
            self.schedule.at(at, Event::Turn(client));
        }
    }

    pub(crate) fn step(&mut self) -> Result<(), Violation> {
        let Some(event) = self.schedule.next() else {
            let seen = "nothing is planned".to_owned();
            return Err(Violation::new("the simulation goes on", seen));
        };
        self.events += 1;
        let now = self.schedule.now();
        match event {
            Event::Turn(client) => {
                if self.turns.get(&client) != Some(&now) {
                    return Ok(()); // It had an earlier one.
                }
                self.turns.remove(&client);
                self.client(client, None)
            }
            Event::Answer(client, call, reply) => {
                let Some(pending) = self.calls.get_mut(&call) else {
                    return Ok(()); // Nobody waits any more.
                };
                pending.answer = Some(reply);
                let node = pending.node;
                self.pass_on(client, node)
            }
            Event::TimedOut(client, call) => {
                if !self.calls.contains_key(&call) {
                    return Ok(());
                }
                self.disconnect(client)
            }
            Event::Arrive(node, client, call, request) => self.arrive(node, client, call, request),
            Event::Job { node, life, job } => {
                if self.node(node).life != life {
                    return Ok(());
                }
                self.trace.note(now, || format!("{node} job {job}"));
                self.node(node).perform(job);
                self.turn(node)
            }
            Event::Tick(node) => {
                self.schedule.after(TICK_US, Event::Tick(node));
                self.node(node).tick(now);
                self.turn(node)?;
                self.check_leaders(node)?;
                self.check_members(node)
            }
            Event::Deliver(node, partition, message) => {
                self.trace
                    .note(now, || format!("{node} <- {partition} {}", message.brief()));
                self.node(node).receive(partition, message);
                self.turn(node)
            }
            Event::Start(node) => self.start(node),
            Event::Room(node) => {
                self.node(node).disk().set_free_bytes(None);
                Ok(())
            }
            Event::Join => {
                self.network.join();
                Ok(())
            }
            Event::Fault => self.fault(),
        }
    }

    /// A request comes to a node.
    fn arrive(
        &mut self,
        node: BrokerId,
        client: ClientId,
        call: CallId,
        request: Request,
    ) -> Result<(), Violation> {
        let now = self.schedule.now();
        self.trace.note(now, || {
            format!("{node} <- {client:?} {call:?} {}", request.brief())
        });
        if !self.node(node).is_up() {
            let answer = Event::Answer(client, call, Reply::Unreachable);
            self.schedule.after(1_000, answer);
            return Ok(());
        }
        self.node(node).serve(client, call, request, now);
        self.turn(node)
    }

    fn check_leaders(&mut self, node: BrokerId) -> Result<(), Violation> {
        for (partition, epoch) in self.node(node).led() {
            let first = *self.leaders.entry((partition, epoch)).or_insert(node);
            if first != node {
                let seen = format!("{partition}: {first} and {node} in epoch {epoch}");
                return Err(Violation::new("an epoch has one leader", seen));
            }
        }
        Ok(())
    }

    /// The cluster's metadata learns of replicas that became what they are to be.
    fn check_members(&mut self, node: BrokerId) -> Result<(), Violation> {
        let mut news = false;
        for (partition, voters) in self.node(node).voters_led() {
            if self.directory.settled(partition, &voters) {
                let now = self.schedule.now();
                self.trace
                    .note(now, || format!("{partition} has the voters {voters:?}"));
                news = true;
            }
        }
        if !news {
            return Ok(());
        }
        self.tell_metadata()?;
        self.after_change(node)
    }

    /// Lets a client act, on an answer or by itself.
    fn client(&mut self, id: ClientId, answer: Option<(CallId, Reply)>) -> Result<(), Violation> {
        let now = self.schedule.now();
        if let Some((call, reply)) = &answer {
            self.recorder.answered(*call, reply, now);
            self.trace
                .note(now, || format!("{id:?} {call:?} {}", reply.brief()));
        }
        let version = self.directory.version;
        let mut cx = Context {
            random: &mut self.random,
            truth: &mut self.truth,
            directory: &mut self.directory,
            ending: self.ending,
            next_call: &mut self.next_call,
            calls: Vec::new(),
            wake_us: None,
        };
        let client = self
            .clients
            .get_mut(&id)
            .expect("events name clients that exist");
        match answer {
            Some((call, reply)) => client.answered(call, reply, &mut cx)?,
            None => client.turn(&mut cx)?,
        }
        let Context { calls, wake_us, .. } = cx;
        if let Some(wake) = wake_us {
            self.wake(id, wake);
        }
        for (node, call, request) in calls {
            self.send(id, node, call, request);
        }
        if self.directory.version != version {
            self.tell_metadata()?;
        }
        Ok(())
    }

    fn send(&mut self, client: ClientId, node: BrokerId, call: CallId, request: Request) {
        let now = self.schedule.now();
        let delay = self.random.between(50, self.swarm.net_us_max);
        let last = self.arrivals.entry((client, node)).or_default();
        *last = (*last).max(now.0 + delay);
        let at = Tick(*last);
        self.recorder.asked(client, call, &request, now);
        let answer = None;
        self.calls.insert(
            call,
            Pending {
                client,
                node,
                answer,
            },
        );
        let arrival = if self.is_call_lost() {
            Event::TimedOut(client, call)
        } else {
            Event::Arrive(node, client, call, request)
        };
        self.schedule.at(at, arrival);
        let timeout = self.swarm.call_timeout_us;
        self.schedule.after(timeout, Event::TimedOut(client, call));
    }

    /// A connection ends with a request or an answer that is lost or late, as clients' do: of all that is under way nobody
    /// knows what becomes.
    fn disconnect(&mut self, client: ClientId) -> Result<(), Violation> {
        for call in self.calls_of(client, None) {
            self.calls.remove(&call);
            self.client(client, Some((call, Reply::Unknown)))?;
        }
        Ok(())
    }

    /// Gives a client the answers of a node that have no gap before them.
    fn pass_on(&mut self, client: ClientId, node: BrokerId) -> Result<(), Violation> {
        for call in self.calls_of(client, Some(node)) {
            let Some(answer) = self.calls.get_mut(&call).and_then(|of| of.answer.take()) else {
                break;
            };
            self.calls.remove(&call);
            self.client(client, Some((call, answer)))?;
        }
        Ok(())
    }

    /// The calls of a client that are under way, to one node or to any, in order.
    fn calls_of(&self, client: ClientId, node: Option<BrokerId>) -> Vec<CallId> {
        let calls = self
            .calls
            .iter()
            .filter(|(_, of)| of.client == client && node.is_none_or(|node| of.node == node));
        calls.map(|(&call, _)| call).collect()
    }

    /// Whether a request or an answer of a client does not arrive.
    fn is_call_lost(&mut self) -> bool {
        !self.healed && self.random.percent(self.swarm.calls_lost_percent)
    }

    /// Every node that runs learns of a change at once.
    pub(crate) fn tell_metadata(&mut self) -> Result<(), Violation> {
        let now = self.schedule.now();
        for at in 0..self.nodes.len() {
            let id = self.nodes[at].id;
            let specs = self.directory.specs_of(id);
            self.nodes[at].apply(&specs, &self.directory, now);
            self.turn(id)?;
        }
        Ok(())
    }

    fn start(&mut self, id: BrokerId) -> Result<(), Violation> {
        let now = self.schedule.now();
        self.node(id).start_is_planned = false;
        if self.node(id).is_up() {
            return Ok(());
        }
        let at = usize::try_from(id.0 - 1).expect("nodes are numbered from 1");
        let up = self.nodes[at].start(&self.directory, now)?;
        self.trace.note(now, || format!("{id} starts: {up}"));
        if up {
            self.turn(id)
        } else {
            self.down(id, crate::node::Crash::PowerLoss);
            Ok(())
        }
    }

    /// Ends a node's turn: what it wants done is planned.
    pub(crate) fn turn(&mut self, id: BrokerId) -> Result<(), Violation> {
        let now = self.schedule.now();
        let outputs = self.node(id).turn(now);
        if self.node(id).disk().is_off() {
            self.down(id, crate::node::Crash::PowerLoss);
            return Ok(());
        }
        if let Some(why) = self.node(id).failure() {
            let seen = format!("node {id}: {why}");
            return Err(Violation::new("a healthy disk does not fail a node", seen));
        }
        let life = self.node(id).life;
        let mut dies = false;
        for output in outputs {
            match output {
                Output::JobStarted(job) => {
                    let delay = self.disk_delay();
                    let node = id;
                    self.schedule.after(delay, Event::Job { node, life, job });
                }
                Output::Send {
                    to,
                    partition,
                    message,
                } => {
                    dies |= self.swarm.dies_after_vote
                        && !self.healed
                        && message.grants_vote()
                        && self.random.percent(50);
                    for delay in self.network.arrivals(id, to, &mut self.random) {
                        let message = message.clone();
                        self.schedule
                            .after(delay, Event::Deliver(to, partition, message));
                    }
                }
                Output::LeaderChanged => self.check_leaders(id)?,
                Output::TopicsChanged { created, removed } => {
                    self.topics_changed(&created, &removed)?;
                }
                Output::Notice(text) => self.trace.note(now, || format!("{id} notes: {text}")),
                Output::Answer {
                    client,
                    call,
                    reply,
                } => {
                    let delay = self.random.between(50, self.swarm.net_us_max);
                    let answer = if self.is_call_lost() {
                        Event::TimedOut(client, call)
                    } else {
                        Event::Answer(client, call, reply)
                    };
                    self.schedule.after(delay, answer);
                }
            }
        }
        if dies {
            self.down(id, crate::node::Crash::Kill);
        }
        Ok(())
    }

    fn disk_delay(&mut self) -> u64 {
        let delay = self.random.between(20, self.swarm.disk_us_max);
        if self.random.below(1000) < self.swarm.stalls_per_mille {
            delay * 100
        } else {
            delay
        }
    }
}
