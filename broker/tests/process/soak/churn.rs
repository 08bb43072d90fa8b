//! Topics that are made and deleted, connections that break.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use thalweg_wire::Str;
use thalweg_wire::messages::create_topics_request::CreatableTopic;
use thalweg_wire::messages::delete_topics_request::DeleteTopicState;
use thalweg_wire::messages::{CreateTopicsRequest, DeleteTopicsRequest};

use super::{World, answered};
use crate::harness::{Client, batch};

const UNKNOWN_TOPIC: i16 = 3;
const TOPIC_EXISTS: i16 = 36;

/// Topics that are there at the same time.
const ALIVE_MAX: usize = 4;

/// Makes a topic; that it is there already means that an answer was lost.
pub(super) fn create(client: &mut Client, topic: &str, partitions: i32) -> io::Result<()> {
    let request = CreateTopicsRequest {
        topics: vec![CreatableTopic {
            name: Str::from(topic),
            num_partitions: partitions,
            replication_factor: 1,
            ..CreatableTopic::default()
        }],
        timeout_ms: 10_000,
        ..CreateTopicsRequest::default()
    };
    let code = client.ask(&request, 5)?.topics[0].error_code;
    answered(code, &[0, TOPIC_EXISTS], topic)
}

fn delete(client: &mut Client, topic: &str) -> io::Result<()> {
    let request = DeleteTopicsRequest {
        topics: vec![DeleteTopicState {
            name: Some(Str::from(topic)),
            ..DeleteTopicState::default()
        }],
        timeout_ms: 10_000,
        ..DeleteTopicsRequest::default()
    };
    let code = client.ask(&request, 6)?.responses[0].error_code;
    // It may never have come to be, or an answer was lost.
    answered(code, &[0, UNKNOWN_TOPIC], topic)
}

/// Makes topics, writes, reads and deletes them; how many.
pub(super) fn topics(world: &World) -> u64 {
    let mut number = 0;
    let mut alive: VecDeque<String> = VecDeque::new();
    world.work(|client| {
        while !world.is_enough() {
            number += 1;
            let topic = format!("churn-{number}");
            alive.push_back(topic.clone());
            use_topic(client, &topic, number)?;
            while alive.len() > ALIVE_MAX {
                delete(client, &alive[0])?;
                alive.pop_front();
            }
            sleep(Duration::from_millis(50));
        }
        Ok(())
    });
    number
}

fn use_topic(client: &mut Client, topic: &str, number: u64) -> io::Result<()> {
    let partitions = 1 + i32::try_from(number % 4).unwrap();
    create(client, topic, partitions)?;
    for partition in 0..partitions {
        let mut sent: Vec<(i64, Vec<u8>)> = Vec::new();
        for n in 0..5 {
            let value = format!("{topic}/{partition}/{n} {}", "y".repeat(2_000)).into_bytes();
            let (code, base) =
                client.produce(topic, partition, batch(std::slice::from_ref(&value), None))?;
            answered(code, &[0], topic)?;
            sent.push((base, value));
        }
        let found = client.read_all(topic, partition)?;
        assert_eq!(found, sent, "a new topic holds what it was given");
    }
    Ok(())
}

/// Connects, says something or half of it, and goes; how often.
pub(super) fn connections(world: &World) -> u64 {
    // ApiVersions, whole; a frame that never comes; nothing; what is no request.
    let whole = b"\0\0\0\x0c\0\x12\0\0\0\0\0\x01\0\x02hi";
    let said: [&[u8]; 4] = [whole, b"\0\0\x10\0abc", b"", b"GET / HTTP/1.1\r\n\r\n"];
    let mut count = 0;
    world.work(|_| {
        while !world.is_enough() {
            for what in said {
                let mut stream = TcpStream::connect(("127.0.0.1", world.port))?;
                // It may have been ended already.
                let _told = stream.write_all(what);
                count += 1;
            }
            sleep(Duration::from_millis(100));
        }
        Ok(())
    });
    count
}
