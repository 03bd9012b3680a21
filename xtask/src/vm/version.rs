//! Versions of Debian's kernels, such as `5.10.0-46` and `6.12.117+deb13`.

use std::{cmp::Ordering, fmt};

/// A version, ordered by its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    text: String,
    numbers: Vec<u64>,
}

impl Version {
    /// The version in a text that begins with a number.
    pub fn new(text: &str) -> Option<Self> {
        text.starts_with(|first: char| first.is_ascii_digit())
            .then(|| Self {
                text: text.to_owned(),
                numbers: numbers(text),
            })
    }

    /// As Debian writes it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The kernel's series: the first two numbers.
    pub fn series(&self) -> &[u64] {
        self.numbers.get(..2).unwrap_or(&self.numbers)
    }

    /// Whether `name` is this version or a beginning of it: `6.1` is of `6.1.0-56`, and not of `6.12.117`.
    pub fn is(&self, name: &str) -> bool {
        self.text == name || self.numbers.starts_with(&numbers(name)) && is_plain(name)
    }
}

/// Numbers and points alone, so that a beginning is told apart from another version.
fn is_plain(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_digit() || b".-".contains(&byte);
    name.starts_with(|first: char| first.is_ascii_digit()) && name.bytes().all(is_plain)
}

fn numbers(text: &str) -> Vec<u64> {
    text.split(|character: char| !character.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect()
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_numbers = self.numbers.cmp(&other.numbers);
        by_numbers.then_with(|| self.text.cmp(&other.text))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    fn version(text: &str) -> Version {
        Version::new(text).expect("a version")
    }

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        let sorted = [
            "5.10.0-46",
            "6.1.0-0.deb11.52",
            "6.1.0-9",
            "6.1.0-56",
            "6.12.9+deb12",
            "6.12.9+deb13",
            "6.12.117+deb13",
            "7.3.4+deb13",
        ];
        let mut versions = sorted.map(version).to_vec();
        versions.reverse();
        versions.sort();
        let texts: Vec<String> = versions.iter().map(ToString::to_string).collect();
        assert_eq!(texts, sorted);
    }

    #[test]
    fn a_beginning_names_a_version_and_no_other_with_the_same_digits() {
        assert!(version("6.1.0-56").is("6.1"));
        assert!(version("6.1.0-56").is("6.1.0-56"));
        assert!(version("6.12.117+deb13").is("6.12"));
        assert!(version("6.12.117+deb13").is("6.12.117"));
        assert!(version("6.12.117+deb13").is("6.12.117+deb13"));
        for (text, name) in [
            ("6.12.117+deb13", "6.1"),
            ("6.12.117+deb13", "6.12.11"),
            ("6.12.117+deb13", "6.12.117+deb12"),
            ("6.1.0-56", ""),
            ("6.1.0-56", "newest"),
        ] {
            assert!(!version(text).is(name), "{text}: {name}");
        }
    }

    #[test]
    fn names_of_collections_are_no_versions() {
        assert_eq!(Version::new("cloud"), None);
        assert_eq!(Version::new(""), None);
    }
}
