//! The simulated directory tree: what programs see, and which names survive a power cut.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Component, Path};
use std::sync::Arc;

use super::PowerCut;
use super::contents::Contents;
use super::random::Random;

/// Number of a file or directory, whatever its names are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeId(u64);

const ROOT: NodeId = NodeId(0);

#[derive(Clone, Debug)]
enum Node {
    File(Contents),
    Dir(Entries),
}

/// Names of a directory. Copies share what neither changed.
#[derive(Clone, Debug, Default)]
struct Entries {
    live: Arc<BTreeMap<OsString, NodeId>>,
    durable: Arc<BTreeMap<OsString, NodeId>>,
}

/// One change of a name; `None` takes it away.
#[derive(Clone, Debug)]
struct Edit {
    dir: NodeId,
    name: OsString,
    to: Option<NodeId>,
}

/// A tree of named files.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    nodes: BTreeMap<NodeId, Node>,
    next: NodeId,
    /// Name changes that no `sync_dir` has made durable, oldest first. The edits of one change (a
    /// rename has two) happen together or not at all.
    pending: Vec<Vec<Edit>>,
}

impl Tree {
    pub(super) fn new() -> Self {
        Self {
            nodes: BTreeMap::from([(ROOT, Node::Dir(Entries::default()))]),
            next: NodeId(1),
            pending: Vec::new(),
        }
    }

    pub(super) fn file(&mut self, id: NodeId) -> &mut Contents {
        match self.nodes.get_mut(&id) {
            Some(Node::File(contents)) => contents,
            Some(Node::Dir(_)) | None => panic!("an open file stays until the next restart"),
        }
    }

