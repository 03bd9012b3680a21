//! The kernel object that is embedded: it has everything that user space asks it for.

use object::{Object as _, ObjectSection as _, ObjectSymbol};
use portclass::dataplane::OBJECT;
use portclass_common::names;

fn symbols() -> Vec<(String, u64)> {
    let file = object::File::parse(OBJECT).expect("an ELF file");
    let symbols = file
        .symbols()
        .map(|symbol| (symbol.name().unwrap_or_default().to_owned(), symbol.size()));
    symbols.collect()
}

#[test]
fn every_map_and_program_is_in_the_object_under_its_name() {
    let symbols = symbols();
    let maps = [
        names::REGISTRY,
        names::SERVICES,
        names::STATE,
        names::COUNTERS,
        names::LOG_BUDGET,
        names::LOG_RING,
    ];
    for name in maps.into_iter().chain(names::PROGRAMS) {
        assert!(symbols.iter().any(|(symbol, _)| symbol == name), "{name}");
    }
}

#[test]
fn no_program_is_in_the_object_but_those_of_user_space() {
    let file = object::File::parse(OBJECT).expect("an ELF file");
    for symbol in file.symbols().filter(ObjectSymbol::is_global) {
        let section = symbol.section_index();
        let section = section.and_then(|index| file.section_by_index(index).ok());
        let is_program = section.is_some_and(|section| {
            let section = section.name().unwrap_or_default();
            ["xdp", "classifier"].contains(&section.split('.').next().unwrap_or_default())
        });
        let name = symbol.name().unwrap_or_default();
        assert!(!is_program || names::PROGRAMS.contains(&name), "{name}");
    }
}

#[test]
fn every_setting_is_in_the_object_with_its_size() {
    let symbols = symbols();
    for (name, size) in [
        (names::COUNTER_STRIDE, 4),
        (names::LOG_LEVEL, 1),
        (names::SWITCHES, 4),
        (names::MARK_MASK, 4),
        (names::MARK_SHIFT, 4),
    ] {
        assert!(symbols.contains(&(name.to_owned(), size)), "{name}");
    }
}

#[test]
fn the_kernel_keeps_program_names_whole() {
    const BPF_OBJ_NAME_LEN: usize = 16;
    for name in names::PROGRAMS {
        assert!(name.len() < BPF_OBJ_NAME_LEN, "{name}");
    }
}

#[test]
fn the_object_has_types_for_its_maps() {
    let file = object::File::parse(OBJECT).expect("an ELF file");
    for section in [".BTF", ".BTF.ext", ".maps", "license"] {
        assert!(
            object::Object::section_by_name(&file, section).is_some(),
            "{section}"
        );
    }
}
