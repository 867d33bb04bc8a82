//! All targets in one program, which is linked once: `SEGMILL_FUZZ_TARGET` names the one that it runs.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use segmill::fuzzing::*;

type Target = fn(&[u8]);

const VARIABLE: &str = "SEGMILL_FUZZ_TARGET";

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var(VARIABLE).unwrap_or_default();
    match name.as_str() {
        "scan" => scan,
        "job" => job,
        "frames" => frames,
        "checkpoint" => checkpoint,
        "files" => files,
        "inputs" => inputs,
        "model" => model,
        "packed" => packed,
        "changes" => changes,
        "state" => state,
        _ => panic!("{VARIABLE}={name}: there is no such target"),
    }
});

fuzz_target!(|data: &[u8]| TARGET(data));
