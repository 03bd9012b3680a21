//! The line above a table: when, where, by which registry.

use super::number::grouped;
use crate::{
    account::{Frames, InterfaceInfo, Snapshot},
    text::one_line,
};

/// The title of a snapshot's table.
pub(super) fn title(snapshot: &Snapshot) -> String {
    let mut title = humantime::format_rfc3339_seconds(snapshot.time).to_string();
    let interfaces: Vec<_> = snapshot.interfaces.iter().map(interface).collect();
    let sources = [
        interfaces.join(", "),
        snapshot.frames.map_or_else(String::new, replay),
    ];
    let registry = &snapshot.registry;
    let date = registry
        .updated
        .as_ref()
        .map(|date| format!(" of {date}"))
        .unwrap_or_default();
    let registry = format!("registry{date}, {} names", grouped(registry.entries.into()));
    for part in sources
        .into_iter()
        .filter(|part| !part.is_empty())
        .chain([registry])
    {
        title.push_str("  ");
        title.push_str(&part);
    }
    title
}

/// An interface, and how its programs are attached.
pub(super) fn interface(info: &InterfaceInfo) -> String {
    let name = one_line(&info.name);
    let egress = info.egress.map(|hook| format!("egress {hook}"));
    let hooks: Vec<_> = info
        .mode
        .map(str::to_owned)
        .into_iter()
        .chain(egress)
        .collect();
    if hooks.is_empty() {
        name
    } else {
        format!("{name} ({})", hooks.join(", "))
    }
}

fn replay(frames: Frames) -> String {
    let all = frames.kernel.saturating_add(frames.host);
    let noun = if all == 1 { "frame" } else { "frames" };
    let all = grouped(all);
    match frames.host {
        0 => format!("replay of {all} {noun}"),
        host => format!(
            "replay of {all} {noun}, {} of them outside the kernel",
            grouped(host)
        ),
    }
}
