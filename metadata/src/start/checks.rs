//! Settings against each other, and settings that must not be ignored.

use super::problem::Problem;
use super::settings::{Origin, Settings};

/// Everything that is wrong with settings that are fine alone.
#[must_use]
pub fn across(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    identity(settings, &mut problems);
    one_node(settings, &mut problems);
    safety(settings, &mut problems);
    times(settings, &mut problems);
    groups(settings, &mut problems);
    problems
}

fn complain(
    settings: &Settings,
    problems: &mut Vec<Problem>,
    key: &str,
    (why, remedy): (String, &str),
) {
    let origin = settings.origin(key).unwrap_or(&Origin::Default);
    problems.push(Problem::new(key, origin, why, remedy));
}

fn identity(settings: &Settings, problems: &mut Vec<Problem>) {
    let (node, broker) = (settings.given("node.id"), settings.given("broker.id"));
    if let (Some(node), Some(broker)) = (node, broker)
        && node.trim() != broker.trim()
        && broker.trim() != "-1"
    {
        let why =
            format!("You must set `node.id` to the same value as `broker.id`, which is {broker}");
        complain(
            settings,
            problems,
            "node.id",
            (why, "remove one of the two"),
        );
    }
}

/// A node of a larger cluster that started alone would be a second cluster with the same data: it must not start.
fn one_node(settings: &Settings, problems: &mut Vec<Problem>) {
    let roles = settings.list("process.roles");
    if !roles.is_empty() && !roles.iter().any(|role| role == "broker") {
        let why =
            "a node that is only a controller is not served: the controller runs inside the broker"
                .to_owned();
        let remedy = "set process.roles=broker,controller";
        complain(settings, problems, "process.roles", (why, remedy));
    }
    let id = settings.integer("node.id").to_string();
    let voters = settings.list("controller.quorum.voters");
    let other = voters.iter().find(|voter| {
        let voter_id = voter.split_once('@').map_or(voter.as_str(), |(id, _)| id);
        voter_id != id
    });
    if let Some(other) = other {
        let why = format!("{other} is another node, and clusters of several nodes are not served");
        let remedy = "start one node, or leave the setting out";
        complain(
            settings,
            problems,
            "controller.quorum.voters",
            (why, remedy),
        );
    }
}

/// What asks for protection that is not there.
fn safety(settings: &Settings, problems: &mut Vec<Problem>) {
    if settings
        .given("authorizer.class.name")
        .is_some_and(|class| !class.trim().is_empty())
    {
        let why =
            "access control is asked for, which is not served, and must not be silently absent"
                .to_owned();
        let remedy = "remove it and keep the listeners in a trusted network";
        complain(settings, problems, "authorizer.class.name", (why, remedy));
    }
}

fn times(settings: &Settings, problems: &mut Vec<Problem>) {
    for key in [
        "log.retention.ms",
        "log.retention.minutes",
        "log.retention.hours",
    ] {
        if settings.given(key).is_some() && settings.integer(key) == 0 {
            let why = format!("{key} must be unlimited (-1) or, equal or greater than 1");
            complain(
                settings,
                problems,
                key,
                (why, "write -1 to keep records for ever"),
            );
        }
    }
    for key in ["log.roll.ms", "log.roll.hours"] {
        if settings.given(key).is_some() && settings.integer(key) < 1 {
            let why = format!("{key} must be greater than or equal to 1");
            complain(
                settings,
                problems,
                key,
                (why, "remove it for the default of a week"),
            );
        }
    }
    let threads = settings.integer("log.cleaner.threads").max(1);
    if settings.integer("log.cleaner.dedupe.buffer.size") / threads <= 1 << 20 {
        let key = "log.cleaner.dedupe.buffer.size";
        let why =
            "log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.".to_owned();
        complain(settings, problems, key, (why, "use fewer cleaner threads"));
    }
    let (lag_min, lag_max) = (
        settings.integer("log.cleaner.min.compaction.lag.ms"),
        settings.integer("log.cleaner.max.compaction.lag.ms"),
    );
    if lag_min > lag_max {
        let key = "log.cleaner.min.compaction.lag.ms";
        let why = format!(
            "it is {lag_min}, more than log.cleaner.max.compaction.lag.ms, which is {lag_max}"
        );
        complain(
            settings,
            problems,
            key,
            (why, "lower the one or raise the other"),
        );
    }
}

/// Values of groups lie between the bounds for them, and a session outlasts a heartbeat.
fn groups(settings: &Settings, problems: &mut Vec<Problem>) {
    for kind in ["consumer", "share", "streams"] {
        for what in ["heartbeat.interval.ms", "session.timeout.ms"] {
            let key = format!("group.{kind}.{what}");
            let (min, max) = (
                format!("group.{kind}.min.{what}"),
                format!("group.{kind}.max.{what}"),
            );
            let (value, least, most) = (
                settings.integer(&key),
                settings.integer(&min),
                settings.integer(&max),
            );
            let why = if most < least {
                format!("{max} must be greater than or equal to {min}")
            } else if value < least {
                format!("{key} must be greater than or equal to {min}")
            } else if value > most {
                format!("{key} must be less than or equal to {max}")
            } else {
                continue;
            };
            complain(settings, problems, &key, (why, "change one of the two"));
        }
        let session = format!("group.{kind}.session.timeout.ms");
        let heartbeat = format!("group.{kind}.heartbeat.interval.ms");
        if settings.integer(&heartbeat) >= settings.integer(&session) {
            let why = format!("{heartbeat} must be less than {session}");
            complain(
                settings,
                problems,
                &heartbeat,
                (why, "change one of the two"),
            );
        }
    }
    let (least, most) = (
        "group.min.session.timeout.ms",
        "group.max.session.timeout.ms",
    );
    if settings.integer(least) > settings.integer(most) {
        let why = format!("{most} must be greater than or equal to {least}");
        complain(settings, problems, most, (why, "change one of the two"));
    }
}
