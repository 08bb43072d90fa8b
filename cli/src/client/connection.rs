//! One connection: requests go out in order, answers are matched to them in order.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use thalweg_model::ErrorCode;
use thalweg_wire::frame::{FrameStatus, decode_response, frame_status, request_frame};
use thalweg_wire::header::RequestHeader;
use thalweg_wire::messages::{ApiVersionsRequest, ApiVersionsResponse};
use thalweg_wire::{ApiKey, Request, Str};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::timeout;

use super::versions::ApiRanges;
use super::{Address, ClientError};
use crate::limits::{CONNECT_TIMEOUT, QUEUED_REQUESTS_MAX, RESPONSE_BYTES_MAX};

const CLIENT_NAME: &str = "thalweg-cli";

/// A frame to be sent, and who waits for the answer.
struct Outgoing {
    frame: BytesMut,
    waiting: Option<Waiting>,
}

struct Waiting {
    correlation_id: i32,
    answer: oneshot::Sender<Bytes>,
}

/// What both tasks of a connection share with it.
#[derive(Default)]
struct Shared {
    waiting: RefCell<VecDeque<Waiting>>,
    /// Why the connection ended; none while it lives.
    ended: RefCell<Option<String>>,
}

impl Shared {
    fn end(&self, cause: String) {
        self.ended.borrow_mut().get_or_insert(cause);
        self.waiting.borrow_mut().clear();
    }
}

/// A connection to one broker whose versions are known.
pub(crate) struct Connection {
    address: Address,
    timeout: Duration,
    versions: ApiRanges,
    outgoing: mpsc::Sender<Outgoing>,
    next_id: Cell<i32>,
    shared: Rc<Shared>,
    tasks: [AbortHandle; 2],
}

impl Drop for Connection {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Connection {
    /// Connects and asks for the broker's versions.
    pub(crate) async fn open(address: Address, wait: Duration) -> Result<Self, ClientError> {
        let stream = connect(&address)
            .await
            .map_err(|cause| ClientError::Connect {
                address: address.clone(),
                cause,
                known: false,
            })?;
        let (input, output) = stream.into_split();
        let shared = Rc::new(Shared::default());
        let (outgoing, queue) = mpsc::channel(QUEUED_REQUESTS_MAX);
        let writer = spawn_local(write_requests(output, queue, Rc::clone(&shared)));
        let reader = spawn_local(read_answers(input, Rc::clone(&shared)));
        let mut connection = Self {
            address,
            timeout: wait,
            versions: ApiRanges::default(),
            outgoing,
            next_id: Cell::new(0),
            shared,
            tasks: [writer.abort_handle(), reader.abort_handle()],
        };
        connection.versions = connection.negotiate().await?;
        Ok(connection)
    }

    /// Whether it can no longer be used.
    pub(crate) fn has_ended(&self) -> bool {
        self.shared.ended.borrow().is_some()
    }

    /// The version in which an API is used here.
    pub(crate) fn version_of(&self, key: ApiKey) -> Result<i16, ClientError> {
        self.versions
            .highest_common(key)
            .ok_or_else(|| ClientError::Unsupported {
                address: self.address.clone(),
                api: key.spec().name,
            })
    }

    /// Sends a request and waits for its answer as long as connections here usually wait.
    pub(crate) async fn send<R: Request>(&self, request: &R) -> Result<R::Response, ClientError> {
        self.send_within(request, self.timeout).await
    }

    /// Sends a request whose answer may take longer, because the broker is asked to wait.
    pub(crate) async fn send_within<R: Request>(
        &self,
        request: &R,
        within: Duration,
    ) -> Result<R::Response, ClientError> {
        let version = self.version_of(R::KEY)?;
        let frame = self.exchange(request, version, within).await?;
        self.decode::<R>(&frame, version)
    }

    /// Sends a request in a version no higher than `newest`, where later ones say less.
    pub(crate) async fn send_at_most<R: Request>(
        &self,
        request: &R,
        newest: i16,
    ) -> Result<R::Response, ClientError> {
        let version = self.version_of(R::KEY)?.min(newest);
        let frame = self.exchange(request, version, self.timeout).await?;
        self.decode::<R>(&frame, version)
    }

    /// Sends a request that has no answer (a produce request with acks=0).
    pub(crate) async fn send_unanswered<R: Request>(&self, request: &R) -> Result<(), ClientError> {
        let version = self.version_of(R::KEY)?;
        let (_, frame) = self.frame(request, version)?;
        let outgoing = Outgoing {
            frame,
            waiting: None,
        };
        let sent = self.outgoing.send(outgoing).await;
        match sent {
            Ok(()) => Ok(()),
            Err(_) => Err(self.disconnected(R::KEY.spec().name)),
        }
    }

