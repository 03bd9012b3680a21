//! Snapshots as CSV: a row a port or reason, cumulative, without totals, tunnels and tags, so that rows add up.

use std::io;

use crate::{
    account::{Direction, Snapshot},
    text::one_line,
};

const HEADER: [&str; 10] = [
    "time",
    "interface",
    "direction",
    "service",
    "class",
    "detail",
    "transport",
    "port",
    "packets",
    "bytes",
];

/// The rows of `snapshot`, below the header if it is wanted.
pub(super) fn rows(
    out: &mut impl io::Write,
    snapshot: &Snapshot,
    with_header: bool,
) -> io::Result<()> {
    write_rows(out, snapshot, with_header).map_err(as_io)
}

/// The writer's own error as it is, so that a closed pipe can be told from a full disk.
pub(super) fn as_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn write_rows(out: &mut impl io::Write, snapshot: &Snapshot, with_header: bool) -> csv::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    if with_header {
        writer.write_record(HEADER)?;
    }
    let time = humantime::format_rfc3339_millis(snapshot.time).to_string();
    let mut row =
        |origin: (&Option<String>, Direction), of: [&str; 5], packets: u64, bytes: u64| {
            let (interface, direction) = origin;
            let interface = interface.as_deref().map(one_line).unwrap_or_default();
            let [service, class, detail, transport, port] = of;
            let (packets, bytes) = (packets.to_string(), bytes.to_string());
            writer.write_record([
                &time,
                &interface,
                direction.name(),
                service,
                class,
                detail,
                transport,
                port,
                &packets,
                &bytes,
            ])
        };
    for service in &snapshot.services {
        for port in &service.ports {
            let number = port.port.to_string();
            let of = [
                service.service.as_str(),
                "labelled",
                "",
                service.transport,
                &number,
            ];
            row(
                (&service.interface, service.direction),
                of,
                port.packets,
                port.bytes,
            )?;
        }
    }
    for reason in &snapshot.unlabelled {
        let detail = reason.detail.as_deref().unwrap_or_default();
        let of = [
            "",
            reason.class,
            detail,
            reason.transport.unwrap_or_default(),
            "",
        ];
        row(
            (&reason.interface, reason.direction),
            of,
            reason.packets,
            reason.bytes,
        )?;
    }
    writer.flush()?;
    Ok(())
}
