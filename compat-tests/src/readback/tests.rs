use super::*;
use crate::record::Record;

fn workload() -> Workload {
    Workload {
        topic: "t".to_owned(),
        partitions: 2,
        count: 100,
        timestamp_base_ms: 1_700_000_000_000,
        lacks: BTreeSet::new(),
    }
}

/// What an honest consumer prints, with one record changed by `change`.
fn output(workload: &Workload, change: impl Fn(usize, &mut Record)) -> Vec<String> {
    let line = |number| {
        let mut record = workload.record(number);
        change(number, &mut record);
        let (partition, offset) = workload.place(number);
        let input = record.to_input(partition);
        let (_, rest) = input.split_once('\t').unwrap();
        format!("{}\t{partition}\t{offset}\t{rest}", workload.topic)
    };
    (0..workload.count).map(line).collect()
}

fn check(lines: &[String], lacks: &[Lack]) -> Result<()> {
    let lacks = lacks.iter().copied().collect();
    check_consumed(&lines.join("\n"), &[&workload()], &lacks)
}

fn unchanged(_: usize, _: &mut Record) {}

#[test]
fn an_honest_history_passes() {
    check(&output(&workload(), unchanged), &[]).unwrap();
}

#[test]
fn every_changed_field_is_found() {
    let changes: [fn(&mut Record); 5] = [
        |record| record.timestamp = record.timestamp.map(|ms| ms + 1),
        |record| record.key = None,
        |record| record.value = Some(Vec::new()),
        |record| record.headers.reverse(),
        |record| record.headers[2].1 = Some(Vec::new()),
    ];
    // Record 87 has a key, a value and three headers, the last of them a null.
    for (index, change) in changes.into_iter().enumerate() {
        let lines = output(&workload(), |number, record| {
            if number == 87 {
                change(record);
            }
        });
        let error = check(&lines, &[]).expect_err("a change must be found");
        assert!(
            error.to_string().starts_with("t[1]@43 (record 87)"),
            "{index}: {error}"
        );
    }
}

#[test]
fn a_lack_hides_only_its_own_difference() {
    let workload = workload();
    let filled = output(&workload, |_, record| {
        Lack::NullHeaderValues.apply(record);
    });
    check(&filled, &[Lack::NullHeaderValues]).unwrap();
    check(&filled, &[]).expect_err("nulls became empty");
    check(&filled, &[Lack::HeaderOrder]).expect_err("order is another matter");
}

#[test]
fn gaps_repetitions_disorder_and_missing_ends_are_found() {
    let honest = output(&workload(), unchanged);
    let mut skipped = honest.clone();
    skipped.remove(50);
    let mut repeated = honest.clone();
    repeated.insert(51, honest[50].clone());
    let mut disordered = honest.clone();
    disordered.swap(50, 52);
    let cut_off = honest[..98].to_vec();
    let mut beyond = honest.clone();
    beyond.push(honest[99].replacen("t\t1\t49", "t\t1\t50", 1));
    let mut foreign = honest.clone();
    foreign.push(honest[0].replacen("t\t0\t0", "t\t2\t0", 1));
    for bad in [skipped, repeated, disordered, cut_off, beyond, foreign] {
        check(&bad, &[]).expect_err("a broken history must be found");
    }
}

#[test]
fn acknowledgements_must_name_the_offsets_that_the_records_have() {
    let mut workload = workload();
    workload.count = 4;
    check_acknowledged("0\t0\n1\t0\n0\t1\n1\t1\n", &workload, 0).unwrap();
    for bad in [
        "0\t0\n1\t0\n0\t1\n",
        "0\t0\n1\t0\n0\t2\n1\t1\n",
        "0\t0\n0\t1\n1\t0\n1\t1\n",
    ] {
        check_acknowledged(bad, &workload, 0).expect_err("a wrong offset must be found");
    }
}