    fn entries(&mut self, id: NodeId) -> io::Result<&mut Entries> {
        match self.nodes.get_mut(&id) {
            Some(Node::Dir(entries)) => Ok(entries),
            Some(Node::File(_)) | None => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn find(&mut self, path: &Path) -> io::Result<NodeId> {
        let mut at = ROOT;
        for component in path.components() {
            if let Component::Normal(name) = component {
                let found = self.entries(at)?.live.get(name).copied();
                at = found.ok_or(io::ErrorKind::NotFound)?;
            }
        }
        Ok(at)
    }

    /// The directory and the name of the last component.
    fn place(&mut self, path: &Path) -> io::Result<(NodeId, OsString)> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let dir = path.parent().unwrap_or_else(|| Path::new(""));
        let dir = self.find(dir)?;
        self.entries(dir)?;
        Ok((dir, name.to_owned()))
    }

    fn add(&mut self, node: Node) -> NodeId {
        let id = self.next;
        self.next = NodeId(id.0 + 1);
        self.nodes.insert(id, node);
        id
    }

    fn edit(&mut self, edits: Vec<Edit>) {
        for edit in &edits {
            let entries = self
                .entries(edit.dir)
                .expect("the caller found the directory");
            set(&mut entries.live, edit);
        }
        self.pending.push(edits);
    }

    pub(super) fn open(&mut self, path: &Path, create: bool) -> io::Result<NodeId> {
        match self.find(path) {
            Ok(id) => match self.nodes[&id] {
                Node::File(_) => Ok(id),
                Node::Dir(_) => Err(io::ErrorKind::IsADirectory.into()),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound && create => {
                let (dir, name) = self.place(path)?;
                let id = self.add(Node::File(Contents::default()));
                let to = Some(id);
                self.edit(vec![Edit { dir, name, to }]);
                Ok(id)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn create_dir_all(&mut self, path: &Path) -> io::Result<()> {
        let mut dir = ROOT;
        for component in path.components() {
            let Component::Normal(name) = component else {
                continue;
            };
            dir = match self.entries(dir)?.live.get(name) {
                Some(found) => *found,
                None => {
                    let id = self.add(Node::Dir(Entries::default()));
                    let (name, to) = (name.to_owned(), Some(id));
                    self.edit(vec![Edit { dir, name, to }]);
                    id
                }
            };
        }
        self.entries(dir).map(|_| ())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let id = self.find(from)?;
        let (from_dir, from_name) = self.place(from)?;
        let (to_dir, to_name) = self.place(to)?;
        if let Some(target) = self.entries(to_dir)?.live.get(&to_name).copied()
            && matches!(self.nodes[&target], Node::Dir(_))
        {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        self.edit(vec![
            Edit {
                dir: from_dir,
                name: from_name,
                to: None,
            },
            Edit {
                dir: to_dir,
                name: to_name,
                to: Some(id),
            },
        ]);
        Ok(())
    }

    pub(super) fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        let id = self.find(path)?;
        if matches!(self.nodes[&id], Node::Dir(_)) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let (dir, name) = self.place(path)?;
        self.edit(vec![Edit {
            dir,
            name,
            to: None,
        }]);
        Ok(())
    }

    /// Removes leaf by leaf, so that a power cut can leave any part of it.
    pub(super) fn remove_dir_all(&mut self, path: &Path) -> io::Result<()> {
        let id = self.find(path)?;
        for name in Arc::clone(&self.entries(id)?.live).keys() {
            let child = path.join(name);
            match self.remove_file(&child) {
                Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                    self.remove_dir_all(&child)?;
                }
                removed => removed?,
            }
        }
        let (dir, name) = self.place(path)?;
        self.edit(vec![Edit {
            dir,
            name,
            to: None,
        }]);
        Ok(())
    }

    pub(super) fn list(&mut self, path: &Path) -> io::Result<Vec<OsString>> {
        let dir = self.find(path)?;
        Ok(self.entries(dir)?.live.keys().cloned().collect())
    }

    pub(super) fn sync_dir(&mut self, path: &Path) -> io::Result<()> {
        let dir = self.find(path)?;
        self.entries(dir)?;
        let (synced, pending) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition(|edits: &Vec<Edit>| edits.iter().any(|edit| edit.dir == dir));
        self.pending = pending;
        for edits in synced {
            self.make_durable(&edits);
        }
        Ok(())
    }

    fn make_durable(&mut self, edits: &[Edit]) {
        for edit in edits {
            let entries = self
                .entries(edit.dir)
                .expect("directories keep their number");
            set(&mut entries.durable, edit);
        }
    }

    /// What is left after the power went: each name change not made durable happened or did not.
    pub(super) fn cut_power(&mut self, cut: PowerCut, random: &mut Random) {
        if cut == PowerCut::KeepsUnsynced {
            return;
        }
        for edits in std::mem::take(&mut self.pending) {
            if cut == PowerCut::Random && random.one_in(2) {
                self.make_durable(&edits);
            }
        }
        for node in self.nodes.values_mut() {
            match node {
                Node::File(contents) => contents.cut_power(cut, random),
                Node::Dir(entries) => entries.live = Arc::clone(&entries.durable),
            }
        }
        self.forget_nameless();
    }

    /// Forgets what nobody has open and no power cut can give a name again, such as all that was in
    /// a directory that is gone for good.
    pub(super) fn forget_lost(&mut self) {
        let reachable = self.reachable();
        self.pending
            .retain(|edits| edits.iter().any(|edit| reachable.contains(&edit.dir)));
        self.nodes.retain(|id, node| match node {
            Node::File(contents) => reachable.contains(id) || contents.is_held(),
            Node::Dir(_) => reachable.contains(id),
        });
    }

    /// What has a name that leads to it from the root, or may have one after a power cut.
    fn reachable(&self) -> BTreeSet<NodeId> {
        let mut reachable = BTreeSet::new();
        let mut found = vec![ROOT];
        while let Some(id) = found.pop() {
            if !reachable.insert(id) {
                continue;
            }
            if let Some(Node::Dir(entries)) = self.nodes.get(&id) {
                found.extend(entries.live.values().chain(entries.durable.values()));
                let edits = self.pending.iter();
                let here = edits.filter(|edits| edits.iter().any(|edit| edit.dir == id));
                found.extend(
                    here.flatten()
                        .flat_map(|edit| [Some(edit.dir), edit.to])
                        .flatten(),
                );
            }
        }
        reachable
    }

    /// Files without a name are gone: nobody has them open after a restart.
    fn forget_nameless(&mut self) {
        let mut named = BTreeSet::from([ROOT]);
        for node in self.nodes.values() {
            if let Node::Dir(entries) = node {
                named.extend(entries.live.values());
            }
        }
        self.nodes.retain(|id, _| named.contains(id));
    }
}

fn set(names: &mut Arc<BTreeMap<OsString, NodeId>>, edit: &Edit) {
    let names = Arc::make_mut(names);
    match edit.to {
        Some(id) => names.insert(edit.name.clone(), id),
        None => names.remove(&edit.name),
    };
}
