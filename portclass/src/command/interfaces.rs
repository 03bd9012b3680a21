//! Which interfaces a run observes.

use glob::Pattern;
use portclass::dataplane::{Interface, default_route, interfaces};
use thiserror::Error;

use super::stderr::say;
use crate::cli::is_pattern;

/// Stands for every interface.
const ALL: &str = "all";

/// The interfaces of a run.
pub struct Choice {
    /// In the order that they can be attached to: what lies beneath another one comes first.
    pub interfaces: Vec<Interface>,
    /// The indices of those that a pattern chose and no name: the run goes on without one that cannot be observed.
    pub matched: Vec<u32>,
}

/// Why no interfaces can be chosen.
#[derive(Debug, Error)]
#[error("{summary}; {remedy}")]
pub struct NoChoice {
    pub summary: String,
    pub remedy: String,
}

impl NoChoice {
    fn new(summary: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (summary, remedy) = (summary.into(), remedy.into());
        Self { summary, remedy }
    }
}

/// What to do where netlink is refused.
const LIST: &str = "a security policy (seccomp, SELinux) may forbid netlink sockets";

/// The interfaces that `wanted` names, by name, pattern or `all`, each once, or the one that the default route leaves by.
pub fn choose(wanted: &[String]) -> Result<Choice, NoChoice> {
    let present = interfaces()
        .map_err(|error| NoChoice::new(format!("cannot list the interfaces: {error}"), LIST))?;
    let mut chosen: Vec<Interface> = Vec::new();
    for name in wanted {
        let found = matching(&present, name);
        if found.is_empty() {
            return Err(NoChoice::new(
                format!("{name}: no such interface"),
                format!("this host has: {}", names(&present)),
            ));
        }
        for interface in found {
            if !chosen.contains(interface) {
                chosen.push(interface.clone());
            }
        }
    }
    if wanted.is_empty() {
        let route = default_route()
            .map_err(|error| NoChoice::new(format!("cannot list the routes: {error}"), LIST))?;
        let interface = present
            .iter()
            .find(|interface| Some(interface.index) == route);
        let Some(interface) = interface else {
            return Err(NoChoice::new(
                "no default route to choose an interface by",
                format!("name one with --iface: {}", names(&present)),
            ));
        };
        chosen.push(interface.clone());
    }
    // The kernel refuses a program on what lies beneath an interface that has one.
    chosen.sort_by_key(|interface| beneath(interface, &present).len());
    warn_of_stacked(&chosen, &present);
    let is_named = |interface: &&Interface| wanted.contains(&interface.name);
    let matched = chosen.iter().filter(|interface| !is_named(interface));
    let matched = if wanted.is_empty() {
        Vec::new()
    } else {
        matched.map(|interface| interface.index).collect()
    };
    Ok(Choice {
        interfaces: chosen,
        matched,
    })
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
    let is_pattern = name == ALL || is_pattern(name);
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
fn warn_of_stacked(chosen: &[Interface], present: &[Interface]) {
    for upper in chosen {
        let beneath = beneath(upper, present);
        for lower in chosen.iter().filter(|lower| beneath.contains(&lower.index)) {
            say(format_args!(
                "warning: {} lies upon {}: their packets are counted twice",
                upper.name, lower.name
            ));
        }
    }
}

/// The indices of all interfaces that `upper` lies upon, those beneath the next one included.
fn beneath(upper: &Interface, present: &[Interface]) -> Vec<u32> {
    let mut beneath = Vec::new();
    let mut to_do = vec![upper];
    while let Some(upper) = to_do.pop() {
        for lower in present.iter().filter(|lower| upper.lies_upon(lower)) {
            if !beneath.contains(&lower.index) {
                beneath.push(lower.index);
                to_do.push(lower);
            }
        }
    }
    beneath
}

#[cfg(test)]
mod tests {
    use portclass::dataplane::Interface;
    use portclass_common::packet::Link;

    use super::{beneath, matching};

    fn interface(index: u32, name: &str) -> Interface {
        Interface {
            index,
            name: name.to_owned(),
            is_up: true,
            link: Some(Link::Ethernet),
            mtu: 1_500,
            lower: None,
            is_tunnel: false,
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
        let present = [eth0, vlan, bond, slave];
        let beneath = |position: usize| beneath(&present[position], &present);
        assert_eq!((beneath(1), beneath(2)), (vec![2], vec![7]));
        assert!(beneath(0).is_empty() && beneath(3).is_empty());
    }

    #[test]
    fn what_lies_upon_another_by_way_of_a_third_is_known() {
        let port = Interface {
            lower: Some(2),
            controller: Some(8),
            ..interface(5, "eth0.7")
        };
        let present = [interface(2, "eth0"), port, interface(8, "br0")];
        assert_eq!(beneath(&present[2], &present), [5, 2]);
    }

    #[test]
    fn the_ends_of_a_veth_pair_do_not_lie_upon_each_other() {
        let one = Interface {
            lower: Some(3),
            ..interface(2, "veth0")
        };
        let other = Interface {
            lower: Some(2),
            controller: Some(8),
            ..interface(3, "veth1")
        };
        let present = [one, other, interface(8, "br0")];
        let beneath = |position: usize| beneath(&present[position], &present);
        assert!(beneath(0).is_empty() && beneath(1).is_empty());
        assert_eq!(beneath(2), [3]);
    }
}
