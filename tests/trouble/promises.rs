//! The README's table of faults names a test for each promise: they exist.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn each_promise_of_the_readme_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let section = readme.split("## When things go wrong").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let mut sources = Vec::new();
    for folder in ["tests", "src"] {
        collect(&root.join(folder), &mut sources);
    }
    let texts: Vec<String> = sources
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let rows: Vec<&str> = section
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(2)
        .collect();
    assert!(rows.len() >= 8, "{} rows", rows.len());
    for row in rows {
        let proof = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let names: Vec<&str> = proof.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "a promise without a test: {row}");
        for name in names {
            // Written out, or made by a macro from a name.
            let made = [format!("fn {name}("), format!(" {name}: \"")];
            let exists = |text: &String| made.iter().any(|made| text.contains(made));
            assert!(texts.iter().any(exists), "no test is called {name}");
        }
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            collect(&path, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
}
