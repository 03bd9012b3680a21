//! The table of nftables that sets and maps are put into.

use std::{fmt, str::FromStr};

use thiserror::Error;

use super::identifier::is_taken;

/// A table: its family and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NftTable {
    family: &'static str,
    name: String,
}

/// Why a text names no table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NftTableError {
    /// A family that nftables does not have.
    #[error(
        "unknown family; expected one of ip, ip6, inet, arp, bridge and netdev before the name"
    )]
    Family,
    /// A name that no table can have.
    #[error(
        "no table can have this name; expected up to 255 letters, digits, '_', '-', '.' and '/', a letter or '_' first"
    )]
    Name,
}

impl FromStr for NftTable {
    type Err = NftTableError;

    /// Reads `NAME`, which is of family inet, or `FAMILY NAME`.
    fn from_str(text: &str) -> Result<Self, NftTableError> {
        // Keywords of nftables as well, like many other words that it then refuses itself.
        const FAMILIES: [&str; 6] = ["ip", "ip6", "inet", "arp", "bridge", "netdev"];
        const LONGEST: usize = 255;
        let (family, name) = text.trim().split_once(' ').unwrap_or(("inet", text.trim()));
        let family = FAMILIES.into_iter().find(|&known| known == family);
        let family = family.ok_or(NftTableError::Family)?;
        let name = name.trim_start();
        let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.len() <= LONGEST
            && !FAMILIES.contains(&name)
            && name.chars().all(is_taken);
        if !is_name {
            return Err(NftTableError::Name);
        }
        Ok(Self {
            family,
            name: name.to_owned(),
        })
    }
}

impl fmt::Display for NftTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.family, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::{NftTable, NftTableError};

    #[test]
    fn a_table_has_a_family_and_a_name() {
        let read = |text: &str| text.parse::<NftTable>().map(|table| table.to_string());
        assert_eq!(read("filter").as_deref(), Ok("inet filter"));
        assert_eq!(read("ip6 my-table").as_deref(), Ok("ip6 my-table"));
        assert_eq!(read(" bridge  _x.1 ").as_deref(), Ok("bridge _x.1"));
        assert_eq!(read("ipx filter"), Err(NftTableError::Family));
        let long = "x".repeat(256);
        for name in [
            "", "inet ", "1st", "inet a b", "a;b", "a\nb", "\"a\"", "-a", "{", &long,
        ] {
            assert_eq!(read(name), Err(NftTableError::Name), "{name:?}");
        }
    }
}
