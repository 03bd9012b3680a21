//! The form of `/etc/services` (services(5)).

use std::io;

use crate::{
    registry::{Column, Index, Layer, Registry},
    text::one_line,
};

/// A line for every port of a transport that has a name: each port of a range, and each transport of a name for any.
/// Gives back the names that have none, since a blank or a `#` ends a name in such a file.
///
/// # Errors
///
/// Those of the writer.
pub fn services(out: &mut impl io::Write, registry: &Registry) -> io::Result<Vec<String>> {
    let mut left_out = Vec::new();
    let date = registry
        .updated()
        .map_or(String::new(), |date| format!(" of {date}"));
    let layers: Vec<_> = registry.layers().iter().map(Layer::name).collect();
    writeln!(
        out,
        "# Names and ports of a registry{date} ({}), written by portclass.",
        layers.join(", ")
    )?;
    for (key, names, record) in Index::new(registry).named() {
        let Some(transport) = key.transport() else {
            continue;
        };
        let (names, unfit): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| can_stand(name));
        left_out.extend(unfit.into_iter().map(str::to_owned));
        let [name, aliases @ ..] = &names[..] else {
            continue;
        };
        let port = format!("{}/{}", key.port(), transport.name());
        let description = one_line(record.column(Column::Description));
        let aliases = aliases.join(" ");
        let comment = match description.as_str() {
            "" => String::new(),
            description => format!("# {description}"),
        };
        let line = format!("{name:<15} {port:<15} {aliases:<23} {comment}");
        writeln!(out, "{}", line.trim_end())?;
    }
    left_out.sort();
    left_out.dedup();
    Ok(left_out)
}

fn can_stand(name: &str) -> bool {
    !name.contains(|character: char| character == '#' || character.is_whitespace())
}
