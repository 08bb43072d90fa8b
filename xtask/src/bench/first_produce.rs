//! When the first produce of a broker's life is acknowledged: the topic is made on its first use.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::stopwatch::Stopwatch;

const TOPIC: &str = "first";
const PATIENCE: Duration = Duration::from_secs(30);
const RETRY_INTERVAL: Duration = Duration::from_millis(1);

/// Answers here are some hundred bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

const PRODUCE: (i16, i16) = (0, 3);
const METADATA: (i16, i16) = (3, 4);

/// One record, `x`, of a fixed time: all that the checksum covers, and the checksum.
const TIMESTAMP: i64 = 1_700_000_000_000;
const RECORD: &[u8] = &[14, 0, 0, 0, 1, 2, b'x', 0];
const CRC: u32 = 0x2729_3eff;

/// Asks for a topic that is not there and produces to it until that is acknowledged, `acks=all`.
pub(super) fn until_acknowledged(address: SocketAddr) -> Result<()> {
    let started = Stopwatch::start();
    let mut connection = TcpStream::connect(address)?;
    connection.set_nodelay(true)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    loop {
        ask(&mut connection, METADATA, &metadata_body())?;
        let answer = ask(&mut connection, PRODUCE, &produce_body())?;
        match error_code(&answer).context("a short answer to Produce")? {
            0 => return Ok(()),
            // The topic is being made.
            3 | 5 | 6 => {}
            code => bail!("Produce was answered with error {code}"),
        }
        ensure!(started.elapsed() < PATIENCE, "nothing is acknowledged");
        std::thread::sleep(RETRY_INTERVAL);
    }
}

fn ask(connection: &mut TcpStream, (key, version): (i16, i16), body: &[u8]) -> Result<Vec<u8>> {
    let mut frame = Vec::new();
    frame.extend(key.to_be_bytes());
    frame.extend(version.to_be_bytes());
    frame.extend(1_i32.to_be_bytes()); // correlation id
    frame.extend((-1_i16).to_be_bytes()); // no client id
    frame.extend(body);
    let mut request = i32::try_from(frame.len())?.to_be_bytes().to_vec();
    request.extend(frame);
    connection.write_all(&request)?;
    let mut length = [0; 4];
    connection.read_exact(&mut length)?;
    let length = usize::try_from(i32::from_be_bytes(length)).context("a negative length")?;
    ensure!(length <= ANSWER_BYTES_MAX, "an answer of {length} bytes");
    let mut answer = vec![0; length];
    connection.read_exact(&mut answer)?;
    Ok(answer)
}

/// The topic, which may be created.
fn metadata_body() -> Vec<u8> {
    let mut body = 1_i32.to_be_bytes().to_vec();
    body.extend(topic());
    body.push(1);
    body
}

/// No transaction, acks=all, ten seconds, one batch for partition 0.
fn produce_body() -> Vec<u8> {
    let mut body = (-1_i16).to_be_bytes().to_vec();
    body.extend((-1_i16).to_be_bytes());
    body.extend(10_000_i32.to_be_bytes());
    body.extend(1_i32.to_be_bytes());
    body.extend(topic());
    body.extend(1_i32.to_be_bytes());
    body.extend(0_i32.to_be_bytes());
    let batch = batch();
    let length = i32::try_from(batch.len()).expect("a batch of one record is short");
    body.extend(length.to_be_bytes());
    body.extend(batch);
    body
}

fn topic() -> Vec<u8> {
    let length = i16::try_from(TOPIC.len()).expect("the name is short");
    [&length.to_be_bytes(), TOPIC.as_bytes()].concat()
}

fn batch() -> Vec<u8> {
    let mut covered = 0_i16.to_be_bytes().to_vec(); // attributes
    covered.extend(0_i32.to_be_bytes()); // last offset delta
    covered.extend(TIMESTAMP.to_be_bytes());
    covered.extend(TIMESTAMP.to_be_bytes());
    covered.extend((-1_i64).to_be_bytes()); // no producer id
    covered.extend((-1_i16).to_be_bytes());
    covered.extend((-1_i32).to_be_bytes());
    covered.extend(1_i32.to_be_bytes()); // records
    covered.extend(RECORD);
    let length = i32::try_from(covered.len() + 9).expect("a batch of one record is short");
    let mut batch = 0_i64.to_be_bytes().to_vec(); // base offset
    batch.extend(length.to_be_bytes());
    batch.extend((-1_i32).to_be_bytes()); // leader epoch
    batch.push(2); // magic
    batch.extend(CRC.to_be_bytes());
    batch.extend(covered);
    batch
}

/// Correlation id, one topic with its name, one partition with its index, then the code.
fn error_code(answer: &[u8]) -> Option<i16> {
    let at = 4 + 4 + 2 + TOPIC.len() + 4 + 4;
    let code = answer.get(at..at + 2)?;
    Some(i16::from_be_bytes(code.try_into().ok()?))
}
