//! The twelve columns of the registry.

/// The columns of the registry, in IANA's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named as IANA names its column")]
pub enum Column {
    ServiceName,
    PortNumber,
    TransportProtocol,
    Description,
    Assignee,
    Contact,
    RegistrationDate,
    ModificationDate,
    Reference,
    ServiceCode,
    UnauthorizedUse,
    AssignmentNotes,
}

impl Column {
    /// Number of columns.
    pub const COUNT: usize = 12;

    /// All columns, in order.
    pub const ALL: [Self; Self::COUNT] = [
        Self::ServiceName,
        Self::PortNumber,
        Self::TransportProtocol,
        Self::Description,
        Self::Assignee,
        Self::Contact,
        Self::RegistrationDate,
        Self::ModificationDate,
        Self::Reference,
        Self::ServiceCode,
        Self::UnauthorizedUse,
        Self::AssignmentNotes,
    ];

    /// The heading that IANA gives the column.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::ServiceName => "Service Name",
            Self::PortNumber => "Port Number",
            Self::TransportProtocol => "Transport Protocol",
            Self::Description => "Description",
            Self::Assignee => "Assignee",
            Self::Contact => "Contact",
            Self::RegistrationDate => "Registration Date",
            Self::ModificationDate => "Modification Date",
            Self::Reference => "Reference",
            Self::ServiceCode => "Service Code",
            Self::UnauthorizedUse => "Unauthorized Use Reported",
            Self::AssignmentNotes => "Assignment Notes",
        }
    }

    /// Whether `headings` are those of the registry: the one of column 11 has changed over the years, the first three
    /// have not.
    pub(super) fn are_headed<'a>(headings: impl IntoIterator<Item = &'a str>) -> bool {
        let mut headings = headings.into_iter();
        Self::ALL[..3].iter().all(|column| {
            headings.next().is_some_and(|heading| {
                let words = heading.split_whitespace();
                words
                    .map(str::to_ascii_lowercase)
                    .eq(column.heading().to_ascii_lowercase().split_whitespace())
            })
        })
    }
}
