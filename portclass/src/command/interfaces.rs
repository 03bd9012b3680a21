//! Which interfaces a run observes.

use glob::Pattern;
use portclass::dataplane::{Interface, default_route, interfaces};

use super::{Failure, stderr::say};

/// Stands for every interface.
const ALL: &str = "all";

/// The interfaces that `wanted` names, by name, pattern or `all`, each once, or the one that the default route leaves by.
pub fn choose(wanted: &[String]) -> Result<Vec<Interface>, Failure> {
    let present = interfaces()
        .map_err(|error| Failure::new(format!("cannot list the interfaces: {error}")))?;
    let mut chosen: Vec<Interface> = Vec::new();
    for name in wanted {
        let found = matching(&present, name);
        if found.is_empty() {
            return Err(Failure::new(format!(
                "{name}: no such interface; this host has: {}",
                names(&present)
            )));
        }
        for interface in found {
            if !chosen.contains(interface) {
                chosen.push(interface.clone());
            }
        }
    }
    if wanted.is_empty() {
        let route = default_route()
            .map_err(|error| Failure::new(format!("cannot list the routes: {error}")))?;
        let interface = present
            .iter()
            .find(|interface| Some(interface.index) == route);
        let Some(interface) = interface else {
            return Err(Failure::new(format!(
                "no default route to choose an interface by; name one with --iface: {}",
                names(&present)
            )));
        };
        chosen.push(interface.clone());
    }
    warn_of_stacked(&chosen);
    Ok(chosen)
}

/// Those that a name stands for. A name that an interface has is no pattern, whatever it looks like; patterns leave out
/// interfaces whose frames nobody can read.
fn matching<'present>(present: &'present [Interface], name: &str) -> Vec<&'present Interface> {
    let named: Vec<_> = present
        .iter()
        .filter(|interface| interface.name == *name)
        .collect();
    if !named.is_empty() {
        return named;
    }
    let pattern = Pattern::new(if name == ALL { "*" } else { name }).ok();
    let is_pattern = name == ALL || name.contains(['*', '?', '[']);
    let fits = |interface: &&Interface| {
        let pattern = pattern.as_ref().filter(|_| is_pattern);
        interface.link.is_some() && pattern.is_some_and(|pattern| pattern.matches(&interface.name))
    };
    present.iter().filter(fits).collect()
}

fn names(interfaces: &[Interface]) -> String {
    let names: Vec<_> = interfaces
        .iter()
        .map(|interface| interface.name.as_str())
        .collect();
    names.join(", ")
}

/// A packet passes both an interface and what lies upon it or holds it: a bond, a bridge, a VLAN.
fn warn_of_stacked(chosen: &[Interface]) {
    for upper in chosen {
        for lower in chosen.iter().filter(|lower| is_stacked(upper, lower)) {
            say(format_args!(
                "warning: {} lies upon {}: their packets are counted twice",
                upper.name, lower.name
            ));
        }
    }
}

fn is_stacked(upper: &Interface, lower: &Interface) -> bool {
    upper.index != lower.index
        && (upper.lower == Some(lower.index) || lower.controller == Some(upper.index))
}

#[cfg(test)]
mod tests {
    use portclass::dataplane::Interface;
    use portclass_common::packet::Link;

    use super::{is_stacked, matching};

    fn interface(index: u32, name: &str) -> Interface {
        Interface {
            index,
            name: name.to_owned(),
            is_up: true,
            link: Some(Link::Ethernet),
            mtu: 1_500,
            lower: None,
            controller: None,
            xdp: None,
        }
    }

    #[test]
    fn names_patterns_and_all_choose_interfaces() {
        let unreadable = Interface {
            link: None,
            ..interface(4, "can0")
        };
        let present = [
            interface(1, "lo"),
            interface(2, "eth0"),
            interface(3, "eth*"),
            unreadable,
        ];
        let chosen = |name| -> Vec<u32> {
            let found = matching(&present, name);
            found.iter().map(|interface| interface.index).collect()
        };
        assert_eq!(chosen("eth0"), [2]);
        assert_eq!(chosen("eth*"), [3]);
        assert_eq!(chosen("e*"), [2, 3]);
        assert_eq!(chosen("all"), [1, 2, 3]);
        assert_eq!(chosen("can0"), [4]);
        assert!(chosen("eth").is_empty());
        assert!(chosen("[eth0").is_empty());
    }

    #[test]
    fn what_lies_upon_another_is_known() {
        let eth0 = interface(2, "eth0");
        let vlan = Interface {
            lower: Some(2),
            ..interface(5, "eth0.7")
        };
        let bond = interface(6, "bond0");
        let slave = Interface {
            controller: Some(6),
            ..interface(7, "eth1")
        };
        assert!(is_stacked(&vlan, &eth0) && is_stacked(&bond, &slave));
        assert!(!is_stacked(&eth0, &vlan) && !is_stacked(&eth0, &eth0));
    }
}
