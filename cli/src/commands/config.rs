//! `thalweg config`.

use clap::{Args, Subcommand};

use super::settings::{self, Kind};
use crate::failure::Failure;
use crate::key_value::key_value;
use crate::output::FormatArgs;
use crate::session::Session;
use crate::suggest::nearest;

/// Arguments of `thalweg config`.
#[derive(Args, Debug)]
pub(crate) struct ConfigArgs {
    #[command(flatten)]
    format: FormatArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Show settings: all, or the ones named
    Get {
        /// What the settings belong to
        kind: Kind,
        /// Name of the topic, or id of the broker
        name: String,
        /// Names of settings
        keys: Vec<String>,
        /// Only those that differ from the default because somebody set them
        #[arg(long)]
        own: bool,
    },
    /// Set values
    Set {
        /// What the settings belong to
        kind: Kind,
        /// Name of the topic, or id of the broker ("" for the default of all brokers)
        name: String,
        /// Settings and their values
        #[arg(required = true, value_name = "KEY=VALUE", value_parser = key_value)]
        values: Vec<(String, String)>,
    },
    /// Go back to the defaults
    Delete {
        /// What the settings belong to
        kind: Kind,
        /// Name of the topic, or id of the broker ("" for the default of all brokers)
        name: String,
        /// Names of settings
        #[arg(required = true)]
        keys: Vec<String>,
    },
}

/// Runs the command.
pub(crate) async fn execute(session: &mut Session, args: ConfigArgs) -> Result<(), Failure> {
    session.out.choose(args.format);
    match args.action {
        Action::Get {
            kind,
            name,
            keys,
            own,
        } => get(session, kind, &name, &keys, own).await,
        Action::Set { kind, name, values } => {
            let values = values.into_iter().map(|(key, value)| (key, Some(value)));
            let values: Vec<_> = values.collect();
            settings::change(&session.client, kind, &name, &values).await?;
            session.out.notice(format!("{} set", values.len()));
            Ok(())
        }
        Action::Delete { kind, name, keys } => {
            let values: Vec<_> = keys.into_iter().map(|key| (key, None)).collect();
            settings::change(&session.client, kind, &name, &values).await?;
            session
                .out
                .notice(format!("{} back to default", values.len()));
            Ok(())
        }
    }
}

async fn get(
    session: &mut Session,
    kind: Kind,
    name: &str,
    keys: &[String],
    own: bool,
) -> Result<(), Failure> {
    let mut found = settings::read(&session.client, kind, name, keys).await?;
    let known = |key: &&String| found.iter().any(|setting| setting.name() == key.as_str());
    if let Some(missing) = keys.iter().find(|key| !known(key)) {
        let all = settings::read(&session.client, kind, name, &[]).await?;
        let failure = Failure::new(format!("there is no setting '{missing}'"));
        return Err(match nearest(missing, all.iter().map(|s| s.name())) {
            Some(similar) => failure.fix(format!("'{similar}' exists; was it meant?")),
            None => failure.fix("list them by leaving the name away"),
        });
    }
    if own {
        found.retain(|setting| setting.is_own());
    }
    session.out.rows(&found)?;
    Ok(())
}
