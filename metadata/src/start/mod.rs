//! What a broker is started with, as text: the properties file, variables, options, and what is wrong with them.
//!
//! Nothing here reads a file, a variable or a name: texts come in, [`Settings`] and [`Problem`]s come out. What the
//! settings mean to sockets and directories is the broker's affair.

mod checks;
mod environment;
mod listeners;
mod own;
mod problem;
pub mod properties;
mod settings;

pub use checks::across;
pub use listeners::{ClientListener, Endpoint, client_listeners, controller_names};
pub use own::{MetricsListener, metrics_listener, own_default};
pub use problem::Problem;
pub use settings::{DATA_DEFAULT, Origin, Setting, Settings};
