//! Kafka's wire protocol: bytes to typed requests and back, every length bounded.

mod api;
mod api_key;
pub mod codec;
pub mod fetch;
pub mod frame;
pub mod header;
pub mod limits;
mod message;
pub mod messages;
pub mod produce;
pub mod record;
mod str;

pub use api::ApiSpec;
pub use api_key::ApiKey;
pub use message::{Message, Request, Response};
pub use record::RecordKey;
pub use str::Str;
