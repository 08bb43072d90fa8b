//! A running `thalweg` and a small synchronous client, for tests of the whole process.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use thalweg_model::batch::{BatchBuilder, BatchOptions, NewRecord, ProducerStamp, StoredBatch};
use thalweg_model::{LeaderEpoch, Offset, Timestamp};
use thalweg_wire::frame::{decode_response, request_frame};
use thalweg_wire::header::RequestHeader;
use thalweg_wire::messages::fetch_request::{FetchPartition, FetchTopic};
use thalweg_wire::messages::metadata_request::MetadataRequestTopic;
use thalweg_wire::messages::produce_request::{PartitionProduceData, TopicProduceData};
use thalweg_wire::messages::{
    FetchRequest, FetchResponse, InitProducerIdRequest, MetadataRequest, ProduceRequest,
};
use thalweg_wire::{Request, Str};

/// Ports of this process's brokers: tests of one file run side by side.
static NEXT_PORT: AtomicU16 = AtomicU16::new(0);

/// A broker process; killed when dropped.
pub(crate) struct Broker {
    child: Child,
    pub(crate) port: u16,
    pub(crate) data: PathBuf,
    /// Where its metrics are, if it offers them.
    pub(crate) metrics: Option<String>,
    /// Milliseconds to the ready line, as the process says.
    pub(crate) ready_ms: u64,
    /// What it has logged so far.
    said: Arc<Mutex<String>>,
}

/// A port that this process did not use of late; others may have it.
pub(crate) fn next_port() -> u16 {
    let offset = NEXT_PORT.fetch_add(1, Ordering::Relaxed);
    let base = 27_000 + u16::try_from(std::process::id() % 50).unwrap() * 100;
    base + offset % 100
}

impl Broker {
    /// Starts a broker on a free port and waits for its ready line.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    pub(crate) fn start_with(data: &Path, overrides: &[&str]) -> Self {
        loop {
            match Self::start_on(data, next_port(), overrides) {
                Ok(broker) => return broker,
                // Tests of another build may run beside these.
                Err(said) => assert!(said.contains("Address already in use"), "{said}"),
            }
        }
    }

    /// Starts a broker on a given port; what it said if it ended instead of getting ready.
    pub(crate) fn start_on(data: &Path, port: u16, overrides: &[&str]) -> Result<Self, String> {
        Self::await_ready(Self::command(data, port, overrides), data, port)
    }

    /// Starts a broker after a line of the shell, as one that sets a limit.
    pub(crate) fn start_limited(data: &Path, port: u16, line: &str) -> Result<Self, String> {
        let plain = Self::command(data, port, &[]);
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(format!("{line}; exec \"$@\""))
            .arg("sh");
        command.arg(plain.get_program()).args(plain.get_args());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::await_ready(command, data, port)
    }

    /// What starts a broker.
    pub(crate) fn command(data: &Path, port: u16, overrides: &[&str]) -> Command {
        // Another build can be tested instead, as the one that is shipped.
        let binary = std::env::var_os("THALWEG_BIN");
        let mut command =
            Command::new(binary.unwrap_or_else(|| env!("CARGO_BIN_EXE_thalweg").into()));
        command.arg("start").arg("--data").arg(data);
        command
            .arg("--override")
            .arg(format!("listeners=PLAINTEXT://127.0.0.1:{port}"));
        for setting in overrides {
            command.arg("--override").arg(setting);
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts and waits for the ready line; what it said if it ended instead.
    pub(crate) fn await_ready(
        mut command: Command,
        data: &Path,
        port: u16,
    ) -> Result<Self, String> {
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut metrics = None;
        for line in out.lines().map_while(Result::ok) {
            if let Some(url) = line.trim().strip_prefix("metrics http://") {
                metrics = url.strip_suffix("/metrics").map(str::to_owned);
            }
            if let Some((_, ready)) = line.split_once("ready in ") {
                let ready_ms = ready.split(' ').next().unwrap().parse().unwrap();
                let said = collect(child.stderr.take().unwrap());
                return Ok(Self {
                    child,
                    port,
                    metrics,
                    data: data.to_path_buf(),
                    ready_ms,
                    said,
                });
            }
        }
        let mut said = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        assert!(!child.wait().unwrap().success(), "it ended unready: {said}");
        Err(said)
    }

    /// Ends the process as a power cut of the process would: no handler runs.
    pub(crate) fn kill(mut self) -> (PathBuf, u16) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        (self.data.clone(), self.port)
    }

    /// Asks the process to end, as a service manager does, and waits until it has.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        let pid = i32::try_from(self.child.id()).unwrap();
        let asked = Command::new("sh")
            .args(["-c", &format!("kill -TERM {pid}")])
            .status();
        assert!(asked.unwrap().success());
        self.child.wait().unwrap()
    }

    /// Sends the process a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.unwrap().success());
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the process has ended by itself, at most ten seconds; its exit code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let mut code = None;
        becomes(|| {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        code.and_then(|status| status.code())
    }

    /// What the process has logged so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.port).unwrap()
    }

    /// Resident memory in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It may have been killed by the test already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Keeps the pipe empty, so that the broker never waits for its log to be read.
