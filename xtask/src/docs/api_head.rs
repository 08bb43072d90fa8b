//! What the head and the registry row of an API's file say.

/// An API that is served.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ApiHead {
    /// Its name as in `ApiKey`.
    pub(super) name: String,
    /// Oldest and newest version served.
    pub(super) versions: (i16, i16),
    /// Oldest version announced.
    pub(super) announced_min: i16,
    /// What it is for, in one line.
    pub(super) about: String,
    /// What is deliberately not done.
    pub(super) not_done: Option<String>,
}

impl ApiHead {
    /// Reads a file of `broker/src/api`; none if it has no registry row.
    pub(super) fn of(text: &str) -> Option<Self> {
        let (_, row) = text.split_once("const API: Api")?;
        let (before, arguments) = row.split_once("Api::new(ApiKey::")?;
        let mut words = arguments.split([',', ')']).map(str::trim);
        let name = words.next()?.to_owned();
        let versions = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let announced = before.split_once("announced_min: ").and_then(|(_, rest)| {
            let (number, _) = rest.split_once(',')?;
            number.trim().parse().ok()
        });
        let head: Vec<&str> = text
            .lines()
            .map_while(|line| line.strip_prefix("//!"))
            .map(str::trim)
            .collect();
        Some(Self {
            versions,
            announced_min: announced.unwrap_or(versions.0),
            about: about(&head, &name),
            not_done: part(&head, "Not done: "),
            name,
        })
    }
}

/// The first paragraph without the name before it.
fn about(head: &[&str], name: &str) -> String {
    let paragraph: Vec<&str> = head
        .iter()
        .copied()
        .take_while(|line| !line.is_empty())
        .collect();
    let text = paragraph.join(" ");
    text.strip_prefix(name)
        .and_then(|rest| rest.strip_prefix(": "))
        .unwrap_or(&text)
        .to_owned()
}

/// A part of the head up to its end, the next list item or the next paragraph.
fn part(head: &[&str], label: &str) -> Option<String> {
    let start = head.iter().position(|line| line.starts_with(label))?;
    let first = head[start].strip_prefix(label)?;
    let rest = head[start + 1..]
        .iter()
        .take_while(|line| !line.is_empty() && !line.starts_with("- "));
    let lines: Vec<&str> = std::iter::once(first).chain(rest.copied()).collect();
    Some(lines.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_and_row_are_read() {
        let text = "//! Fetch: batches\n//! out.\n//!\n//! Versions: 4-18\n//! Behaviour: b.\n\
                    //! - 7: c.\n//! Not done: d\n//! e.\n\nuse x;\n\
                    pub(super) const API: Api = Api {\n    announced_min: 0,\n    \
                    ..Api::new(ApiKey::Fetch, 4, 18, handle)\n};\n";
        let head = ApiHead::of(text).unwrap();
        assert_eq!(head.name, "Fetch");
        assert_eq!((head.versions, head.announced_min), ((4, 18), 0));
        assert_eq!(head.about, "batches out.");
        assert_eq!(head.not_done.as_deref(), Some("d e."));
        assert_eq!(ApiHead::of("//! Sessions.\n"), None);
    }
}
