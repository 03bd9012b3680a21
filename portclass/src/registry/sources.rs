//! Which files make up a registry, and how they become one.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Date, Findings, Format, Layer, Records, Registry, RegistryError, Severity, contradiction,
    reading::{Reading, decode},
    source::{self, SHIPPED, SHIPPED_DATE, SHIPPED_NAME},
};
use crate::text::one_line;

/// Which files make up a registry, lowest layer first.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The registry file, or `None` for the one that is shipped inside the binary.
    pub registry: Option<PathBuf>,
    /// The registry file's format, unless its content is to tell.
    pub format: Option<Format>,
    /// The day of the registry file's snapshot, where it bears none.
    pub date: Option<Date>,
    /// Whether the reviewed table of preferred names lies on top of IANA's order.
    pub preferred_names: bool,
    /// The host's `/etc/services`, if it is to lie on top.
    pub etc_services: Option<PathBuf>,
    /// Overlays, later ones on top.
    pub overlays: Vec<PathBuf>,
    /// Whether one error makes the registry unusable.
    pub strict: bool,
}

impl Default for Sources {
    fn default() -> Self {
        Self {
            registry: None,
            format: None,
            date: None,
            preferred_names: true,
            etc_services: None,
            overlays: Vec::new(),
            strict: false,
        }
    }
}

impl Sources {
    /// The registry of that file, without any layer on top.
    pub fn plain(registry: Option<PathBuf>) -> Self {
        Self {
            registry,
            preferred_names: false,
            ..Self::default()
        }
    }
}

impl Registry {
    /// Reads the files that `sources` names, and gives what is wrong with them.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, is too large, or holds no registry at all; with [`Sources::strict`] any error.
    pub fn load(sources: &Sources) -> Result<(Self, Findings), RegistryError> {
        let mut registry = Self::empty();
        let mut findings = Findings::default();
        registry.updated = match &sources.registry {
            None => registry.add(
                SHIPPED_NAME,
                Layer::Iana,
                SHIPPED.into(),
                sources.format.or(Some(Format::Csv)),
                &mut findings,
            )?,
            Some(path) => registry.add_file(path, Layer::Iana, sources.format, &mut findings)?,
        };
        registry.updated = registry.updated.or(sources.date);
        if sources.preferred_names {
            registry.prefer();
        }
        if let Some(path) = &sources.etc_services {
            registry.add_file(path, Layer::EtcServices, None, &mut findings)?;
        }
        for path in &sources.overlays {
            registry.add_file(path, Layer::Overlay, None, &mut findings)?;
        }
        registry.records.shrink();
        if sources.strict {
            refuse_errors(&findings)?;
        }
        Ok((registry, findings))
    }

    /// Reads a registry from memory, as [`Registry::load`] reads one from a file called `name`.
    ///
    /// # Errors
    ///
    /// Bytes that hold no registry at all.
    pub fn of_bytes(
        name: &str,
        bytes: &[u8],
        format: Option<Format>,
    ) -> Result<(Self, Findings), RegistryError> {
        let mut registry = Self::empty();
        let mut findings = Findings::default();
        registry.updated = registry.add(name, Layer::Iana, bytes.into(), format, &mut findings)?;
        Ok((registry, findings))
    }

    fn add_file(
        &mut self,
        path: &Path,
        layer: Layer,
        format: Option<Format>,
        findings: &mut Findings,
    ) -> Result<Option<Date>, RegistryError> {
        let bytes = source::read(path, |start| {
            format.is_some()
                || is_all_comments(start)
                || Format::recognize(&decode(start)).is_some()
        })?;
        // The name goes wherever answers go.
        let name = one_line(&path.display().to_string());
        self.add(&name, layer, bytes.into(), format, findings)
    }

    /// Adds what a file says on top of what is there, and gives the day that it was published on.
    fn add(
        &mut self,
        name: &str,
        layer: Layer,
        bytes: Cow<'_, [u8]>,
        format: Option<Format>,
        findings: &mut Findings,
    ) -> Result<Option<Date>, RegistryError> {
        let first = self.records.len();
        let name: Arc<str> = name.into();
        if layer != Layer::Iana && is_all_comments(&bytes) {
            self.lay(name, layer, first);
            return Ok(None);
        }
        let (format, updated) = read(&name, &bytes, format, &mut self.records, findings)?;
        if layer == Layer::Overlay || format == Format::Short {
            contradiction::leave_out(&name, &mut self.records, first, findings);
        }
        let is_shipped = *bytes == *SHIPPED;
        // Laying needs room of its own.
        drop(bytes);
        self.lay(name, layer, first);
        let shipped = || SHIPPED_DATE.parse().ok().filter(|_| is_shipped);
        Ok(updated.or_else(shipped))
    }
}

impl Records {
    /// Reads the records of a file called `name`, and gives what is wrong with them.
    ///
    /// # Errors
    ///
    /// Bytes that hold no registry at all.
    pub fn read(
        name: &str,
        bytes: &[u8],
        format: Option<Format>,
    ) -> Result<(Self, Findings), RegistryError> {
        let (mut records, mut findings) = (Self::default(), Findings::default());
        read(&name.into(), bytes, format, &mut records, &mut findings)?;
        Ok((records, findings))
    }
}

/// Adds the records of a file to those of the files before, and gives its format and the day that it was published on.
fn read(
    name: &Arc<str>,
    bytes: &[u8],
    format: Option<Format>,
    records: &mut Records,
    findings: &mut Findings,
) -> Result<(Format, Option<Date>), RegistryError> {
    let text = decode(bytes);
    let file = || name.to_string();
    if text.trim().is_empty() {
        return Err(RegistryError::Empty { file: file() });
    }
    let Some(format) = format.or_else(|| Format::recognize(&text)) else {
        return Err(RegistryError::Unrecognized { file: file() });
    };
    records.reserve(match format {
        // Markup is most of such a file.
        Format::Xml | Format::Html => text.len() / 4,
        _ => text.len(),
    });
    let mut reading = Reading::new(name, &text, records, findings);
    format.read(&mut reading)?;
    Ok((format, reading.finish()?))
}

/// Whether a layer says nothing for now: all its lines are comments.
fn is_all_comments(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut lines = bytes.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let is_comment = |line: &[u8]| line.is_empty() || line.starts_with(b"#");
    lines.clone().all(is_comment) && lines.any(|line| !line.is_empty())
}

fn refuse_errors(findings: &Findings) -> Result<(), RegistryError> {
    match findings.first_error() {
        Some(finding) => Err(RegistryError::Strict {
            finding: Box::new(finding.clone()),
            others: findings.count(Severity::Error) - 1,
        }),
        None => Ok(()),
    }
}
