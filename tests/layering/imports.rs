//! Reads the imports of a source file: every path in it that begins at the crate, at a module around it, or at
//! one of its own child modules.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, Path, UseTree, Visibility};

/// The path of a module from the root of the crate: `report::text` is `["report", "text"]`.
pub type Module = Vec<String>;

/// One path that a file uses.
#[derive(Debug, PartialEq, Eq)]
pub struct Import {
    /// From the root of the crate, down to the item.
    pub path: Module,
    /// The name by which the file passes the item on, where it only re-exports it (`*`: all that is there).
    pub reexported_as: Option<String>,
    /// Whether only code for tests uses it.
    pub in_tests: bool,
}

/// A source file of the crate.
#[derive(Debug)]
pub struct Source {
    /// Its path below `src`.
    pub file: String,
    /// The module that it holds.
    pub module: Module,
    pub imports: Vec<Import>,
    pub has_unsafe: bool,
}

impl Source {
    /// Reads the file `file`, which holds `text`.
    ///
    /// # Panics
    ///
    /// When that is no Rust.
    pub fn read(file: &str, text: &str) -> Self {
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let module = module_of(file);
        let mut reader = Reader {
            at: module.clone(),
            children: vec![child_modules(&parsed.items)],
            in_tests: parsed.attrs.iter().any(is_for_tests),
            imports: Vec::new(),
        };
        reader.visit_file(&parsed);
        Self {
            file: file.to_owned(),
            module,
            imports: reader.imports,
            has_unsafe: has_unsafe(text.parse().unwrap()),
        }
    }
}

/// The module that `file` holds; `lib.rs` and `main.rs` hold the root.
fn module_of(file: &str) -> Module {
    let path = file.strip_suffix(".rs").unwrap_or(file);
    let mut parts: Module = path.split('/').map(str::to_owned).collect();
    if matches!(
        parts.last().map(String::as_str),
        Some("mod" | "lib" | "main")
    ) {
        parts.pop();
    }
    parts
}

fn child_modules(items: &[Item]) -> Vec<String> {
    items
        .iter()
        .filter_map(|item| match item {
            Item::Mod(module) => Some(module.ident.to_string()),
            _ => None,
        })
        .collect()
}

/// `#[cfg(test)]`
fn is_for_tests(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute
            .parse_args::<syn::Path>()
            .is_ok_and(|what| what.is_ident("test"))
}

fn has_unsafe(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => has_unsafe(group.stream()),
        TokenTree::Ident(word) => word == "unsafe",
        _ => false,
    })
}

struct Reader {
    /// The module around the code that is being read.
    at: Module,
    /// The names of the child modules of each module that is open, the file's first.
    children: Vec<Vec<String>>,
    in_tests: bool,
    imports: Vec<Import>,
}

impl Reader {
    /// Notes the path `segments`, if it leads into the crate.
    fn note(&mut self, segments: &[String], reexported_as: Option<String>) {
        let Some(first) = segments.first() else {
            return;
        };
        let mut path = match &**first {
            "crate" => Vec::new(),
            "self" | "super" => self.at.clone(),
            // A lone name is an item, most often; only a path can lead into a child module.
            child if segments.len() > 1 && self.has_child(child) => {
                let mut path = self.at.clone();
                path.push(first.clone());
                path
            }
            _ => return,
        };
        for (index, segment) in segments.iter().enumerate() {
            match &**segment {
                "super" => drop(path.pop()),
                "crate" | "self" => {}
                _ if index == 0 => {}
                name => path.push(name.to_owned()),
            }
        }
        self.imports.push(Import {
            path,
            reexported_as,
            in_tests: self.in_tests,
        });
    }

    fn has_child(&self, name: &str) -> bool {
        self.children
            .last()
            .is_some_and(|children| children.iter().any(|child| child == name))
    }

    fn note_tree(&mut self, before: &[String], tree: &UseTree, passed_on: bool) {
        let mut path = before.to_vec();
        let (name, known_as) = match tree {
            UseTree::Path(step) => {
                path.push(step.ident.to_string());
                return self.note_tree(&path, &step.tree, passed_on);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.note_tree(&path, tree, passed_on);
                }
                return;
            }
            UseTree::Name(name) => (name.ident.to_string(), name.ident.to_string()),
            UseTree::Rename(name) => (name.ident.to_string(), name.rename.to_string()),
            UseTree::Glob(_) => (String::new(), "*".to_owned()),
        };
        if !name.is_empty() {
            path.push(name);
        }
        self.note(&path, passed_on.then_some(known_as));
    }

    /// Notes what looks like a path from the crate in the tokens of a macro.
    fn note_tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (index, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.note_tokens(group.stream()),
                TokenTree::Ident(word) if word == "crate" || word == "super" => {
                    let path = path_in(&tokens[index..]);
                    self.note(&path, None);
                }
                _ => {}
            }
        }
    }
}

/// The words of the path that `tokens` begin with.
fn path_in(tokens: &[TokenTree]) -> Vec<String> {
    let mut path = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match (index % 3, token) {
            (0, TokenTree::Ident(word)) => path.push(word.to_string()),
            (1 | 2, TokenTree::Punct(colon)) if colon.as_char() == ':' => {}
            _ => break,
        }
    }
    path
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        let was_in_tests = self.in_tests;
        let attributes = match item {
            Item::Fn(item) => &item.attrs[..],
            Item::Impl(item) => &item.attrs[..],
            Item::Mod(item) => &item.attrs[..],
            Item::Use(item) => &item.attrs[..],
            _ => &[],
        };
        self.in_tests |= attributes.iter().any(is_for_tests);
        visit::visit_item(self, item);
        self.in_tests = was_in_tests;
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        let Some((_, items)) = &module.content else {
            return;
        };
        self.at.push(module.ident.to_string());
        self.children.push(child_modules(items));
        visit::visit_item_mod(self, module);
        self.children.pop();
        self.at.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let passed_on = !matches!(item.vis, Visibility::Inherited);
        self.note_tree(&[], &item.tree, passed_on);
    }

    /// `pub(in crate::sys)` imports nothing.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_path(&mut self, path: &'ast Path) {
        let segments: Vec<String> = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect();
        self.note(&segments, None);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.note_tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }
}

#[test]
fn knows_modules_by_their_files() {
    assert_eq!(module_of("report/text/mod.rs"), ["report", "text"]);
    assert_eq!(module_of("plan.rs"), ["plan"]);
    assert!(module_of("lib.rs").is_empty());
}

#[test]
fn sees_re_exports_child_modules_and_code_for_tests() {
    let text = "mod a; pub use a::B; use a::C;\n#[cfg(test)] mod tests { use super::D; }\nfn f() { a::g() }";
    let source = Source::read("x/mod.rs", text);
    let seen: Vec<_> = source
        .imports
        .iter()
        .map(|it| (it.path.join("::"), it.reexported_as.as_deref(), it.in_tests))
        .collect();
    let expected = [
        ("x::a::B".to_owned(), Some("B"), false),
        ("x::a::C".to_owned(), None, false),
        ("x::D".to_owned(), None, true),
        ("x::a::g".to_owned(), None, false),
    ];
    assert_eq!(seen, expected);
}
