//! The state behind a simulated disk: the tree, the power, and the dice.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::PowerCut;
use super::contents::Contents;
use super::faults::{Fault, Faults, Operation};
use super::names::{NodeId, Tree};
use super::random::Random;
use crate::disk::{DIRECT_ALIGNMENT, OpenMode};

/// Which start of the machine a file was opened in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life(u64);

#[derive(Clone, Debug)]
pub(super) struct Machine {
    tree: Tree,
    random: Random,
    life: Life,
    power: Power,
    changes: u64,
    faults: Faults,
    /// Bytes by which files may still grow; `None` for a disk without end.
    free_bytes: Option<usize>,
    /// What the machine was before each change, if somebody wants to know.
    watched: Option<Vec<Moment>>,
}

/// The machine before a change.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    machine: Machine,
    /// The direct write that the change is, if it is one.
    write: Option<(NodeId, usize, Arc<[u8]>)>,
}

impl Moment {
    /// The machine after the power went in the middle of the change.
    pub(super) fn cut(&self, cut: PowerCut, seed: u64) -> Machine {
        let mut machine = self.machine.clone();
        machine.reseed(seed);
        if let Some((node, at, bytes)) = &self.write {
            let contents = machine.tree.file(*node);
            match cut {
                PowerCut::LosesUnsynced => {}
                PowerCut::KeepsUnsynced => contents.write_through(*at, bytes),
                PowerCut::Random => contents.tear(*at, bytes, &mut machine.random),
            }
        }
        machine.restart(cut);
        machine
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Power {
    On,
    /// Goes in the change with this number.
    GoesAt(u64),
    Off,
}

impl Machine {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            tree: Tree::new(),
            random: Random::new(seed),
            life: Life(0),
            power: Power::On,
            changes: 0,
            faults: Faults::default(),
            free_bytes: None,
            watched: None,
        }
    }

    pub(super) fn inject(&mut self, fault: Fault, after: u64) {
        self.faults.add(fault, after);
    }

    pub(super) fn set_free_bytes(&mut self, bytes: Option<usize>) {
        self.free_bytes = bytes;
    }

    pub(super) fn may_be_full(&self) -> bool {
        self.free_bytes.is_some()
    }

    /// Does something to the medium behind the back of all programs.
    pub(super) fn damage(
        &mut self,
        path: &Path,
        damage: impl FnOnce(&mut Contents, &mut Random),
    ) -> io::Result<()> {
        let node = self.tree.open(path, false)?;
        damage(self.tree.file(node), &mut self.random);
        Ok(())
    }

    pub(super) fn reseed(&mut self, seed: u64) {
        self.random = Random::new(seed);
    }

    pub(super) fn restart(&mut self, cut: PowerCut) {
        self.tree.cut_power(cut, &mut self.random);
        self.life = Life(self.life.0 + 1);
        self.power = Power::On;
    }

    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    pub(super) fn cut_power_after(&mut self, changes: u64) {
        if !self.is_off() {
            self.power = Power::GoesAt(self.changes + changes);
        }
    }

    pub(super) fn keep_power(&mut self) {
        if !self.is_off() {
            self.power = Power::On;
        }
    }

    pub(super) fn is_off(&self) -> bool {
        self.power == Power::Off
    }

    fn powered(&self) -> io::Result<()> {
        if self.is_off() {
            return Err(io::Error::other("the simulated power is off"));
        }
        Ok(())
    }

    pub(super) fn watch(&mut self) {
        // Or each moment would have a copy of every file that ever was.
        self.tree.forget_lost();
        self.watched = Some(Vec::new());
    }

    pub(super) fn take_moments(&mut self) -> Vec<Moment> {
        self.watched.take().unwrap_or_default()
    }

    fn remember(&mut self, write: Option<(NodeId, usize, &[u8])>) {
        let Some(mut watched) = self.watched.take() else {
            return;
        };
        watched.push(Moment {
            machine: self.clone(),
            write: write.map(|(node, at, bytes)| (node, at, bytes.into())),
        });
        self.watched = Some(watched);
    }

    /// Counts a change; fails if the power goes in it or is off.
    fn change(&mut self) -> io::Result<()> {
        self.remember(None);
        self.count_change()
    }

