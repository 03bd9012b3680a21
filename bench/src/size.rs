//! How large programs are, and how long the verifier looks at them.

use anyhow::Result;
use portclass::{
    dataplane::{OBJECT, Settings},
    registry::Registry,
};
use portclass_common::names;

use crate::{
    kernel::Programs,
    program::column,
    report::{Cell, Column, Table},
};

const COLUMNS: [Column; 4] = [
    column("program", "", 0),
    column("translated_bytes", "translated bytes", 0),
    column("jited_bytes", "machine code bytes", 0),
    column("verified_instructions", "verified instructions", 0),
];

/// The shipped programs' sizes as the kernel tells them, nothing switched on, and everything.
///
/// # Errors
///
/// What the kernel says.
pub fn table(registry: &Registry) -> Result<Table> {
    let all = Settings {
        log_unlabelled: true,
        decapsulate: true,
        tag_metadata: true,
        ..Settings::default()
    };
    let mut rows = Vec::new();
    for (settings, addition) in [(Settings::default(), ""), (all, ", all options")] {
        let programs = Programs::load(OBJECT, settings, registry, &names::PROGRAMS)?;
        for name in names::PROGRAMS {
            let info = programs.info(name)?;
            let numbers = [
                info.size_translated(),
                Some(info.size_jitted()),
                info.verified_instruction_count(),
            ];
            let mut row: Vec<Cell> = vec![format!("{name}{addition}").as_str().into()];
            row.extend(numbers.map(|number| number.map(f64::from).into()));
            rows.push(row);
        }
    }
    Ok(Table {
        title: "Programs in the kernel",
        columns: &COLUMNS,
        rows,
    })
}
