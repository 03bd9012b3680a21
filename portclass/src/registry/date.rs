//! The day of a snapshot.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};
use thiserror::Error;

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(u32);

impl Date {
    /// The day with the decimal number `yyyymmdd`; `None` where there is no such day, for 0 as well.
    pub fn of_number(number: u32) -> Option<Self> {
        let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
        let is_leap_year =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            4 | 6 | 9 | 11 => 30,
            2 if is_leap_year => 29,
            2 => 28,
            _ => 31,
        };
        let is_day =
            (1..=9_999).contains(&year) && (1..=12).contains(&month) && (1..=days).contains(&day);
        is_day.then_some(Self(number))
    }

    /// The decimal number `yyyymmdd`.
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.0;
        let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text that is no day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected a day as YYYY-MM-DD")]
pub struct DateError;

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let bytes = text.as_bytes();
        let is_laid_out = bytes.len() == 10
            && bytes.iter().enumerate().all(|(at, byte)| match at {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        let number = is_laid_out.then(|| text.replace('-', "").parse().ok());
        number.flatten().and_then(Self::of_number).ok_or(DateError)
    }
}

#[cfg(test)]
mod tests {
    use super::{Date, DateError};

    #[test]
    fn days_are_read_and_shown_alike_and_others_are_refused() {
        for day in ["2024-06-12", "2024-02-29", "2000-02-29", "0001-01-01"] {
            assert_eq!(
                day.parse::<Date>().map(|date| date.to_string()),
                Ok(day.to_owned())
            );
        }
        for text in [
            "",
            "2024-6-12",
            "2024-13-01",
            "2023-02-29",
            "1900-02-29",
            "2024-06-31",
            "2024-06-00",
            "0000-01-01",
            "20240612",
            "2024-06-12T",
            "+024-06-12",
        ] {
            assert_eq!(text.parse::<Date>(), Err(DateError), "{text}");
        }
        assert_eq!(Date::of_number(0), None);
    }
}
