//! Finds files that import each other in a circle.
//!
//! An import leads to the file that has the item. What a module only re-exports is looked for where it comes
//! from, so a folder's `mod.rs` may pass on what its files have. Code for tests is not looked at.

use std::collections::{BTreeMap, BTreeSet};

use crate::imports::{Module, Source};

/// The groups of files that reach each other by imports, each in alphabetical order.
pub fn find(sources: &[Source]) -> Vec<Vec<String>> {
    let by_module: BTreeMap<&Module, &Source> = sources
        .iter()
        .map(|source| (&source.module, source))
        .collect();
    let arrows: BTreeMap<&str, BTreeSet<&str>> = sources
        .iter()
        .map(|source| (&*source.file, arrows_from(source, &by_module)))
        .collect();
    let reached: BTreeMap<&str, BTreeSet<&str>> = arrows
        .keys()
        .map(|&file| (file, reached_from(file, &arrows)))
        .collect();
    let mut circles = BTreeSet::new();
    for (&file, others) in &reached {
        let group: Vec<String> = others
            .iter()
            .filter(|other| reached[**other].contains(file))
            .map(|&other| other.to_owned())
            .collect();
        if !group.is_empty() {
            circles.insert(group);
        }
    }
    circles.into_iter().collect()
}

fn arrows_from<'a>(
    source: &'a Source,
    by_module: &BTreeMap<&Module, &'a Source>,
) -> BTreeSet<&'a str> {
    source
        .imports
        .iter()
        .filter(|import| import.reexported_as.is_none() && !import.in_tests)
        .filter_map(|import| file_of(&import.path, by_module, 0))
        .filter(|&file| file != source.file && !matches!(file, "lib.rs" | "main.rs"))
        .collect()
}

/// So many re-exports are followed, one after the other.
const MOST_STEPS: usize = 8;

/// The file that has the item at `path`.
fn file_of<'a>(
    path: &[String],
    by_module: &BTreeMap<&Module, &'a Source>,
    steps: usize,
) -> Option<&'a str> {
    let (source, item) = (0..=path.len()).rev().find_map(|length| {
        let module = path[..length].to_vec();
        by_module
            .get(&module)
            .map(|&source| (source, path.get(length)))
    })?;
    let passed_on = source
        .imports
        .iter()
        .find(|import| item.is_some() && import.reexported_as.as_ref() == item);
    match passed_on {
        Some(import) if steps < MOST_STEPS => file_of(&import.path, by_module, steps + 1),
        _ => Some(&source.file),
    }
}

fn reached_from<'a>(
    file: &'a str,
    arrows: &BTreeMap<&'a str, BTreeSet<&'a str>>,
) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next = vec![file];
    while let Some(file) = next.pop() {
        for &other in arrows.get(file).into_iter().flatten() {
            if reached.insert(other) {
                next.push(other);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::{Source, find};

    fn circles(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let sources: Vec<_> = files
            .iter()
            .map(|(file, text)| Source::read(file, text))
            .collect();
        find(&sources)
    }

    #[test]
    fn a_circle_is_found_however_long() {
        let two = [
            ("a/b.rs", "use super::c::X;"),
            ("a/c.rs", "fn f() { crate::a::b::g() }"),
        ];
        assert_eq!(circles(&two), [["a/b.rs", "a/c.rs"]]);
        let three = [
            ("a.rs", "use crate::b::X;"),
            ("b.rs", "use crate::c::X;"),
            ("c.rs", "use crate::a::X;"),
            ("d.rs", "use crate::a::X;"),
        ];
        assert_eq!(circles(&three), [["a.rs", "b.rs", "c.rs"]]);
    }

    #[test]
    fn a_parent_that_uses_its_child_and_is_used_by_it_is_one() {
        let files = [
            ("a/mod.rs", "mod b; use b::X; pub struct Y;"),
            ("a/b.rs", "use super::Y; pub struct X;"),
        ];
        assert_eq!(circles(&files), [["a/b.rs", "a/mod.rs"]]);
    }

    #[test]
    fn a_re_export_is_none_and_is_looked_through() {
        let files = [
            ("a/mod.rs", "mod b; mod c; pub use b::X;"),
            ("a/b.rs", "pub struct X;"),
            ("a/c.rs", "use super::X;"),
        ];
        assert!(circles(&files).is_empty());
        let back = [
            ("a/mod.rs", "mod b; mod c; pub use b::X;"),
            ("a/b.rs", "use super::c::Z; pub struct X;"),
            ("a/c.rs", "use super::X; pub struct Z;"),
        ];
        assert_eq!(circles(&back), [["a/b.rs", "a/c.rs"]]);
    }

    #[test]
    fn tests_may_use_what_they_want() {
        let files = [
            ("a.rs", "#[cfg(test)] mod tests { use crate::b::X; }"),
            ("b.rs", "use crate::a::X;"),
        ];
        assert!(circles(&files).is_empty());
    }
}
