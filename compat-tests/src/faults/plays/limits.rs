//! Descriptors and memory that run out.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use anyhow::Result;

use crate::faults::fault::{Fault, Ground};
use crate::faults::stage::Stage;

/// More connections than descriptors.
const CROWD: usize = 300;

/// The address space, in KiB: enough for these clients, not for many large requests.
const SPACE_KIB: u32 = 200_000;

pub(crate) const DESCRIPTORS: Fault = Fault {
    name: "descriptors",
    title: "The broker may have 200 descriptors (ulimit -n), and 300 more connections are opened for some seconds",
    ground: Ground::Disk,
    settings: &[],
    play: descriptors,
};

pub(crate) const MEMORY: Fault = Fault {
    name: "memory",
    title: "The broker may have 200 MB of address space (ulimit -v), and many large requests are begun; if it ends, it is started again without the limit",
    ground: Ground::Disk,
    settings: &[],
    play: memory,
};

/// Starts the broker again under a limit, which is not the fault yet.
fn limit(stage: &mut Stage, line: &str) -> Result<()> {
    stage.node.terminate()?;
    stage.node.start_after(line)?;
    stage.settle("under the limit")?;
    stage.mark();
    Ok(())
}

fn descriptors(stage: &mut Stage) -> Result<()> {
    limit(stage, "ulimit -n 200")?;
    let address = stage.node.address();
    let crowd: Vec<TcpStream> = (0..CROWD)
        .map(|_| TcpStream::connect(&address))
        .collect::<Result<_, _>>()?;
    stage.settle("beside the crowd")?;
    stage.nobody_noticed()?;
    stage.quote("as many connections as descriptors allow")?;
    drop(crowd);
    stage.settle("the crowd is gone")
}

fn memory(stage: &mut Stage) -> Result<()> {
    limit(stage, &format!("ulimit -v {SPACE_KIB}"))?;
    let piece = vec![0; 20 << 20];
    let mut crowd = Vec::new();
    for _ in 0..20 {
        let Ok(mut stream) = TcpStream::connect(stage.node.address()) else {
            break;
        };
        stream.set_write_timeout(Some(Duration::from_millis(500)))?;
        // Most of a Produce request, whose end never comes; the broker may take no more of it, or be gone.
        let begun = [&(60_i32 << 20).to_be_bytes()[..], &[0, 0, 0, 9], &piece].concat();
        drop(stream.write_all(&begun));
        crowd.push(stream);
        stage.listen(Duration::from_millis(50))?;
    }
    stage.listen(Duration::from_secs(1))?;
    if stage.node.is_running()? {
        stage.settle("beside large requests")?;
        stage.node.terminate()?;
    } else {
        stage.quote("memory")?;
    }
    drop(crowd);
    stage.node.start()?;
    stage.settle("without the limit")
}
