//! Numbers that people can read.

/// A number with a comma before each group of three digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.char_indices() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A rate in units of 1, k, M, G or T, with three digits that count.
pub(super) fn scaled(rate: f64) -> String {
    const UNITS: [&str; 5] = ["", "k", "M", "G", "T"];
    let mut scaled = rate;
    let mut unit = 0;
    // 999.5 would be shown as 1000.
    while scaled >= 999.5 && unit + 1 < UNITS.len() {
        scaled /= 1e3;
        unit += 1;
    }
    let decimals = match scaled {
        _ if scaled == 0.0 || scaled >= 99.95 => 0,
        _ if scaled >= 9.995 => 1,
        _ => 2,
    };
    format!("{scaled:.decimals$}{}", UNITS[unit])
}

/// A rate as [`scaled`], where one is known.
pub(super) fn rate(rate: Option<f64>) -> String {
    rate.map_or_else(|| "-".to_owned(), scaled)
}

/// A number to the last digit as long as it has six of them, and then as [`scaled`].
pub(super) fn short(number: u64) -> String {
    if number < 1_000_000 {
        grouped(number)
    } else {
        scaled(number as f64)
    }
}

/// A part of a whole, in per cent.
pub(super) fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    format!("{:.1}%", part as f64 / whole as f64 * 100.0)
}

/// A sorted list of ports, neighbours folded into ranges, the rest left out after three of them.
pub(super) fn ports(ports: impl Iterator<Item = u16>) -> String {
    const SHOWN: usize = 3;
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for port in ports {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(port) => *last = port,
            _ => ranges.push((port, port)),
        }
    }
    let shown = ranges.iter().take(SHOWN).map(|&(first, last)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    });
    let mut text = shown.collect::<Vec<_>>().join(",");
    if ranges.len() > SHOWN {
        text.push_str(",...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{grouped, ports, scaled, share, short};

    #[test]
    fn digits_come_in_groups_of_three() {
        assert_eq!(
            [0, 999, 1_000, 123_456, 1_234_567].map(grouped),
            ["0", "999", "1,000", "123,456", "1,234,567"]
        );
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn rates_keep_three_digits_in_every_unit() {
        let rates = [
            0.0, 0.5, 9.99, 99.9, 100.0, 999.4, 999.6, 24_000.0, 1.5e9, 2e15,
        ];
        assert_eq!(
            rates.map(scaled),
            [
                "0", "0.50", "9.99", "99.9", "100", "999", "1.00k", "24.0k", "1.50G", "2000T"
            ]
        );
    }

    #[test]
    fn numbers_that_are_short_enough_are_exact() {
        assert_eq!(
            [0, 999_999, 1_000_000, u64::MAX].map(short),
            ["0", "999,999", "1.00M", "18446744T"]
        );
    }

    #[test]
    fn shares_are_per_cent_of_the_whole() {
        assert_eq!(
            [share(1, 3), share(3, 3), share(0, 0)],
            ["33.3%", "100.0%", "-"]
        );
    }

    #[test]
    fn neighbouring_ports_fold_into_ranges() {
        assert_eq!(ports([443].into_iter()), "443");
        assert_eq!(
            ports([6000, 6001, 6002, 6010].into_iter()),
            "6000-6002,6010"
        );
        assert_eq!(ports([1, 3, 5, 7, 65535].into_iter()), "1,3,5,...");
    }
}
