//! Whatever clients do and the log refuses: durable state is the replay of the log, nobody waits
//! forever, an acknowledged commit is stored, and old generations are fenced.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod model;

use proptest::prelude::*;
use proptest::test_runner::Config;

use model::{Client, Op, World};

fn client() -> impl Strategy<Value = Client> {
    (0..2_usize, 0..4_usize).prop_map(|(group, slot)| Client { group, slot })
}

fn op() -> impl Strategy<Value = Op> {
    let partition = 0..3_i32;
    prop_oneof![
        8 => (client(), 0..3_usize).prop_map(|(client, like)| Op::Join { client, like }),
        8 => client().prop_map(Op::Sync),
        3 => client().prop_map(Op::Heartbeat),
        2 => client().prop_map(Op::Leave),
        6 => (client(), partition.clone()).prop_map(|(client, partition)| Op::Commit { client, partition }),
        2 => (0..2_usize, partition.clone()).prop_map(|(group, partition)| Op::SimpleCommit { group, partition }),
        2 => (0..2_usize).prop_map(Op::StableFetch),
        1 => (0..2_usize, partition).prop_map(|(group, partition)| Op::DeleteOffset { group, partition }),
        1 => (0..2_usize).prop_map(Op::DeleteGroup),
        1 => Just(Op::TopicDeleted),
        6 => (0..4_000_u64).prop_map(Op::Tick),
        1 => (4_000..100_000_u64).prop_map(Op::Tick),
        16 => Just(Op::LogCommits),
        1 => any::<bool>().prop_map(Op::LogRefuses),
        1 => Just(Op::CoordinatorChange),
    ]
}

proptest! {
    #![proptest_config(Config { cases: 200, failure_persistence: None, ..Config::default() })]

    #[test]
    fn live_state_is_the_replay_of_its_log(ops in prop::collection::vec(op(), 1..120)) {
        let mut world = World::new();
        for op in ops {
            world.run(&op);
        }
        world.end();
    }
}