fn collect(stderr: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let said = Arc::new(Mutex::new(String::new()));
    let into = Arc::clone(&said);
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let mut said = into.lock().unwrap();
            said.push_str(&line);
            said.push('\n');
        }
    });
    said
}

impl Broker {
    /// Processor time that it took so far, in ticks of the kernel.
    pub(crate) fn processor_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let fields: Vec<_> = fields.split_whitespace().collect();
        [11, 12]
            .map(|at| fields[at].parse::<u64>().unwrap())
            .iter()
            .sum()
    }
}

/// Asks again until it is so; false if it is not within ten seconds.
pub(crate) fn becomes(is_so: impl FnMut() -> bool) -> bool {
    becomes_within(Duration::from_secs(10), is_so)
}

/// Asks again until it is so; false if it is not in that time.
pub(crate) fn becomes_within(limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < limit {
        if is_so() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

/// A connection that asks one thing at a time.
pub(crate) struct Client {
    stream: TcpStream,
    correlation: i32,
}

impl Client {
    pub(crate) fn connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        // Longer than a busy machine may stand still.
        stream.set_read_timeout(Some(Duration::from_secs(90)))?;
        Ok(Self {
            stream,
            correlation: 0,
        })
    }

    pub(crate) fn ask<R: Request>(&mut self, request: &R, version: i16) -> io::Result<R::Response> {
        let frame = self.frame(request, version)?;
        self.stream.write_all(&frame)?;
        let (correlation, response) = self.answer::<R>(version)?;
        assert_eq!(correlation, self.correlation, "answers come in order");
        Ok(response)
    }

    /// Sends two requests as one piece, so that the second is there before the first is answered.
    pub(crate) fn ask_both<A: Request, B: Request>(
        &mut self,
        (first, first_version): (&A, i16),
        (second, second_version): (&B, i16),
    ) -> io::Result<(A::Response, B::Response)> {
        let mut frames = self.frame(first, first_version)?.to_vec();
        frames.extend_from_slice(&self.frame(second, second_version)?);
        self.stream.write_all(&frames)?;
        let (_, first) = self.answer::<A>(first_version)?;
        let (correlation, second) = self.answer::<B>(second_version)?;
        assert_eq!(correlation, self.correlation, "answers come in order");
        Ok((first, second))
    }

    fn frame<R: Request>(&mut self, request: &R, version: i16) -> io::Result<BytesMut> {
        self.correlation += 1;
        let header = RequestHeader {
            key: R::KEY,
            version,
            correlation_id: self.correlation,
            client_id: Some(Str::from("test")),
        };
        request_frame(request, &header).map_err(io::Error::other)
    }

    /// The next answer and the request that it belongs to.
    fn answer<R: Request>(&mut self, version: i16) -> io::Result<(i32, R::Response)> {
        let body = self.receive()?;
        let (header, response) =
            decode_response::<R::Response>(&body, version).map_err(io::Error::other)?;
        Ok((header.correlation_id, response))
    }

    /// Sends a request whose answer is heard later, if ever.
    pub(crate) fn send<R: Request>(&mut self, request: &R, version: i16) -> io::Result<()> {
        let frame = self.frame(request, version)?;
        self.stream.write_all(&frame)
    }

    /// The answer to the request that was sent first and not heard yet.
    pub(crate) fn hear<R: Request>(&mut self, version: i16) -> io::Result<R::Response> {
        Ok(self.answer::<R>(version)?.1)
    }

    /// Sends bytes as they are.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// One frame without its length.
    pub(crate) fn receive(&mut self) -> io::Result<Bytes> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let mut body = vec![0; usize::try_from(i32::from_be_bytes(length)).unwrap()];
        self.stream.read_exact(&mut body)?;
        Ok(body.into())
    }

    /// Makes sure that the topic exists.
    pub(crate) fn create(&mut self, topic: &str) -> io::Result<()> {
        self.begin_create(topic)?;
        let response = self.hear::<MetadataRequest>(9)?;
        assert_eq!(response.topics[0].error_code, 0);
        Ok(())
    }

    /// Asks for a topic as [`Self::create`] does, and hears no answer.
    pub(crate) fn begin_create(&mut self, topic: &str) -> io::Result<()> {
        let request = MetadataRequest {
            topics: Some(vec![MetadataRequestTopic {
                name: Some(Str::from(topic)),
                ..MetadataRequestTopic::default()
            }]),
            allow_auto_topic_creation: true,
            ..MetadataRequest::default()
        };
        self.send(&request, 9)
    }

    pub(crate) fn new_producer(&mut self) -> io::Result<i64> {
        let request = InitProducerIdRequest {
            transactional_id: None,
            producer_id: -1,
            producer_epoch: -1,
            ..InitProducerIdRequest::default()
        };
        let response = self.ask(&request, 4)?;
        assert_eq!(response.error_code, 0);
        Ok(response.producer_id)
    }

    /// Appends a batch with `acks=all`: error code and base offset.
    pub(crate) fn produce(
        &mut self,
        topic: &str,
        partition: i32,
        records: Bytes,
    ) -> io::Result<(i16, i64)> {
        let response = self.ask(&produced_request(topic, partition, records), 9)?;
        let partition = &response.responses[0].partition_responses[0];
        Ok((partition.error_code, partition.base_offset))
    }

    /// Everything in a partition: offset and value of each record.
    pub(crate) fn read_all(
        &mut self,
        topic: &str,
        partition: i32,
    ) -> io::Result<Vec<(i64, Vec<u8>)>> {
        self.read_from(topic, partition, 0)
    }

    /// Everything in a partition from an offset on.
    pub(crate) fn read_from(
        &mut self,
        topic: &str,
        partition: i32,
        start: i64,
    ) -> io::Result<Vec<(i64, Vec<u8>)>> {
        let mut records: Vec<(i64, Vec<u8>)> = Vec::new();
        loop {
            let from = records.last().map_or(start, |(offset, _)| offset + 1);
            let some = self.read_some(topic, partition, from)?;
            if some.is_empty() {
                return Ok(records);
            }
            records.extend(some);
        }
    }

    /// What one fetch returns of a partition: offset and value of each record.
    pub(crate) fn read_some(
        &mut self,
        topic: &str,
        partition: i32,
        from: i64,
    ) -> io::Result<Vec<(i64, Vec<u8>)>> {
        let response = self.fetch(topic, partition, from)?;
        let answered = &response.responses[0].partitions[0];
        if answered.error_code != 0 {
            let what = format!("error {}", answered.error_code);
            return Err(io::Error::other(what));
        }
        let mut bytes = answered.records.clone().unwrap_or_default();
        let mut records = Vec::new();
        while !bytes.is_empty() {
            let batch = StoredBatch::split_first(&mut bytes).map_err(io::Error::other)?;
            for record in batch.unpack().map_err(io::Error::other)?.records() {
                let record = record.map_err(io::Error::other)?;
                let value = record.value.unwrap_or_default().to_vec();
                // A batch comes whole, also where it begins before.
                if record.offset.value() >= from {
                    records.push((record.offset.value(), value));
                }
            }
        }
        Ok(records)
    }

    /// One fetch as it is answered.
    pub(crate) fn fetch(
        &mut self,
        topic: &str,
        partition: i32,
        from: i64,
    ) -> io::Result<FetchResponse> {
        let request = FetchRequest {
            max_wait_ms: 0,
            min_bytes: 1,
            max_bytes: 8 << 20,
            session_epoch: -1,
            topics: vec![FetchTopic {
                topic: Str::from(topic),
                partitions: vec![FetchPartition {
                    partition,
                    fetch_offset: from,
                    current_leader_epoch: -1,
                    partition_max_bytes: 8 << 20,
                    ..FetchPartition::default()
                }],
                ..FetchTopic::default()
            }],
            ..FetchRequest::default()
        };
        self.ask(&request, 11)
    }
}

