//! `thalweg start`: what it takes. The node itself is the broker's.

use std::path::PathBuf;

use clap::Args;

use crate::key_value::key_value;

/// How a node is to be started; what is absent takes its default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartOptions {
    /// Folder of the data; over `log.dirs`.
    pub data: Option<PathBuf>,
    /// A file in the form of Kafka's `server.properties`.
    pub properties: Option<PathBuf>,
    /// Settings that win over every other source, in the order given.
    pub overrides: Vec<(String, String)>,
}

/// The options of `thalweg start`, also understood without the word `start`.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StartArgs {
    /// Folder of the data [default: ./thalweg-data].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Settings in the form of Kafka's server.properties.
    #[arg(short = 'f', long = "properties", value_name = "FILE")]
    properties: Option<PathBuf>,
    /// One of Kafka's settings; wins over file and environment. May be repeated.
    #[arg(long = "override", value_name = "KEY=VALUE", value_parser = key_value)]
    overrides: Vec<(String, String)>,
}

impl From<StartArgs> for StartOptions {
    fn from(args: StartArgs) -> Self {
        Self {
            data: args.data,
            properties: args.properties,
            overrides: args.overrides,
        }
    }
}
