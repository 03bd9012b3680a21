//! Correcting the kernel object's type information (kernel documentation, bpf/btf.rst).

use anyhow::{Context as _, Result, ensure};

/// Bytes of the header that we understand: magic, version, flags, its length, and two stretches.
const HEADER: usize = 24;
const MAGIC: u16 = 0xeb9f;

const INT: u32 = 1;
const ARRAY: u32 = 3;
const STRUCT: u32 = 4;

/// Makes the byte array `member` of `structure` an array of C's `char`.
///
/// Rust has no type of one byte that stands for text, and bpftool prints only arrays of `char` as text; any other one
/// comes out as a list of numbers.
///
/// # Errors
///
/// The bytes are no type information, or lack such a member.
pub fn with_text(btf: &[u8], structure: &str, member: &str) -> Result<Vec<u8>> {
    let mut btf = Btf::parse(btf)?;
    let char_id = btf.add_char();
    let member = btf
        .member(structure, member)
        .with_context(|| format!("no member {structure}.{member}"))?;
    let array = btf.offset_of(member).context("a member without a type")?;
    ensure!(
        btf.kind(array).0 == ARRAY,
        "{structure} is not made of an array there"
    );
    btf.set_word(array + 12, char_id);
    Ok(btf.into_bytes())
}

struct Btf {
    header: Vec<u8>,
    types: Vec<u8>,
    strings: Vec<u8>,
}

impl Btf {
    fn parse(bytes: &[u8]) -> Result<Self> {
        let header = bytes
            .get(..HEADER)
            .context("type information without a header")?;
        ensure!(
            word(header, 0) & 0xffff == u32::from(MAGIC),
            "no type information"
        );
        let part = |at: usize| -> Result<Vec<u8>> {
            let start = word(header, 4) as usize + word(header, at) as usize;
            let part = bytes.get(start..start + word(header, at + 4) as usize);
            Ok(part.context("type information that is cut off")?.to_vec())
        };
        Ok(Self {
            types: part(8)?,
            strings: part(16)?,
            header: header.to_vec(),
        })
    }

    fn into_bytes(mut self) -> Vec<u8> {
        let (types, strings) = (self.types.len() as u32, self.strings.len() as u32);
        for (at, value) in [
            (4, HEADER as u32),
            (8, 0),
            (12, types),
            (16, types),
            (20, strings),
        ] {
            self.header[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        [self.header, self.types, self.strings].concat()
    }

    fn set_word(&mut self, at: usize, value: u32) {
        self.types[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    /// Kind and number of members of the type at an offset.
    fn kind(&self, at: usize) -> (u32, u32) {
        let info = word(&self.types, at + 4);
        (info >> 24 & 0x1f, info & 0xffff)
    }

    /// The offsets of all types; the first one has the id 1.
    fn offsets(&self) -> impl Iterator<Item = usize> {
        let is_type = |at: &usize| at + 12 <= self.types.len();
        let next = move |at: &usize| {
            let (kind, members) = self.kind(*at);
            let members = members as usize;
            // Int, var and declaration tag; array; structure, union, section and 64-bit enumeration; enumeration and
            // function prototype.
            let after = match kind {
                1 | 14 | 17 => 4,
                3 => 12,
                4 | 5 | 15 | 19 => 12 * members,
                6 | 13 => 8 * members,
                _ => 0,
            };
            Some(at + 12 + after).filter(is_type)
        };
        std::iter::successors(Some(0).filter(is_type), next)
    }

    fn offset_of(&self, id: u32) -> Option<usize> {
        self.offsets().nth((id as usize).checked_sub(1)?)
    }

    fn name(&self, at: usize) -> &[u8] {
        let rest = self
            .strings
            .get(word(&self.types, at) as usize..)
            .unwrap_or_default();
        rest.split(|&byte| byte == 0).next().unwrap_or_default()
    }

    /// The id of the type of a structure's member.
    fn member(&self, structure: &str, member: &str) -> Option<u32> {
        let is_it =
            |at: &usize| self.kind(*at).0 == STRUCT && self.name(*at) == structure.as_bytes();
        let at = self.offsets().find(is_it)?;
        (0..self.kind(at).1 as usize)
            .map(|index| at + 12 + 12 * index)
            .find(|&at| self.name(at) == member.as_bytes())
            .map(|at| word(&self.types, at + 4))
    }

    /// Adds C's `char` and gives back its id.
    fn add_char(&mut self) -> u32 {
        const SIGNED_BYTE: u32 = 1 << 24 | 8;
        let name = self.strings.len() as u32;
        self.strings.extend(b"char\0");
        for field in [name, INT << 24, 1, SIGNED_BYTE] {
            self.types.extend(field.to_le_bytes());
        }
        self.offsets().count() as u32
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let word = bytes[at..at + 4].try_into().expect("four bytes");
    u32::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::{ARRAY, Btf, INT, STRUCT, with_text, word};

    /// `u8`, an array of it, and a structure `Pair` of a `u8` and that array.
    fn btf() -> Vec<u8> {
        let words = |words: &[u32]| {
            words
                .iter()
                .flat_map(|word| word.to_le_bytes())
                .collect::<Vec<_>>()
        };
        let types = words(
            &[
                [1, INT << 24, 1, 8].as_slice(),
                &[0, ARRAY << 24, 0, 1, 1, 60],
                &[4, STRUCT << 24 | 2, 61, 9, 1, 0, 13, 2, 8],
            ]
            .concat(),
        );
        let strings = b"\0u8\0Pair\0one\0text\0".to_vec();
        let header = words(&[
            0x0001_eb9f,
            24,
            0,
            types.len() as u32,
            types.len() as u32,
            strings.len() as u32,
        ]);
        [header, types, strings].concat()
    }

    #[test]
    fn a_byte_array_becomes_text_and_nothing_else_changes() {
        let text = with_text(&btf(), "Pair", "text").expect("a member");
        let (before, after) = (
            Btf::parse(&btf()).expect("types"),
            Btf::parse(&text).expect("types"),
        );
        let array = after.offset_of(2).expect("the array");
        let element = word(&after.types, array + 12);
        assert_eq!((element, after.offsets().count()), (4, 4));
        assert_eq!(after.name(after.offset_of(element).expect("char")), b"char");
        assert_eq!(after.types[..array + 12], before.types[..array + 12]);
        assert_eq!(
            after.types[array + 16..before.types.len()],
            before.types[array + 16..]
        );
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        assert!(with_text(&btf(), "Pair", "three").is_err());
        assert!(with_text(&btf(), "Pear", "text").is_err());
        assert!(with_text(&btf(), "Pair", "one").is_err());
        assert!(with_text(&btf()[..30], "Pair", "text").is_err());
        assert!(with_text(&[0; 64], "Pair", "text").is_err());
    }
}
