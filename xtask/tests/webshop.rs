//! The generator of `examples/webshop`: what others measured with a seed must be there again.

use std::path::Path;
use std::process::Command;

/// SHA-256, number and bytes of the events that seed 1 gives.
const SEED_1: &str =
    "41815a4aec18396a8ac1eb762b909f5e01795e94902de8be443d5278e83fbdfd 5000 1148442";

#[test]
fn a_seed_gives_the_same_bytes() {
    // Of the checkout that cargo runs: several may share a target folder.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    let folder = Path::new(&package).join("../examples/webshop");
    let hash = std::env::temp_dir().join(format!("thalweg-webshop-{}", std::process::id()));
    let output = Command::new("python3")
        .arg("events.py")
        .args(["--seed", "1", "--count", "5000", "--hash"])
        .arg(&hash)
        .current_dir(folder)
        .output()
        .unwrap();
    let written = std::fs::read_to_string(&hash).unwrap();
    std::fs::remove_file(&hash).unwrap();
    assert_eq!(written.trim(), SEED_1);
    assert_eq!(output.stdout.split(|&byte| byte == b'\n').count(), 5001);
    let time = |line: &str| -> u64 {
        let (_, rest) = line.split_once("\"time\":").unwrap();
        rest.split(',').next().unwrap().parse().unwrap()
    };
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().map(time).is_sorted(), "time goes back");
}
