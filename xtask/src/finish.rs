//! Finishing a kernel object: out goes what nobody reads once it is linked, and names become text.

use anyhow::{Context as _, Result};
use object::{
    build::elf::{Builder, SectionData},
    elf::SHT_STRTAB,
};

use crate::btf::with_text;

/// The object without DWARF, and with the services' names as text; `.BTF` and `.BTF.ext` stay, as the kernel reads them.
///
/// DWARF is nine tenths of what the linker writes, and nothing needs it once the linker has made the type information
/// from it. The relocations of the type information go too: loaders take its values as they stand.
///
/// # Errors
///
/// The bytes are no ELF object, or its type information is not what it should be.
pub fn finish(object: &[u8]) -> Result<Vec<u8>> {
    let mut builder = Builder::read(object).context("the linker's output is no ELF object")?;
    for section in &mut builder.sections {
        let name = section.name.as_slice();
        let subject = name.strip_prefix(b".rel").unwrap_or(name);
        section.delete = subject.starts_with(b".debug_") || name.starts_with(b".rel.BTF");
        if name == b".BTF"
            && let SectionData::Data(types) = &section.data
        {
            section.data = SectionData::Data(with_text(types, "Service", "name")?.into());
        }
    }
    builder.delete_orphans();
    // LLVM keeps section names among the symbols' names, which the builder cannot write.
    let names = builder.sections.add();
    names.name = b".shstrtab"[..].into();
    names.sh_type = SHT_STRTAB;
    names.data = SectionData::SectionString;
    let mut finished = Vec::new();
    builder.write(&mut finished)?;
    Ok(finished)
}
