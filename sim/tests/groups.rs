//! Members of a group and a coordinator that is replaced, seed by seed: their histories keep what is promised.

use thalweg_sim::group_voyage;

#[test]
fn members_are_told_what_one_register_and_one_owner_allow() {
    for seed in 1..100 {
        if let Err(violation) = group_voyage(seed) {
            panic!("seed {seed}: {violation}");
        }
    }
}
