//! The plan of the tree, enforced: imports go strictly downward, siblings do not import each other, files do
//! not import each other in a circle, `unsafe` stays in `sys`, and the top level holds what was agreed.

#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(missing_docs, unreachable_pub)]

mod circles;
mod imports;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use imports::Source;

/// The modules of the crate by layer, highest first. `lib.rs` and `main.rs` stand above all;
/// `wire` is the part of `lib.rs` that plugs things together.
const LAYERS: &[(u32, &[&str])] = &[
    (9, &["app", "cli"]),
    (8, &["plan", "sem"]),
    (7, &["run"]),
    (6, &["engine", "job", "reduce", "report"]),
    (5, &["exec"]),
    (4, &["input", "pipe", "template", "ledger", "sql", "hosts"]),
    (3, &["protocol", "record"]),
    (2, &["model"]),
    (1, &["flow"]),
    (0, &["sys"]),
];

/// Groups of files that still import each other in a circle, each named by its first file in alphabetical
/// order. A circle that is gone fails the test until its line is removed here.
const KNOWN_CIRCLES: &[&str] = &[
    "app/engine.rs",
    "app/jobs.rs",
    "exec/capture/mod.rs",
    "exec/shell/environ.rs",
    "flow/spool/captured.rs",
    "input/count.rs",
    "pipe/mod.rs",
    "sql/postgresql.rs",
    "template/mod.rs",
    "template/rpl.rs",
];

/// What a checkout holds, and nothing else.
const TOP_LEVEL: &[&str] = &[
    ".ci",
    ".gitignore",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "benches",
    "examples",
    "src",
    "tests",
];

