//! Names of services that nftables takes for names of its own.

use std::collections::HashSet;

/// What every identifier begins with: some services are called like a keyword of nftables, or begin with a digit.
pub(super) const PREFIX: &str = "svc_";

/// The kernel keeps names of 255 bytes (NFT_NAME_MAXLEN), and a suffix has to fit behind a long one.
const LONGEST: usize = 200;

/// The identifiers of services, each given by its name and lowest port, no two the same. A name that nftables takes as it
/// stands keeps its form; in others `_` stands for every character that it does not take, and where that form is taken
/// already, the lowest port follows.
pub(super) fn identifiers<'names>(
    services: impl Iterator<Item = (&'names str, u16)> + Clone,
) -> Vec<String> {
    let with_prefix = |name: &str| format!("{PREFIX}{name}");
    let unchanged = services.clone().map(|(name, _)| name);
    let mut taken: HashSet<_> = unchanged
        .filter(|name| can_stand(name))
        .map(with_prefix)
        .collect();
    let mut identifier = |(name, port): (&str, u16)| {
        if can_stand(name) {
            return with_prefix(name);
        }
        let mut identifier = with_prefix(&replaced(name));
        if taken.contains(&identifier) {
            identifier = format!("{identifier}_{port}");
        }
        while !taken.insert(identifier.clone()) {
            identifier.push('_');
        }
        identifier
    };
    services.map(&mut identifier).collect()
}

fn can_stand(name: &str) -> bool {
    name.len() <= LONGEST && name.chars().all(is_taken)
}

fn replaced(name: &str) -> String {
    name.chars()
        .take(LONGEST)
        .map(
            |character| {
                if is_taken(character) { character } else { '_' }
            },
        )
        .collect()
}

/// Whether nftables takes a character inside of a name (`string` in its scanner.l).
pub(super) fn is_taken(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.' | '/')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{identifiers, is_taken};

    #[test]
    fn names_keep_their_form_where_nftables_takes_it() {
        let services = [
            ("https", 443),
            ("contamac-icm", 4846),
            ("contamac_icm", 1),
            ("914c/g", 211),
            ("z39.50", 210),
            ("3com-tsmux", 106),
            ("HTTPS", 8443),
            ("tcp", 2),
        ];
        assert_eq!(
            identifiers(services.into_iter()),
            [
                "svc_https",
                "svc_contamac-icm",
                "svc_contamac_icm",
                "svc_914c/g",
                "svc_z39.50",
                "svc_3com-tsmux",
                "svc_HTTPS",
                "svc_tcp",
            ]
        );
    }

    #[test]
    fn of_names_that_become_one_the_port_tells_them_apart() {
        let services = [
            ("a*b", 7),
            ("a+b", 8),
            ("a?b", 8),
            ("a_b", 9),
            ("a_b_8_", 10),
            ("whois++", 63),
            ("two\nlines\"}", 11),
        ];
        assert_eq!(
            identifiers(services.into_iter()),
            [
                "svc_a_b_7",
                "svc_a_b_8",
                "svc_a_b_8__",
                "svc_a_b",
                "svc_a_b_8_",
                "svc_whois__",
                "svc_two_lines__",
            ]
        );
    }

    proptest! {
        #[test]
        fn any_names_become_as_many_identifiers_that_fit(
            names in prop::collection::hash_set("[a-c+* \u{e9}_\"#{};]{0,4}|.{0,300}", 0..40),
            port in any::<u16>(),
        ) {
            let identifiers = identifiers(names.iter().map(|name| (name.as_str(), port)));
            for identifier in &identifiers {
                prop_assert!(identifier.len() <= 255);
                prop_assert!(identifier.starts_with("svc_") && identifier.chars().all(is_taken));
            }
            let count = identifiers.len();
            let different: std::collections::HashSet<_> = identifiers.into_iter().collect();
            prop_assert_eq!(different.len(), count);
        }
    }
}
