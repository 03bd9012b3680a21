//! The report: tables on the screen, and the same as JSON.

use std::fmt::Display;

use comfy_table::{CellAlignment, Table as Drawn, presets::NOTHING};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{machine::Machine, measure::Plan};

/// Version of the JSON report.
const SCHEMA: &str = "portclass.bench/1";

/// A column of a table.
#[derive(Clone, Copy)]
pub struct Column {
    /// Its key in JSON; it says the unit.
    pub key: &'static str,
    /// What stands above it.
    pub heading: &'static str,
    /// Decimals of its numbers.
    pub decimals: usize,
}

/// What stands in a table.
pub enum Cell {
    /// A name.
    Text(String),
    /// A figure, in the column's unit.
    Number(f64),
    /// Nothing.
    Absent,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(cell: Option<T>) -> Self {
        cell.map_or(Self::Absent, Into::into)
    }
}

/// A table.
pub struct Table {
    /// What it is about.
    pub title: &'static str,
    /// Its columns.
    pub columns: &'static [Column],
    /// Its rows, each with a cell for every column.
    pub rows: Vec<Vec<Cell>>,
}

/// All that was measured.
pub struct Report {
    machine: Machine,
    plan: Plan,
    section: &'static str,
    tables: Vec<Value>,
}

impl Report {
    /// A report without a table, whose head is shown.
    pub fn new(machine: Machine, plan: Plan) -> Self {
        for line in machine.lines() {
            println!("{line}");
        }
        println!("{} rounds of {} runs", plan.rounds, plan.runs);
        Self {
            machine,
            plan,
            section: "",
            tables: Vec::new(),
        }
    }

    /// Begins a section, to which the tables that follow belong.
    pub fn start(&mut self, section: &'static str) {
        self.section = section;
    }

    /// Adds a table, and shows it.
    pub fn add(&mut self, table: &Table) {
        println!("\n{}\n{}", table.title, drawn(table));
        let rows: Vec<Value> = table.rows.iter().map(|row| object(table, row)).collect();
        self.tables.push(json!({
            "section": self.section,
            "title": table.title,
            "rows": rows,
        }));
    }

    /// Adds what draws its own tables, and shows it.
    pub fn add_part(&mut self, part: &(impl Display + Serialize)) {
        println!("\n{part}");
        self.tables
            .push(json!({"section": self.section, "measured": part}));
    }

    /// The report as JSON.
    pub fn json(&self) -> String {
        let report = json!({
            "schema": SCHEMA,
            "machine": self.machine,
            "rounds": self.plan.rounds,
            "runs": self.plan.runs,
            "tables": self.tables,
        });
        format!("{report:#}\n")
    }
}

fn drawn(table: &Table) -> Drawn {
    let mut drawn = Drawn::new();
    drawn
        .load_style(NOTHING)
        .set_header(table.columns.iter().map(|column| column.heading));
    for row in &table.rows {
        let cells = table.columns.iter().zip(row);
        drawn.add_row(cells.map(|(column, cell)| match cell {
            Cell::Text(text) => text.clone(),
            Cell::Number(number) => format!("{number:.*}", column.decimals),
            Cell::Absent => String::new(),
        }));
    }
    for column in drawn.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    drawn
}

fn object(table: &Table, row: &[Cell]) -> Value {
    let cells = table.columns.iter().zip(row);
    let fields = cells.map(|(column, cell)| {
        let value = match cell {
            Cell::Text(text) => json!(text),
            // What is measured has no more than three decimals.
            Cell::Number(number) => json!((number * 1_000.0).round() / 1_000.0),
            Cell::Absent => Value::Null,
        };
        (column.key.to_owned(), value)
    });
    Value::Object(fields.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Cell, Column, Table, drawn, object};

    const COLUMNS: [Column; 3] = [
        Column {
            key: "case",
            heading: "",
            decimals: 0,
        },
        Column {
            key: "ns",
            heading: "ns",
            decimals: 1,
        },
        Column {
            key: "bytes",
            heading: "bytes",
            decimals: 0,
        },
    ];

    fn table() -> Table {
        Table {
            title: "Title",
            columns: &COLUMNS,
            rows: vec![
                vec!["long name".into(), 12.345_67.into(), Cell::Absent],
                vec!["b".into(), 2.0.into(), 64.0.into()],
            ],
        }
    }

    #[test]
    fn numbers_stand_below_each_other_with_their_decimals() {
        let lines = drawn(&table()).to_string();
        let lines: Vec<&str> = lines.lines().map(str::trim).collect();
        assert_eq!(lines[1], "long name  12.3");
        assert_eq!(lines[2], "b           2.0     64");
    }

    #[test]
    fn rows_are_objects_with_a_null_for_what_is_absent() {
        let table = table();
        assert_eq!(
            object(&table, &table.rows[0]),
            json!({"case": "long name", "ns": 12.346, "bytes": null})
        );
    }
}