    async fn exchange<R: Request>(
        &self,
        request: &R,
        version: i16,
        within: Duration,
    ) -> Result<Bytes, ClientError> {
        let api = R::KEY.spec().name;
        let (correlation_id, frame) = self.frame(request, version)?;
        let (answer, answered) = oneshot::channel();
        let outgoing = Outgoing {
            frame,
            waiting: Some(Waiting {
                correlation_id,
                answer,
            }),
        };
        let answered = async {
            self.outgoing.send(outgoing).await.ok()?;
            answered.await.ok()
        };
        match timeout(within, answered).await {
            Ok(Some(frame)) => Ok(frame),
            Ok(None) => Err(self.disconnected(api)),
            Err(_) => {
                // The answer may still come, and nothing would wait for it: the connection is of no more use.
                self.shared.end("an answer took too long".to_owned());
                Err(ClientError::Timeout {
                    address: self.address.clone(),
                    api,
                    within,
                })
            }
        }
    }

    fn frame<R: Request>(&self, request: &R, version: i16) -> Result<(i32, BytesMut), ClientError> {
        let correlation_id = self.next_id.get();
        self.next_id.set(correlation_id.wrapping_add(1));
        let header = RequestHeader {
            key: R::KEY,
            version,
            correlation_id,
            client_id: Some(Str::from_static(CLIENT_NAME)),
        };
        Ok((correlation_id, request_frame(request, &header)?))
    }

    fn decode<R: Request>(&self, frame: &Bytes, version: i16) -> Result<R::Response, ClientError> {
        let decoded = decode_response::<R::Response>(frame, version);
        let (_, response) = decoded.map_err(|cause| ClientError::Decode {
            address: self.address.clone(),
            api: R::KEY.spec().name,
            cause,
        })?;
        Ok(response)
    }

    /// Asks in the newest version; a broker that lacks it answers in version 0 and says which it has (KIP-511).
    async fn negotiate(&self) -> Result<ApiRanges, ClientError> {
        let request = ApiVersionsRequest {
            client_software_name: Str::from_static(CLIENT_NAME),
            client_software_version: Str::from_static(env!("CARGO_PKG_VERSION")),
        };
        let newest = ApiKey::ApiVersions.spec().max_stable_version();
        let mut version = newest;
        let mut frame = self.exchange(&request, version, self.timeout).await?;
        if announces_other_version(&frame) {
            let refused = self.decode::<ApiVersionsRequest>(&frame, 0)?;
            let offered = ApiRanges::of(&refused.api_keys).highest_common(ApiKey::ApiVersions);
            version = offered.unwrap_or(0);
            frame = self.exchange(&request, version, self.timeout).await?;
        }
        let answer: ApiVersionsResponse = self.decode::<ApiVersionsRequest>(&frame, version)?;
        super::check(answer.error_code, "ApiVersions")?;
        Ok(ApiRanges::of(&answer.api_keys))
    }

    fn disconnected(&self, api: &'static str) -> ClientError {
        let ended = self.shared.ended.borrow().clone();
        ClientError::Disconnected {
            address: self.address.clone(),
            api,
            cause: ended.unwrap_or_else(|| "the connection ended".to_owned()),
        }
    }
}

/// Whether the error code behind the correlation id is `UNSUPPORTED_VERSION`.
fn announces_other_version(frame: &[u8]) -> bool {
    let code = ErrorCode::UnsupportedVersion.code().to_be_bytes();
    frame.get(4..6) == Some(&code[..])
}

async fn connect(address: &Address) -> io::Result<TcpStream> {
    let connecting = TcpStream::connect((address.host.as_str(), address.port));
    let stream = timeout(CONNECT_TIMEOUT, connecting)
        .await
        .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "nobody answered")))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn write_requests(
    mut output: OwnedWriteHalf,
    mut queue: mpsc::Receiver<Outgoing>,
    shared: Rc<Shared>,
) {
    while let Some(Outgoing { frame, waiting }) = queue.recv().await {
        shared.waiting.borrow_mut().extend(waiting);
        if let Err(cause) = output.write_all(&frame).await {
            return shared.end(cause.to_string());
        }
    }
}

async fn read_answers(mut input: OwnedReadHalf, shared: Rc<Shared>) {
    loop {
        let answer = match read_frame(&mut input).await {
            Ok(answer) => answer,
            Err(cause) => return shared.end(describe(&cause)),
        };
        let expected = shared.waiting.borrow_mut().pop_front();
        match expected {
            Some(waiting) if answer.starts_with(&waiting.correlation_id.to_be_bytes()) => {
                // Whoever asked may have given up meanwhile; the answer is then of no use to anybody.
                drop(waiting.answer.send(answer));
            }
            _ => return shared.end("it answered something that was not asked".to_owned()),
        }
    }
}

fn describe(cause: &io::Error) -> String {
    if cause.kind() == io::ErrorKind::UnexpectedEof {
        "end of the stream".to_owned()
    } else {
        cause.to_string()
    }
}

async fn read_frame(input: &mut OwnedReadHalf) -> io::Result<Bytes> {
    let mut length = [0; 4];
    input.read_exact(&mut length).await?;
    let status = frame_status(&length, RESPONSE_BYTES_MAX)
        .map_err(|wrong| io::Error::new(io::ErrorKind::InvalidData, wrong))?;
    let missing = match status {
        FrameStatus::Need(missing) => missing,
        FrameStatus::Frame(_) => 0,
    };
    let mut frame = BytesMut::zeroed(missing);
    input.read_exact(&mut frame).await?;
    Ok(frame.freeze())
}