/// One partition's share of a produce request.
/// A request to append a batch with `acks=all`.
pub(crate) fn produced_request(topic: &str, partition: i32, records: Bytes) -> ProduceRequest {
    ProduceRequest {
        acks: -1,
        timeout_ms: 10_000,
        topic_data: vec![produced(topic, partition, records)],
        ..ProduceRequest::default()
    }
}

pub(crate) fn produced(topic: &str, partition: i32, records: Bytes) -> TopicProduceData {
    TopicProduceData {
        name: Str::from(topic),
        partition_data: vec![PartitionProduceData {
            index: partition,
            records: Some(records),
        }],
        ..TopicProduceData::default()
    }
}

/// A batch of records with these values.
pub(crate) fn batch(values: &[Vec<u8>], producer: Option<ProducerStamp>) -> Bytes {
    let mut builder = BatchBuilder::new(BatchOptions {
        producer,
        ..BatchOptions::default()
    });
    for value in values {
        builder.push(&NewRecord {
            timestamp: Timestamp::NONE,
            key: None,
            value: Some(value),
            headers: &[],
        });
    }
    let batch = builder.finish().unwrap();
    batch
        .assign(Offset::ZERO, LeaderEpoch::ZERO)
        .bytes()
        .clone()
}

/// A changed batch with its length and its checksum made right again.
pub(crate) fn resealed(mut batch: BytesMut) -> Bytes {
    let length = u32::try_from(batch.len() - 12).unwrap();
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    let crc = crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
    batch.freeze()
}

/// CRC-32C, bit by bit: slow and plainly right.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0x82f6_3b78 & 0_u32.wrapping_sub(crc & 1))
        })
    })
}

/// A number that can be set from outside.
pub(crate) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

/// SplitMix64: dice that a failing test can roll again.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}
