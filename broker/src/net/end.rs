//! How a connection ends, and what is said of it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use thalweg_wire::frame::FrameError;

use crate::observe::metrics::Ended;

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
pub(super) enum End {
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
    #[error("a request came too slowly: {0} bytes of it are here")]
    SlowRequest(usize),
    #[error("the client takes its answer too slowly: {0} bytes are left in memory")]
    SlowReader(usize),
    #[error("stored records cannot be sent: {0}")]
    Storage(io::Error),
    #[error(transparent)]
    Io(io::Error),
}

impl End {
    pub(super) fn reason(&self) -> Ended {
        match self {
            Self::Closed | Self::Truncated | Self::Io(_) => Ended::Client,
            Self::Frame(_) | Self::Refused(_) => Ended::Refused,
            Self::Idle(_) => Ended::Idle,
            Self::SlowRequest(_) | Self::SlowReader(_) => Ended::Stalled,
            Self::Storage(_) => Ended::Storage,
        }
    }

    /// Says it, as loudly as it deserves.
    pub(super) fn log(&self, peer: SocketAddr) {
        match self {
            Self::Closed => tracing::debug!(%peer, "connection closed"),
            Self::Truncated | Self::Idle(_) | Self::Io(_) => {
                tracing::debug!(%peer, end = %self, "connection ended");
            }
            Self::Frame(_) | Self::Refused(_) | Self::SlowRequest(_) | Self::SlowReader(_) => {
                tracing::warn!(%peer, end = %self, "connection closed");
            }
            Self::Storage(_) => tracing::error!(%peer, end = %self, "connection closed"),
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
