//! The archive that a kernel unpacks into its first file system: cpio's "newc" format
//! (Documentation/driver-api/early-userspace/buffer-format.rst).

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::exec::{find, output};

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const LINK: u32 = 0o120_777;
const DEVICE: u32 = 0o020_600;

/// Such an archive, while it is written. Everything in it is root's.
pub struct Archive<W> {
    to: W,
    /// Entries, which are numbered.
    entries: u32,
    /// Paths that are in it.
    paths: BTreeSet<PathBuf>,
}

impl Archive<BufWriter<File>> {
    /// A new archive in that file.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn create(path: &Path) -> Result<Self> {
        let file =
            File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut archive = Self::new(BufWriter::new(file));
        // Without it the first process has no way to say anything.
        archive.directory(Path::new("/dev"))?;
        archive.entry(Path::new("/dev/console"), DEVICE, (5, 1), &[])?;
        Ok(archive)
    }
}

impl<W: Write> Archive<W> {
    const fn new(to: W) -> Self {
        Self {
            to,
            entries: 0,
            paths: BTreeSet::new(),
        }
    }

    fn entry(&mut self, path: &Path, mode: u32, device: (u32, u32), body: &[u8]) -> io::Result<()> {
        let name = path.strip_prefix("/").unwrap_or(path);
        self.raw(name.as_os_str().as_encoded_bytes(), mode, device, body)?;
        self.paths.insert(path.to_owned());
        Ok(())
    }

    fn raw(&mut self, name: &[u8], mode: u32, device: (u32, u32), body: &[u8]) -> io::Result<()> {
        let size = u32::try_from(body.len()).map_err(io::Error::other)?;
        self.entries += 1;
        let name_size = name.len() as u32 + 1;
        let (major, minor) = device;
        let fields = [
            self.entries,
            mode,
            0,
            0,
            1,
            0,
            size,
            0,
            0,
            major,
            minor,
            name_size,
            0,
        ];
        let mut header = b"070701".to_vec();
        for field in fields {
            write!(header, "{field:08x}")?;
        }
        header.extend(name);
        header.push(0);
        for part in [&header[..], body] {
            self.to.write_all(part)?;
            let padding = part.len().next_multiple_of(4) - part.len();
            self.to.write_all(&[0; 3][..padding])?;
        }
        Ok(())
    }

    /// A folder and those above it.
    ///
    /// # Errors
    ///
    /// The archive cannot be written.
    pub fn directory(&mut self, path: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = path
            .ancestors()
            .take_while(|ancestor| *ancestor != Path::new("/") && !self.paths.contains(*ancestor))
            .collect();
        for ancestor in missing.into_iter().rev() {
            self.entry(ancestor, DIRECTORY, (0, 0), &[])?;
        }
        Ok(())
    }

    /// A file that everybody may read and run.
    ///
    /// # Errors
    ///
    /// The archive cannot be written.
    pub fn file(&mut self, path: &Path, body: &[u8]) -> io::Result<()> {
        if self.paths.contains(path) {
            return Ok(());
        }
        self.directory(path.parent().unwrap_or(path))?;
        self.entry(path, PROGRAM, (0, 0), body)
    }

    /// A symbolic link.
    ///
    /// # Errors
    ///
    /// The archive cannot be written.
    pub fn link(&mut self, path: &Path, to: &str) -> io::Result<()> {
        self.directory(path.parent().unwrap_or(path))?;
        self.entry(path, LINK, (0, 0), to.as_bytes())
    }

    /// A copy of a file of this machine.
    ///
    /// # Errors
    ///
    /// It cannot be read, or the archive cannot be written.
    pub fn copy(&mut self, from: &Path, to: &Path) -> Result<()> {
        let body = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
        Ok(self.file(to, &body)?)
    }

    /// A program of this machine, with the libraries that it is linked to.
    ///
    /// # Errors
    ///
    /// It is not on the search path, or cannot be read.
    pub fn program(&mut self, name: &str) -> Result<()> {
        let path = find(name).with_context(|| format!("{name} is not on the search path"))?;
        // Some programs are links, by which they know who they are to be.
        self.copy(&path, &Path::new("/usr/bin").join(name))?;
        let libraries = output(std::process::Command::new("ldd").arg(&path))?;
        for library in libraries.lines().filter_map(library) {
            self.copy(library, library)?;
        }
        Ok(())
    }

    /// Ends the archive, and gives what it was written to.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.raw(b"TRAILER!!!", 0, (0, 0), &[])?;
        self.to.flush()?;
        Ok(self.to)
    }
}

/// The file in a line of `ldd`: `libz.so.1 => /lib/libz.so.1 (0x1)`, or the loader's `/lib64/ld.so (0x1)`.
fn library(line: &str) -> Option<&Path> {
    let words = line.split_ascii_whitespace();
    words.map(Path::new).find(|word| word.is_absolute())
}
