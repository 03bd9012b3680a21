//! How far a replay has come.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use portclass::report::grouped;

/// A bar for one file that goes away when it is dropped; the library hides it where stderr is no terminal.
pub struct Progress {
    bar: ProgressBar,
    started: Instant,
    shown: Instant,
}

impl Progress {
    const PERIOD: Duration = Duration::from_millis(100);

    /// A bar over `length` bytes, or a count of bytes where it is not known how many there are.
    pub fn new(name: String, length: Option<u64>) -> Self {
        const BAR: &str = "{msg} [{wide_bar}] {bytes}/{total_bytes}, {prefix}";
        const COUNT: &str = "{msg} {spinner} {bytes}, {prefix}";
        let template = if length.is_some() { BAR } else { COUNT };
        let style = ProgressStyle::with_template(template).expect("a template");
        let bar = ProgressBar::no_length()
            .with_style(style.progress_chars("=> "))
            .with_message(name)
            .with_finish(ProgressFinish::AndClear);
        if let Some(length) = length {
            bar.set_length(length);
        }
        let now = Instant::now();
        Self {
            bar,
            started: now,
            shown: now,
        }
    }

    /// Shows how far it has come, but not too often. Says whether it was time to.
    pub fn show(&mut self, bytes: u64, frames: u64) -> bool {
        if self.shown.elapsed() < Self::PERIOD {
            return false;
        }
        self.shown = Instant::now();
        if !self.bar.is_hidden() {
            let rate = frames as f64 / self.started.elapsed().as_secs_f64();
            let [frames, rate] = [frames, rate as u64].map(grouped);
            self.bar.set_position(bytes);
            self.bar
                .set_prefix(format!("{frames} frames, {rate} frames/s"));
        }
        true
    }
}
