//! The plan of the house, enforced: imports go strictly downward, siblings do not import each other,
//! `unsafe` stays in `sys`, and the top level holds what was agreed and nothing else.

#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(missing_docs)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The modules of the crate by layer, highest first. `lib.rs` and `main.rs` stand above all;
/// `wire` is the part of `lib.rs` that plugs things together.
const LAYERS: &[(u32, &[&str])] = &[
    (6, &["cli", "wire"]),
    (5, &["plan", "sem"]),
    (4, &["run"]),
    (3, &["job", "engine", "report"]),
    (2, &["input", "pipe", "template", "ledger", "sql"]),
    (1, &["model"]),
    (0, &["sys"]),
];

/// What a checkout holds, and nothing else.
const TOP_LEVEL: &[&str] = &[
    ".ci/run",
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
    let mut found = Vec::new();
    for file in sources(&root().join("src")) {
        let inside = file.strip_prefix(root().join("src")).unwrap();
        let module = module_of(inside);
        if module.is_empty() {
            continue;
        }
        let tokens = tokens(&fs::read_to_string(&file).unwrap());
        found.extend(
            violations(&module, &tokens)
                .into_iter()
                .map(|what| format!("src/{}: {what}", inside.display())),
        );
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn unsafe_stays_in_sys() {
    let found: Vec<_> = sources(&root().join("src"))
        .into_iter()
        .filter(|file| !file.starts_with(root().join("src/sys")))
        .filter(|file| has_unsafe(&tokens(&fs::read_to_string(file).unwrap())))
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
        .map(top)
        .filter(|name| !TOP_LEVEL.contains(name))
        .collect();
    assert!(
        strangers.is_empty(),
        "not on the agreed list: {strangers:?}"
    );
}

/// The entry of the top level that `path` belongs to; of `.ci` each file counts.
fn top(path: &str) -> &str {
    match path.split_once('/') {
        Some((folder, _)) if folder != ".ci" => folder,
        _ => path,
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The path of the module that `file` holds: `report/text/mod.rs` is `["report", "text"]`.
fn module_of(file: &Path) -> Vec<String> {
    let mut parts: Vec<String> = file
        .with_extension("")
        .iter()
        .map(|part| part.to_str().unwrap().to_owned())
        .collect();
    if matches!(
        parts.last().map(String::as_str),
        Some("mod" | "lib" | "main")
    ) {
        parts.pop();
    }
    parts
}

fn layer(module: &str) -> Option<u32> {
    LAYERS
        .iter()
        .find(|(_, modules)| modules.contains(&module))
        .map(|(layer, _)| *layer)
}

/// What in the source of `module` reaches up or sideways.
fn violations(module: &[String], tokens: &[String]) -> Vec<String> {
    let own = &module[0];
    let Some(own_layer) = layer(own) else {
        return vec![format!(
            "module `{own}` has no layer; give it one in tests/layering.rs"
        )];
    };
    let mut found = Vec::new();
    for used in used_modules(module, tokens) {
        match layer(&used) {
            _ if used == *own => {}
            Some(below) if below < own_layer => {}
            Some(same) if same == own_layer => {
                found.push(format!(
                    "`{own}` imports its sibling `{used}` (both layer {own_layer})"
                ));
            }
            Some(above) => {
                found.push(format!(
                    "`{own}` (layer {own_layer}) imports upward from `{used}` (layer {above})"
                ));
            }
            None => found.push(format!(
                "`{own}` imports `crate::{used}`, which belongs to no layer"
            )),
        }
    }
    found
}

/// The top modules of the crate that paths in the source of `module` go through.
fn used_modules(module: &[String], tokens: &[String]) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let mut scopes = Scopes::default();
    for at in 0..tokens.len() {
        scopes.step(tokens, at);
        let inside_path = at > 0 && tokens[at - 1] == "::";
        if !matches!(&*tokens[at], "crate" | "super" | "self") || inside_path {
            continue;
        }
        let mut base = module.to_vec();
        base.extend(scopes.names());
        collect(&base, tokens, at, &mut used);
    }
    used
}

/// Follows the path that begins at `tokens[at]`, into groups, and notes the top module of each branch.
/// Returns the position after it.
fn collect(
    base: &[String],
    tokens: &[String],
    mut at: usize,
    used: &mut BTreeSet<String>,
) -> usize {
    let mut path = base.to_vec();
    let mut begun = false;
    loop {
        match tokens.get(at).map_or("", String::as_str) {
            "crate" => path.clear(),
            "super" => drop(path.pop()),
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token != "}") {
                    at = if tokens[at] == "," {
                        at + 1
                    } else {
                        collect(&path, tokens, at, used)
                    };
                }
                return at + 1;
            }
            name if is_word(name) && name != "self" => path.push(name.to_owned()),
            _ => {}
        }
        begun |= !path.is_empty();
        at += 1;
        if tokens.get(at).is_some_and(|token| token == "::") {
            at += 1;
            continue;
        }
        // `use a as b`
        if tokens.get(at).is_some_and(|token| token == "as") {
            at += 2;
        }
        if begun && let Some(top) = path.first() {
            used.insert(top.clone());
        }
        return at;
    }
}

fn is_word(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// The modules written inline (`mod tests { … }`) around a token.
#[derive(Default)]
struct Scopes {
    depth: usize,
    open: Vec<(usize, String)>,
}

impl Scopes {
    fn step(&mut self, tokens: &[String], at: usize) {
        match &*tokens[at] {
            "{" => {
                self.depth += 1;
                if at >= 2 && tokens[at - 2] == "mod" {
                    self.open.push((self.depth, tokens[at - 1].clone()));
                }
            }
            "}" => {
                if self
                    .open
                    .last()
                    .is_some_and(|(depth, _)| *depth == self.depth)
                {
                    self.open.pop();
                }
                self.depth = self.depth.saturating_sub(1);
            }
            _ => {}
        }
    }

    fn names(&self) -> impl Iterator<Item = String> {
        self.open.iter().map(|(_, name)| name.clone())
    }
}

fn has_unsafe(tokens: &[String]) -> bool {
    tokens.iter().any(|token| token == "unsafe")
}

/// The words and punctuation of a Rust source, without comments and the insides of literals.
fn tokens(source: &str) -> Vec<String> {
    let chars: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        at += match rest {
            ['/', '/', ..] => rest.iter().take_while(|char| **char != '\n').count(),
            ['/', '*', ..] => block_comment(rest),
            ['r' | 'b' | 'c' | '"' | '#', ..] if literal(rest) > 0 => literal(rest),
            ['\'', ..] => quote(rest),
            [':', ':', ..] => {
                tokens.push("::".to_owned());
                2
            }
            [char, ..] if char.is_alphanumeric() || *char == '_' => {
                let word: String = rest
                    .iter()
                    .take_while(|char| char.is_alphanumeric() || **char == '_')
                    .collect();
                let length = word.chars().count();
                tokens.push(word);
                length
            }
            [char, ..] => {
                if !char.is_whitespace() {
                    tokens.push(char.to_string());
                }
                1
            }
            [] => 0,
        };
    }
    tokens
}

/// The length of the comment that `rest` begins with; they nest.
fn block_comment(rest: &[char]) -> usize {
    let (mut at, mut depth) = (0, 0);
    while at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => (at, depth) = (at + 2, depth + 1),
            ['*', '/', ..] => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of the string that `rest` begins with, raw or not; 0: it begins with none.
fn literal(rest: &[char]) -> usize {
    let prefix = rest
        .iter()
        .take_while(|char| matches!(char, 'b' | 'c' | 'r'))
        .count();
    if prefix > 2 {
        return 0;
    }
    let raw = rest[..prefix].contains(&'r');
    let hashes = rest[prefix..]
        .iter()
        .take_while(|char| **char == '#')
        .count();
    if rest.get(prefix + hashes) != Some(&'"') || (hashes > 0 && !raw) {
        return 0;
    }
    let mut at = prefix + hashes + 1;
    while at < rest.len() {
        match rest[at] {
            '\\' if !raw => at += 2,
            '"' if rest[at + 1..]
                .iter()
                .take(hashes)
                .filter(|char| **char == '#')
                .count()
                == hashes =>
            {
                return at + 1 + hashes;
            }
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of the character, or of the tick of the lifetime, that `rest` begins with.
fn quote(rest: &[char]) -> usize {
    match rest {
        ['\'', '\\', _, tail @ ..] => 4 + tail.iter().take_while(|char| **char != '\'').count(),
        ['\'', _, '\'', ..] => 3,
        _ => 1,
    }
}

mod the_checker {
    use super::{has_unsafe, module_of, tokens, top, violations};
    use std::path::Path;

    fn found(module: &[&str], source: &str) -> Vec<String> {
        let module: Vec<String> = module.iter().map(|&part| part.to_owned()).collect();
        violations(&module, &tokens(source))
    }

    #[test]
    fn accepts_what_lies_below_and_what_is_its_own() {
        let source = "use crate::model::{Event, Job};\nuse crate::sys;\nuse super::sink::Sink;\nuse std::io;\n";
        assert_eq!(found(&["report", "json"], source), Vec::<String>::new());
    }

    #[test]
    fn sees_an_upward_import_however_it_is_written() {
        for source in [
            "use crate::run::halt;",
            "pub(crate) use crate::run as policy;",
            "use crate::{model::Job, run::{self, halt}};",
            "use crate::{model::{Job, Event}, run};",
            "use crate::\n    run\n    ::halt;",
            "fn f() { crate::run::go(); }",
            "use super::super::run::halt;",
            "use super::super::{model, run};",
            "mod tests { use super::super::super::run; }",
            "type T = Vec<crate::run::Slot>;",
            "macro_rules! m { () => { $crate::run::go() } }",
            "use crate::run::*;",
        ] {
            let found = found(&["input", "lines"], source);
            assert_eq!(found.len(), 1, "{source}: {found:?}");
            assert!(
                found[0].contains("upward from `run`"),
                "{source}: {found:?}"
            );
        }
    }

    #[test]
    fn sees_a_sibling() {
        let found = found(&["template"], "use crate::{input::Source, model::Job};");
        assert_eq!(
            found,
            ["`template` imports its sibling `input` (both layer 2)"]
        );
    }

    #[test]
    fn wants_a_layer_for_every_module() {
        assert!(found(&["misc"], "")[0].contains("no layer"));
        assert!(found(&["run"], "use crate::misc::x;")[0].contains("no layer"));
    }

    #[test]
    fn knows_code_from_comments_and_strings() {
        for source in [
            "// use crate::cli;\n",
            "/* use crate::cli; /* nested */ use crate::cli; */",
            "/// [`crate::cli`]\nfn f() {}",
            "const A: &str = \"use crate::cli;\";",
            "const A: &str = \"a \\\" use crate::cli;\";",
            "const A: &[u8] = br#\"a \" use crate::cli;\"#;",
            "const A: char = '\"'; const B: &str = \"crate::cli\";",
            "const A: char = '\\''; // crate::cli",
            "fn f<'a>(x: &'a str) -> &'a str { x } // 'crate::cli",
            "pub(crate) fn f() {}\npub(in crate::sys) fn g() {}",
        ] {
            assert_eq!(found(&["sys"], source), Vec::<String>::new(), "{source}");
            assert!(
                !has_unsafe(&tokens(&source.replace("crate::cli", "unsafe"))),
                "{source}"
            );
        }
    }

    #[test]
    fn resolves_super_from_where_it_stands() {
        assert_eq!(
            found(&["run", "gate", "load"], "use super::super::halt;"),
            Vec::<String>::new()
        );
        assert_eq!(
            found(
                &["run", "gate"],
                "mod tests { use super::super::halt; } use super::queue;"
            )
            .len(),
            0
        );
        assert_eq!(
            found(
                &["run"],
                "mod tests { use super::*; use super::super::cli; }"
            )
            .len(),
            1
        );
    }

    #[test]
    fn finds_unsafe_code() {
        assert!(has_unsafe(&tokens("fn f() { unsafe { g() } }")));
        assert!(!has_unsafe(&tokens("#![deny(unsafe_code)]")));
    }

    #[test]
    fn knows_modules_and_top_level_entries_by_their_paths() {
        assert_eq!(
            module_of(Path::new("report/text/mod.rs")),
            ["report", "text"]
        );
        assert_eq!(module_of(Path::new("plan.rs")), ["plan"]);
        assert!(module_of(Path::new("lib.rs")).is_empty());
        assert_eq!(top("src/a/b.rs"), "src");
        assert_eq!(top(".ci/run"), ".ci/run");
        assert_eq!(top(".ci/extra"), ".ci/extra");
    }
}