    fn count_change(&mut self) -> io::Result<()> {
        let number = self.changes;
        self.changes += 1;
        match self.power {
            Power::GoesAt(last) if last <= number => self.power = Power::Off,
            Power::GoesAt(_) | Power::On | Power::Off => {}
        }
        self.powered()
    }

    /// Opens a file; it stays as long as what is returned with it.
    pub(super) fn open(
        &mut self,
        path: &Path,
        mode: OpenMode,
    ) -> io::Result<(NodeId, Life, Arc<()>)> {
        let create = match mode {
            OpenMode::Read | OpenMode::Write => {
                self.powered()?;
                false
            }
            OpenMode::Create | OpenMode::Direct | OpenMode::DirectSync => {
                self.change()?;
                true
            }
        };
        let node = self.tree.open(path, create)?;
        Ok((node, self.life, self.tree.file(node).hold()))
    }

    /// A change of names. One that the power cut ends may have happened: it is not durable yet.
    pub(super) fn names(
        &mut self,
        change: impl FnOnce(&mut Tree) -> io::Result<()>,
    ) -> io::Result<()> {
        self.change()?;
        change(&mut self.tree)
    }

    pub(super) fn list(&mut self, path: &Path) -> io::Result<Vec<OsString>> {
        self.powered()?;
        self.tree.list(path)
    }

    fn alive(&self, life: Life) -> io::Result<()> {
        if life != self.life {
            return Err(io::Error::other("a file of an earlier life"));
        }
        Ok(())
    }

    pub(super) fn read(&mut self, node: NodeId, life: Life) -> io::Result<&mut Contents> {
        self.alive(life)?;
        self.powered()?;
        match self.faults.strike(Operation::Read) {
            Some(_) => Err(device_error()),
            None => Ok(self.tree.file(node)),
        }
    }

    pub(super) fn write(
        &mut self,
        (node, life): (NodeId, Life),
        mode: OpenMode,
        at: usize,
        bytes: &[u8],
    ) -> io::Result<()> {
        self.alive(life)?;
        let through = match mode {
            OpenMode::DirectSync => true,
            OpenMode::Write | OpenMode::Create | OpenMode::Direct => false,
            OpenMode::Read => return Err(io::ErrorKind::PermissionDenied.into()),
        };
        self.remember(through.then_some((node, at, bytes)));
        let powered = self.count_change();
        let fault = self.faults.strike(Operation::Write);
        let contents = self.tree.file(node);
        if powered.is_err() || fault == Some(Fault::WriteFails) {
            if through {
                contents.tear(at, bytes, &mut self.random);
            } else {
                contents.write(at, &bytes[..self.random.below(bytes.len() + 1)]);
            }
            return powered.and_then(|()| Err(device_error()));
        }
        if fault == Some(Fault::WriteIsLost) {
            return Ok(());
        }
        let misdirected = fault == Some(Fault::WriteIsMisdirected);
        let at = if misdirected {
            let pages = contents.len() / DIRECT_ALIGNMENT + 1;
            self.random.below(pages) * DIRECT_ALIGNMENT
        } else {
            at
        };
        // What is skipped is a hole, which takes no room.
        let growth = (at + bytes.len()).saturating_sub(contents.len().max(at));
        let (bytes, full) = match self.free_bytes {
            Some(free) if free < growth => (&bytes[..bytes.len() - (growth - free)], true),
            Some(_) | None => (bytes, false),
        };
        self.free_bytes = self.free_bytes.map(|free| free.saturating_sub(growth));
        if through {
            contents.write_through(at, bytes);
        } else {
            contents.write(at, bytes);
        }
        if full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    pub(super) fn set_len(&mut self, node: NodeId, life: Life, len: usize) -> io::Result<()> {
        self.alive(life)?;
        let powered = self.change();
        self.tree.file(node).set_len(len);
        powered
    }

    pub(super) fn sync(&mut self, node: NodeId, life: Life) -> io::Result<()> {
        self.alive(life)?;
        self.change()?;
        let contents = self.tree.file(node);
        if self.faults.strike(Operation::Sync).is_some() {
            contents.fail_sync(&mut self.random);
            return Err(device_error());
        }
        contents.sync();
        Ok(())
    }
}

fn device_error() -> io::Error {
    io::Error::other("the simulated device failed")
}
