//! What came of the tests on one kernel.

use std::{collections::HashSet, fmt, fs, path::Path, time::Duration};

use anyhow::Result;

use super::{machine::End, version::Version};

/// What came of them.
pub struct Outcome {
    pub version: Version,
    end: End,
    /// From the machine's start to its end.
    pub took: Duration,
    /// Tests that did not fail, those that had nothing to do among them.
    pub passed: usize,
    pub failed: Vec<String>,
    /// Why something was left out, in the tests' words, without repetitions.
    pub skipped: Vec<String>,
    /// What the first process has measured, in its words.
    pub measured: Vec<String>,
}

impl Outcome {
    /// Reads what the tests have said.
    ///
    /// # Errors
    ///
    /// The files cannot be read.
    pub fn read(
        version: &Version,
        end: End,
        took: Duration,
        stdout: &Path,
        stderr: &Path,
    ) -> Result<Self> {
        let [stdout, stderr] = [stdout, stderr].map(fs::read);
        let (stdout, stderr) = (stdout?, stderr?);
        let (stdout, stderr) = (
            String::from_utf8_lossy(&stdout),
            String::from_utf8_lossy(&stderr),
        );
        Ok(Self::of(version, end, took, &stdout, &stderr))
    }

    fn of(version: &Version, end: End, took: Duration, stdout: &str, stderr: &str) -> Self {
        let results = stdout.lines().filter_map(|line| line.strip_prefix("test "));
        let (passed, others): (Vec<&str>, Vec<&str>) =
            results.partition(|result| result.ends_with(" ... ok"));
        let failed = others
            .iter()
            .filter_map(|result| result.strip_suffix(" ... FAILED"));
        // They may stand behind the beginning of a line of the test harness.
        let mut skipped: Vec<String> = [stdout, stderr]
            .into_iter()
            .flat_map(str::lines)
            .filter_map(|line| line.split_once("SKIPPED "))
            .map(|(_, why)| why.to_owned())
            .collect();
        skipped.sort();
        skipped.dedup();
        let measured = stdout
            .lines()
            .filter_map(|line| line.strip_prefix("guest: measured: "));
        Self {
            version: version.clone(),
            end,
            took,
            passed: passed.len(),
            failed: failed.map(|name| (*name).to_owned()).collect(),
            skipped,
            measured: measured.map(str::to_owned).collect(),
        }
    }

    /// Whether all that ran has passed, and something ran.
    pub fn is_well(&self) -> bool {
        matches!(self.end, End::Well) && self.ran() > 0
    }

    /// Tests that have passed and had something to do. A comma tells that a part of one was left out.
    pub fn ran(&self) -> usize {
        let tests = self.skipped.iter().filter_map(|line| line.split_once(": "));
        let whole = tests.filter(|(test, _)| !test.contains([',', ' ']));
        let whole: HashSet<&str> = whole.map(|(test, _)| test).collect();
        self.passed.saturating_sub(whole.len())
    }

    /// How it has ended, in words.
    pub fn ended(&self) -> String {
        match &self.end {
            End::Well if self.ran() == 0 => "no test has run".to_owned(),
            End::Well => "passed".to_owned(),
            End::Badly(_) => "failed".to_owned(),
            End::Broken(why) => why.clone(),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = &self.version;
        writeln!(
            f,
            "xtask: Linux {version}: {} in {} s: {} passed, {} failed, {} skipped",
            self.ended(),
            self.took.as_secs(),
            self.ran(),
            self.failed.len(),
            self.skipped.len()
        )?;
        for line in &self.measured {
            writeln!(f, "xtask: Linux {version}: {line}")?;
        }
        for line in &self.skipped {
            writeln!(f, "xtask: Linux {version}: SKIPPED {line}")?;
        }
        for line in &self.failed {
            writeln!(f, "xtask: Linux {version}: FAILED {line}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Outcome;
    use crate::vm::{machine::End, version::Version};

    fn outcome(end: End, stdout: &str, stderr: &str) -> Outcome {
        let version = Version::new("6.1.0-56").expect("a version");
        Outcome::of(&version, end, Duration::from_secs(7), stdout, stderr)
    }

    #[test]
    fn tests_are_counted_by_what_became_of_them() {
        let stdout = "running 3 tests\ntest live::a ... ok\ntest live::b ... FAILED\ntest live::c ... ok\n\
                      test result: FAILED. 2 passed; 1 failed\nguest: measured: 1.6 s to eth0 (native)\n";
        let stderr = "SKIPPED c: this kernel has no tcx (Linux 6.6)\nSKIPPED a, by tcx: this kernel has no tcx (Linux 6.6)\n\
                      SKIPPED c: this kernel has no tcx (Linux 6.6)\nSKIPPED c: there is no bpftool\n";
        let outcome = outcome(End::Badly(101), stdout, stderr);
        assert!(!outcome.is_well());
        assert_eq!(outcome.ran(), 1);
        assert_eq!(outcome.failed, ["live::b"]);
        assert_eq!(outcome.skipped.len(), 3);
        assert_eq!(outcome.measured, ["1.6 s to eth0 (native)"]);
    }

    #[test]
    fn a_machine_that_has_run_no_test_or_not_come_to_its_end_is_not_well() {
        let one = "test live::a ... ok\n";
        assert!(outcome(End::Well, one, "").is_well());
        assert!(!outcome(End::Well, "running 0 tests\n", "").is_well());
        assert!(!outcome(End::Well, one, "SKIPPED a: it needs root\n").is_well());
        assert!(!outcome(End::Broken("not done within 9 s".to_owned()), one, "").is_well());
        assert!(!outcome(End::Badly(1), one, "").is_well());
    }
}
