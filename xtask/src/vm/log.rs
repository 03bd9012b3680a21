//! The log of the runs on many kernels, as Markdown.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use super::{machine::Accelerator, outcome::Outcome};

/// The log, kernels in the order of `outcomes`.
pub fn markdown(outcomes: &[Outcome], accelerator: Accelerator) -> String {
    let mut text = String::from("# Kernels\n\n");
    let _ = writeln!(
        text,
        "The kernel and live tests on Debian's kernels, in virtual machines with two CPUs under {accelerator}: `cargo xtask vm \
         --kernel all --log\ndocs/kernels.md` writes this file. Times say that it works, and nothing about speed; *start* is \
         how long `portclass run` took from\nits start until it counted in both directions.\n"
    );
    text += "| Linux | tests | passed | failed | skipped | took | start |\n";
    text += "| --- | --- | ---: | ---: | ---: | ---: | --- |\n";
    for outcome in outcomes {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} s | {} |",
            outcome.version,
            outcome.ended(),
            outcome.ran(),
            outcome.failed.len(),
            outcome.skipped.len(),
            outcome.took.as_secs(),
            outcome.measured.join("; ")
        );
    }
    text += "\n## What was skipped, and why\n\n";
    for (why, (tests, kernels)) in reasons(outcomes) {
        let kernels: Vec<&str> = kernels.into_iter().collect();
        let _ = writeln!(text, "- **{why}**, on {}:", kernels.join(", "));
        for test in tests {
            let _ = writeln!(text, "  - `{test}`");
        }
    }
    text
}

/// Tests and kernels by the reason for which something was skipped.
fn reasons(outcomes: &[Outcome]) -> BTreeMap<&str, (BTreeSet<&str>, BTreeSet<&str>)> {
    let mut reasons: BTreeMap<&str, (BTreeSet<&str>, BTreeSet<&str>)> = BTreeMap::new();
    for outcome in outcomes {
        for (test, why) in outcome
            .skipped
            .iter()
            .filter_map(|line| line.split_once(": "))
        {
            let (tests, kernels) = reasons.entry(why).or_default();
            tests.insert(test);
            kernels.insert(outcome.version.text());
        }
    }
    reasons
}