#[test]
fn imports_go_strictly_downward() {
    let found: Vec<_> = crate_sources()
        .iter()
        .flat_map(|source| {
            let found = violations(source);
            found
                .into_iter()
                .map(move |what| format!("src/{}: {what}", source.file))
        })
        .collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn files_do_not_import_each_other_in_a_circle() {
    let circles = circles::find(crate_sources());
    let unknown: Vec<_> = circles
        .iter()
        .filter(|circle| !KNOWN_CIRCLES.contains(&&*circle[0]))
        .map(|circle| circle.join(" <-> "))
        .collect();
    assert!(
        unknown.is_empty(),
        "files that import each other in a circle:\n{}",
        unknown.join("\n")
    );
    for known in KNOWN_CIRCLES {
        assert!(
            circles.iter().any(|circle| circle[0] == **known),
            "the circle of {known} is gone: remove it from KNOWN_CIRCLES"
        );
    }
}

#[test]
fn unsafe_stays_in_sys() {
    let found: Vec<_> = crate_sources()
        .iter()
        .filter(|source| !source.file.starts_with("sys/") && source.has_unsafe)
        .map(|source| &source.file)
        .collect();
    assert!(found.is_empty(), "`unsafe` outside src/sys: {found:?}");
}

#[test]
fn the_top_level_holds_what_was_agreed() {
    let listing = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root())
        .output();
    // A published crate is no git checkout; what it holds is decided by `cargo package`.
    let Ok(listing) = listing.map(|output| output.stdout).map(String::from_utf8) else {
        return;
    };
    let listing = listing.unwrap();
    let strangers: BTreeSet<_> = listing
        .split_terminator('\0')
        .map(|path| path.split('/').next().unwrap_or(path))
        .filter(|name| !TOP_LEVEL.contains(name))
        .collect();
    assert!(
        strangers.is_empty(),
        "not on the agreed list: {strangers:?}"
    );
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the crate, read once.
fn crate_sources() -> &'static [Source] {
    static SOURCES: OnceLock<Vec<Source>> = OnceLock::new();
    SOURCES.get_or_init(|| {
        let folder = root().join("src");
        let read = |path: PathBuf| {
            let file = path.strip_prefix(&folder).unwrap().to_str().unwrap();
            Source::read(file, &fs::read_to_string(&path).unwrap())
        };
        rust_files(&folder).into_iter().map(read).collect()
    })
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn layer(module: &str) -> Option<u32> {
    LAYERS
        .iter()
        .find(|(_, modules)| modules.contains(&module))
        .map(|(layer, _)| *layer)
}

/// What in `source` reaches up or sideways.
fn violations(source: &Source) -> Vec<String> {
    // `lib.rs` and `main.rs` may use everything.
    let Some(own) = source.module.first() else {
        return Vec::new();
    };
    let Some(own_layer) = layer(own) else {
        return vec![format!(
            "module `{own}` has no layer; give it one in tests/layering"
        )];
    };
    let tops: BTreeSet<&String> = source
        .imports
        .iter()
        .filter_map(|import| import.path.first())
        .collect();
    let mut found = Vec::new();
    for used in tops {
        match layer(used) {
            _ if used == own => {}
            Some(below) if below < own_layer => {}
            Some(same) if same == own_layer => found.push(format!(
                "`{own}` imports its sibling `{used}` (both layer {own_layer})"
            )),
            Some(above) => found.push(format!(
                "`{own}` (layer {own_layer}) imports upward from `{used}` (layer {above})"
            )),
            None => found.push(format!(
                "`{own}` imports `crate::{used}`, which belongs to no layer"
            )),
        }
    }
    found
}

mod the_checker {
    use super::{Source, violations};

    fn found(file: &str, text: &str) -> Vec<String> {
        violations(&Source::read(file, text))
    }

    #[test]
    fn accepts_what_lies_below_and_what_is_its_own() {
        let text = "use crate::model::{Event, Job};\nuse crate::sys;\nuse super::sink::Sink;\nuse std::io;\n";
        assert_eq!(found("report/json.rs", text), Vec::<String>::new());
    }

    #[test]
    fn sees_an_upward_import_however_it_is_written() {
        for text in [
            "use crate::run::halt;",
            "pub(crate) use crate::run as policy;",
            "use crate::{model::Job, run::{self, halt}};",
            "use crate::{model::{Job, Event}, run};",
            "use crate::\n    run\n    ::halt;",
            "fn f() { crate::run::go(); }",
            "fn f() { println!(\"{}\", crate::run::go()); }",
            "use super::super::run::halt;",
            "use super::super::{model, run};",
            "mod tests { use super::super::super::run; }",
            "type T = Vec<crate::run::Slot>;",
            "macro_rules! m { () => { $crate::run::go() } }",
            "use crate::run::*;",
        ] {
            let found = found("input/lines.rs", text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(found[0].contains("upward from `run`"), "{text}: {found:?}");
        }
    }

    #[test]
    fn sees_a_sibling() {
        let found = found("template/mod.rs", "use crate::{input::Source, model::Job};");
        assert_eq!(
            found,
            ["`template` imports its sibling `input` (both layer 4)"]
        );
    }

    #[test]
    fn wants_a_layer_for_every_module() {
        assert!(found("misc.rs", "")[0].contains("no layer"));
        assert!(found("run.rs", "use crate::misc::x;")[0].contains("no layer"));
    }

    #[test]
    fn knows_code_from_comments_and_strings() {
        for text in [
            "// use crate::cli;\n",
            "/* use crate::cli; /* nested */ use crate::cli; */",
            "/// [`crate::cli`]\nfn f() {}",
            "const A: &str = \"use crate::cli;\";",
            "const A: &[u8] = br#\"a \" use crate::cli;\"#;",
            "const A: char = '\\''; // crate::cli",
            "pub(crate) fn f() {}\npub(in crate::sys) fn g() {}",
        ] {
            assert_eq!(found("sys/a.rs", text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn resolves_super_from_where_it_stands() {
        let none = Vec::<String>::new();
        assert_eq!(found("run/gate/load.rs", "use super::super::halt;"), none);
        let inside = "mod tests { use super::super::halt; } use super::queue;";
        assert_eq!(found("run/gate/mod.rs", inside), none);
        let above = "mod tests { use super::*; use super::super::cli; }";
        assert_eq!(found("run/mod.rs", above).len(), 1);
    }

    #[test]
    fn finds_unsafe_code() {
        for text in [
            "fn f() { unsafe { g() } }",
            "unsafe fn f() {}",
            "unsafe impl Send for A {}",
            "macro_rules! m { () => { unsafe { g() } } }",
        ] {
            assert!(Source::read("a.rs", text).has_unsafe, "{text}");
        }
        let none = "#![deny(unsafe_code)] // unsafe\nconst A: &str = \"unsafe\";";
        assert!(!Source::read("a.rs", none).has_unsafe);
    }
}
