//! Deletes every topic and group of a broker, so that it is as good as fresh.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::corpus::{Mode, Step};
use crate::session::Session;

const AGAIN_AFTER: Duration = Duration::from_millis(100);
const AGAIN_MAX: usize = 450;

/// Deletes all, and waits until all is gone.
pub(crate) fn clean(session: &mut Session<'_>) -> Result<()> {
    for _ in 0..AGAIN_MAX {
        let groups = ask(session, "ListGroups", 0, json!({}))?;
        let groups = names(&groups, "Groups", "GroupId", false)?;
        let topics = ask(session, "Metadata", 4, json!({"Topics": null}))?;
        let topics = names(&topics, "Topics", "Name", true)?;
        if groups.is_empty() && topics.is_empty() {
            return Ok(());
        }
        ask(session, "DeleteGroups", 0, json!({"GroupsNames": groups}))?;
        ask(
            session,
            "DeleteTopics",
            1,
            json!({"TopicNames": topics, "TimeoutMs": 10_000}),
        )?;
        std::thread::sleep(AGAIN_AFTER);
    }
    bail!("topics or groups cannot be deleted")
}

fn names(answer: &Value, list: &str, name: &str, skip_internal: bool) -> Result<Vec<Value>> {
    let elements = answer[list]
        .as_array()
        .with_context(|| answer.to_string())?;
    let wanted = |element: &&Value| !skip_internal || element["IsInternal"] == Value::Bool(false);
    Ok(elements
        .iter()
        .filter(wanted)
        .map(|element| element[name].clone())
        .collect())
}

fn ask(session: &mut Session<'_>, api: &str, version: i16, body: Value) -> Result<Value> {
    let step = Step {
        id: format!("clean-up [{api} {version}]"),
        mode: Mode::Ask,
        connection: "main".to_owned(),
        api: api.to_owned(),
        version,
        reads: None,
        until: None,
        saves: Vec::new(),
        body,
    };
    session.play(&step)?.context("no answer")
}
