//! Taking a data directory into use: one process at a time, the right node, a stable id.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use thalweg_model::{BrokerId, Uuid};

/// Kafka's name for the file that says whose directory this is.
const META: &str = "meta.properties";
/// Kafka's name for the file that a running broker holds locked.
const LOCK: &str = ".lock";

/// A data directory in use by this process; the lock goes with it.
#[derive(Debug)]
pub(crate) struct DataDir {
    pub(crate) path: PathBuf,
    /// Id of the directory.
    pub(crate) id: Uuid,
    /// Id of the cluster, if the directory belongs to one.
    pub(crate) cluster_id: Option<String>,
    lock: File,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataDirError {
    #[error(
        "the data directory {path} cannot be used: {cause}; choose another with --data DIR, or \
         make it writable for this user"
    )]
    Io { path: String, cause: io::Error },
    #[error(
        "the data directory {0} is in use by another process; stop that one, or choose another \
         directory with --data DIR"
    )]
    Locked(String),
    #[error(
        "the data directory {path} belongs to node {stored}, this is node {own}; set node.id to \
         {stored} or choose another directory with --data DIR"
    )]
    OtherNode {
        path: String,
        stored: String,
        own: BrokerId,
    },
    #[error("{path} is damaged: {what}; restore the file, the data is untouched")]
    Damaged { path: String, what: &'static str },
}

impl DataDir {
    /// Whether the directory was removed: files that are open would still take what is written, and
    /// nobody would ever find it.
    pub(crate) fn is_gone(&self) -> bool {
        self.lock.metadata().is_ok_and(|lock| lock.nlink() == 0)
    }

    /// Makes the directory if need be, locks it and reads or writes its identity.
    pub(crate) fn open(
        path: &Path,
        node: BrokerId,
        cluster_id: Option<&str>,
        fresh_id: Uuid,
    ) -> Result<Self, DataDirError> {
        let failed = |cause| DataDirError::Io {
            path: path.display().to_string(),
            cause,
        };
        // A bare name has the empty path for a parent, which cannot be synced.
        let path = &std::path::absolute(path).map_err(failed)?;
        fs::create_dir_all(path).map_err(failed)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(LOCK))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DataDirError::Locked(path.display().to_string()));
            }
            Err(TryLockError::Error(cause)) => return Err(failed(cause)),
        }
        let meta = path.join(META);
        let (id, cluster_id) = match fs::read_to_string(&meta) {
            Ok(text) => read_identity(&text, &meta, node)?,
            // A new identity would make the data that is here another directory's.
            Err(error) if error.kind() == io::ErrorKind::NotFound && holds_data(path) => {
                let (path, what) = (
                    meta.display().to_string(),
                    "it is missing, and there is data",
                );
                return Err(DataDirError::Damaged { path, what });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                write_identity(path, node, cluster_id, fresh_id).map_err(failed)?;
                (fresh_id, cluster_id.map(str::to_owned))
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                let (path, what) = (meta.display().to_string(), "it is no text");
                return Err(DataDirError::Damaged { path, what });
            }
            Err(error) => return Err(failed(error)),
        };
        Ok(Self {
            path: path.to_path_buf(),
            id,
            cluster_id,
            lock,
        })
    }
}

/// Whether a node has written here.
fn holds_data(path: &Path) -> bool {
    ["journal", "manifest"]
        .iter()
        .any(|name| path.join(name).exists())
}

fn read_identity(
    text: &str,
    path: &Path,
    node: BrokerId,
) -> Result<(Uuid, Option<String>), DataDirError> {
    let get = |key: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        lines
            .find(|(k, _)| k.trim() == key)
            .map(|(_, value)| value.trim().to_owned())
    };
    let path = || path.display().to_string();
    if let Some(stored) = get("node.id").or_else(|| get("broker.id"))
        && stored != node.to_string()
    {
        return Err(DataDirError::OtherNode {
            path: path(),
            stored,
            own: node,
        });
    }
    let id = get("directory.id").and_then(|id| id.parse().ok());
    let what = "it names no directory.id";
    let id = id.ok_or_else(|| DataDirError::Damaged { path: path(), what })?;
    Ok((id, get("cluster.id")))
}

fn write_identity(
    dir: &Path,
    node: BrokerId,
    cluster_id: Option<&str>,
    id: Uuid,
) -> io::Result<()> {
    let mut text = format!("version=1\nnode.id={node}\ndirectory.id={id}\n");
    if let Some(cluster_id) = cluster_id {
        text.push_str(&format!("cluster.id={cluster_id}\n"));
    }
    // Written aside and renamed: a crash leaves the whole file or none.
    let aside = dir.join("meta.properties.tmp");
    let mut file = File::create(&aside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&aside, dir.join(META))?;
    File::open(dir)?.sync_all()
}
