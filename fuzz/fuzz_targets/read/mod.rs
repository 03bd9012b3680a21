//! What every target does with the bytes.

use portclass::{
    registry::{Column, Format, Record, Records},
    report::records_csv,
};

pub fn read(bytes: &[u8], format: Format) {
    let Ok((records, findings)) = Records::read("fuzz", bytes, Some(format)) else {
        return;
    };
    let lines = 1 + bytes.iter().filter(|&&byte| byte == b'\n').count() as u64;
    for finding in findings.kept() {
        assert!((1..=lines).contains(&finding.line), "{finding}");
    }
    // An alias of one letter is kept with the note that says whose it is.
    let kept = |record: Record<'_>| Column::ALL.map(|column| record.column(column).len());
    let kept: usize = records.iter().flat_map(kept).sum();
    assert!(kept <= 64 * (bytes.len() + 64));
    let mut csv = Vec::new();
    records_csv(&mut csv, records.iter()).expect("memory");
    let (again, findings) =
        Records::read("fuzz", &csv, Some(Format::Csv)).expect("records were written");
    assert_eq!(findings.kept(), []);
    assert_eq!(again.len(), records.len());
    for (one, other) in records.iter().zip(again.iter()) {
        assert!((1..=lines).contains(&one.line()));
        same(one, other);
    }
}

fn same(one: Record<'_>, other: Record<'_>) {
    assert_eq!(one.ports(), other.ports());
    assert_eq!(one.transport(), other.transport());
    assert_eq!(one.is_alias(), other.is_alias());
    for column in Column::ALL {
        let is_number = matches!(column, Column::PortNumber | Column::TransportProtocol);
        if !is_number {
            assert_eq!(one.column(column), other.column(column), "{column:?}");
        }
    }
}
