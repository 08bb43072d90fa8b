//! Looks for every defect of the bank: `cargo xtask sim --bank` builds and calls this. One line for each.
#![expect(clippy::print_stdout, reason = "a command line tool talks there")]

use std::io::Write as _;
use std::process::ExitCode;

use thalweg_model::defect::Defect;
use thalweg_sim::bank::{Search, is_known, search};

const USAGE: &str = "usage: thalweg-bank [--known] [--seeds N] [DEFECT...]";

fn main() -> ExitCode {
    let mut how = Search {
        known_first: false,
        seeds_max: 300,
    };
    let mut wanted = Vec::new();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--known" => how.known_first = true,
            "--seeds" => match words.next().and_then(|number| number.parse().ok()) {
                Some(number) => how.seeds_max = number,
                None => return usage(),
            },
            name => match Defect::ALL.iter().find(|defect| defect.name() == name) {
                Some(&defect) => wanted.push(defect),
                None => return usage(),
            },
        }
    }
    if wanted.is_empty() {
        wanted = Defect::ALL.to_vec();
        wanted.retain(|&defect| !how.known_first || is_known(defect));
    }
    let mut all_found = true;
    for defect in wanted {
        match search(defect, how) {
            Some(found) => println!(
                "{}\t{}\t{}\t{}\t{}\t{}",
                defect.name(),
                defect.about(),
                found.course,
                found.seed,
                found.runs,
                found.rule
            ),
            None => {
                println!("{}\tnot found", defect.name());
                all_found = false;
            }
        }
        // Whoever reads the lines measures the time between them.
        std::io::stdout().flush().ok();
    }
    if all_found {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn usage() -> ExitCode {
    println!("{USAGE}");
    ExitCode::FAILURE
}
