//! Election timeouts that replay: drawn from a seed, the replica and the term, never from a thread's
//! random generator as the `raft` crate does.

use thalweg_model::{ReplicaId, Term};

use crate::limits::ELECTION_TICKS;

/// Ticks that this replica waits in this term: at least [`ELECTION_TICKS`], less than twice that.
pub(crate) fn timeout_ticks(seed: u64, replica: ReplicaId, term: Term) -> usize {
    let mixed = mix(mix(mix(seed) ^ replica.0) ^ term.0);
    let spread = u64::try_from(ELECTION_TICKS).expect("a small constant");
    ELECTION_TICKS + usize::try_from(mixed % spread).expect("less than the spread")
}

/// The finalizer of SplitMix64: every input bit reaches every output bit.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_replay_and_differ_between_replicas_and_terms() {
        let draw = |replica, term| timeout_ticks(7, ReplicaId(replica), Term(term));
        assert_eq!(draw(1, 1), draw(1, 1));
        let drawn: std::collections::BTreeSet<_> = (1..4)
            .flat_map(|replica| (1..9).map(move |term| draw(replica, term)))
            .collect();
        assert!(drawn.len() > 5, "only {drawn:?}");
        assert!(
            drawn
                .iter()
                .all(|ticks| (ELECTION_TICKS..2 * ELECTION_TICKS).contains(ticks))
        );
    }
}
