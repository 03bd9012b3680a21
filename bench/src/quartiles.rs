//! What several measurements of the same say together.

use std::fmt;

use serde::Serialize;

/// The median of some measurements, and the quartiles around it, all in the unit of the measurements.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Quartiles {
    /// A quarter lies below.
    pub low: f64,
    /// Half lies below.
    pub median: f64,
    /// A quarter lies above.
    pub high: f64,
}

impl Quartiles {
    /// Those of `values`.
    ///
    /// # Panics
    ///
    /// There are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let last = values.len().checked_sub(1).expect("measurements");
        let at = |share: f64| {
            let position = share * last as f64;
            let (below, above) = (position.floor() as usize, position.ceil() as usize);
            values[below] + (values[above] - values[below]) * position.fract()
        };
        Self {
            low: at(0.25),
            median: at(0.5),
            high: at(0.75),
        }
    }
}

impl fmt::Display for Quartiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = f.precision().unwrap_or(1);
        let text = format!(
            "{:.decimals$} ({:.decimals$}..{:.decimals$})",
            self.median, self.low, self.high
        );
        match f.width() {
            Some(width) => write!(f, "{text:>width$}"),
            None => f.write_str(&text),
        }
    }
}
