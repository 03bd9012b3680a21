//! Registries, what is wrong with them, and what changed, as tables, JSON and files.

mod check;
mod diff;
mod records;
mod services;

pub use check::{Checked, check_json, check_table};
pub use diff::{Compared, diff_json, diff_table};
pub use records::{records_csv, records_json, records_table, registry_csv, registry_json};
pub use services::services;
