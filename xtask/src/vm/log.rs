//! The log of the runs on many kernels, as Markdown.

use super::outcome::Outcome;

/// The log.
pub fn markdown(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        text += &format!("{outcome}");
    }
    text
}
