//! Medians and quartiles.

use std::fmt;

use serde::Serialize;

/// The quartiles of some figures, in their unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quartiles {
    /// A quarter of the figures lies below.
    pub lower: f64,
    /// Half of the figures lies below.
    pub median: f64,
    /// A quarter of the figures lies above.
    pub upper: f64,
}

impl Quartiles {
    /// The quartiles of one or more figures; between two of them lies a straight line.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let at = |quarters: usize| {
            let last = figures.len() - 1;
            let (below, rest) = (last * quarters / 4, last * quarters % 4);
            let next = figures[(below + 1).min(last)];
            figures[below] + (next - figures[below]) * rest as f64 / 4.0
        };
        Self {
            lower: at(1),
            median: at(2),
            upper: at(3),
        }
    }
}

impl fmt::Display for Quartiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = f.precision().unwrap_or(1);
        let text = format!(
            "{:.decimals$} ({:.decimals$}..{:.decimals$})",
            self.median, self.lower, self.upper
        );
        match f.width() {
            Some(width) => write!(f, "{text:>width$}"),
            None => f.write_str(&text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Quartiles;

    #[test]
    fn a_figure_is_its_own_quartiles() {
        let quartiles = Quartiles {
            lower: 7.0,
            median: 7.0,
            upper: 7.0,
        };
        assert_eq!(Quartiles::of(vec![7.0]), quartiles);
    }

    #[test]
    fn order_does_not_matter() {
        let quartiles = Quartiles {
            lower: 2.0,
            median: 3.0,
            upper: 4.0,
        };
        assert_eq!(Quartiles::of(vec![5.0, 1.0, 4.0, 2.0, 3.0]), quartiles);
    }

    #[test]
    fn between_two_figures_lies_a_straight_line() {
        let quartiles = Quartiles {
            lower: 1.75,
            median: 2.5,
            upper: 3.25,
        };
        assert_eq!(Quartiles::of(vec![4.0, -1.0 + 2.0, 3.0, 2.0]), quartiles);
        let two = Quartiles::of(vec![-4.0, 4.0]);
        assert_eq!((two.lower, two.median, two.upper), (-2.0, 0.0, 2.0));
    }
}
