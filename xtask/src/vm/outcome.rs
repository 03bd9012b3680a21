//! What came of the tests on one kernel.

use std::{fmt, fs, path::Path, time::Duration};

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
        matches!(self.end, End::Well) && self.passed > 0
    }

    /// Tests that count as passed and had nothing to do; a comma tells that a part of one was left out.
    pub fn skipped_tests(&self) -> usize {
        let tests = self.skipped.iter().filter_map(|line| line.split_once(": "));
        tests.filter(|(test, _)| !test.contains([',', ' '])).count()
    }

    /// How it has ended, in words.
    pub fn ended(&self) -> String {
        match &self.end {
            End::Well if self.passed == 0 => "no test has run".to_owned(),
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
            self.passed - self.skipped_tests(),
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
