//! Which command lines a shell can run one after the other without any of them leaving a trace.
//!
//! A line is pure if it consists of nothing but builtins that only print or compare: `echo`, `printf`,
//! `:`, `true`, `false`, `test`, `[`; of exported functions of bash whose bodies consist of nothing else
//! and `local` and `return`; joined by `;`, `&&`, `||`, `{ }` and `if`. Its words are literal, or values
//! of variables that were in the environment. What it prints and how it ends is then the same in a
//! shell that has run others before, and running it twice is no different from running it once.
//!
//! This is a list of what is known to be harmless. Everything else is not pure: every other builtin,
//! program, redirection, expansion, and every variable that a shell gives a value of its own.

mod known;

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use self::known::{BUILTINS, is_bounded_format, is_changing, is_identifier};
use crate::exec::shell::ShellKind;
use crate::exec::shell::environ;

/// What to know about a pure line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purity {
    /// It may print on standard error.
    pub to_stderr: bool,
    /// A builtin in it may print an error message of its own on standard error.
    pub fallible: bool,
    /// It uses `$PARALLEL_SEQ` or `$PARALLEL_JOBSLOT`.
    pub job_variables: bool,
}

impl Purity {
    fn and(&mut self, other: Self) {
        self.to_stderr |= other.to_stderr;
        self.fallible |= other.fallible;
        self.job_variables |= other.job_variables;
    }
}

/// Tells pure lines from others, for one shell and one environment.
#[derive(Debug)]
pub struct PureLines {
    /// Variables whose values a line may use.
    variables: HashSet<Vec<u8>>,
    /// Functions that came with the environment; none is pure before it was looked at.
    functions: HashMap<Vec<u8>, Vec<u8>>,
}

/// Lines longer than this are not for a shell that runs many, in bytes.
const LONGEST: usize = 4096;
/// Nor are variables with longer values: what a pure line prints is bounded by its length.
const LONGEST_VALUE: usize = 1024;
/// How deep functions may call each other.
const DEEPEST: usize = 3;

impl PureLines {
    /// Pure lines of a shell of kind `kind` that is started in the environment `env`; `None` if there are
    /// none.
    pub fn new(kind: ShellKind, env: &[(OsString, OsString)]) -> Option<Self> {
        let functions = match kind {
            ShellKind::Bash => bodies(env),
            ShellKind::Dash | ShellKind::Zsh => HashMap::new(),
            ShellKind::Other => return None,
        };
        // With one of these the lines around each job would not do what they say.
        let around: [&[u8]; 4] = [b"read", b".", b"while", b"exit"];
        let mut ours = BUILTINS.iter().chain(&around);
        if ours.any(|name| functions.contains_key(*name)) {
            return None;
        }
        let fixed = env.iter().filter(|(name, value)| {
            is_identifier(name.as_bytes())
                && !is_changing(name.as_bytes())
                && value.len() <= LONGEST_VALUE
                // Zsh ties variables to each other and gives many a meaning.
                && (kind != ShellKind::Zsh || name.as_bytes().starts_with(b"PARALLEL_"))
        });
        let variables = fixed.map(|(name, _)| name.as_bytes().to_vec()).collect();
        Some(Self {
            variables,
            functions,
        })
    }

    /// What to know about `line`, if it is pure.
    pub fn purity(&self, line: &[u8]) -> Option<Purity> {
        if line.len() > LONGEST {
            return None;
        }
        let mut reader = Reader {
            rules: self,
            rest: line,
            locals: Vec::new(),
            depth: 0,
            purity: Purity::default(),
        };
        reader.list(&[])?;
        reader.done()
    }
}

/// The bodies of the functions that bash finds in `env`.
fn bodies(env: &[(OsString, OsString)]) -> HashMap<Vec<u8>, Vec<u8>> {
    let mut bodies: HashMap<_, _> = environ::functions(env)
        .into_iter()
        .map(|name| (name, Vec::new()))
        .collect();
    for (name, value) in env {
        let name = name
            .as_bytes()
            .strip_prefix(b"BASH_FUNC_")
            .and_then(|name| name.strip_suffix(b"%%"));
        let body = value.as_bytes().strip_prefix(b"() ");
        if let (Some(name), Some(body)) = (name, body)
            && let Some(place) = bodies.get_mut(name)
        {
            *place = body.to_vec();
        }
    }
    bodies
}

/// One word of a command.
#[derive(Debug, Default)]
struct Word {
    /// What it says, as far as it is literal.
    text: Vec<u8>,
    /// Whether anything of it was quoted.
    quoted: bool,
    /// Whether a value goes into it.
    expands: bool,
    /// Whether it may become more than one word, or none.
    splits: bool,
}

impl Word {
    fn is(&self, text: &[u8]) -> bool {
        !self.quoted && !self.expands && self.text == text
    }

    fn is_literal(&self) -> bool {
        !self.expands
    }
}

/// Reads a line, or a function's body, as long as it is pure.
struct Reader<'a> {
    rules: &'a PureLines,
    rest: &'a [u8],
    /// Variables that functions on the way here have made their own.
    locals: Vec<Vec<u8>>,
    /// How many functions led here.
    depth: usize,
    purity: Purity,
}

impl<'a> Reader<'a> {
    /// What was found out, if everything was read and nothing in it conflicts.
    fn done(self) -> Option<Purity> {
        // Its own words and a message could not be told apart.
        let clear = !(self.purity.to_stderr && self.purity.fallible);
        (self.rest.is_empty() && clear).then_some(self.purity)
    }

    /// Commands up to one of the keywords `ends`, which is read too; without any, to the end.
    fn list(&mut self, ends: &[&'static [u8]]) -> Option<&'static [u8]> {
        let mut commands = 0;
        loop {
            self.blanks(true);
            if self.rest.is_empty() {
                return (ends.is_empty() && commands > 0).then_some(b"");
            }
            if commands > 0
                && let Some(end) = ends.iter().find(|end| self.at_keyword(end))
            {
                self.rest = &self.rest[end.len()..];
                return Some(end);
            }
            self.and_or()?;
            commands += 1;
            self.blanks(false);
            match self.rest.first() {
                None => {}
                Some(b'\n') => self.rest = &self.rest[1..],
                Some(b';') if self.rest.get(1) != Some(&b';') => self.rest = &self.rest[1..],
                _ => return None,
            }
        }
    }

    /// Commands joined by `&&` and `||`.
    fn and_or(&mut self) -> Option<()> {
        loop {
            self.command()?;
            self.blanks(false);
            match self.rest {
                [b'&', b'&', rest @ ..] | [b'|', b'|', rest @ ..] => self.rest = rest,
                _ => return Some(()),
            }
            self.blanks(true);
        }
    }

    fn command(&mut self) -> Option<()> {
        if self.take_keyword(b"if") {
            let mut end = self.list(&[b"then"])?;
            while end != b"fi" {
                end = match end {
                    b"then" => self.list(&[b"elif", b"else", b"fi"])?,
                    b"elif" => self.list(&[b"then"])?,
                    _ => self.list(&[b"fi"])?,
                };
            }
            return Some(());
        }
        if self.take_keyword(b"{") {
            return self.list(&[b"}"]).map(|_| ());
        }
        self.simple_command()
    }

    fn at_keyword(&self, keyword: &[u8]) -> bool {
        let Some(after) = self.rest.strip_prefix(keyword) else {
            return false;
        };
        matches!(after.first(), None | Some(b' ' | b'\t' | b'\n' | b';'))
    }

    fn take_keyword(&mut self, keyword: &[u8]) -> bool {
        let there = self.at_keyword(keyword);
        if there {
            self.rest = &self.rest[keyword.len()..];
        }
        there
    }

    fn blanks(&mut self, newlines: bool) {
        while let [b' ' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
        if newlines && let [b'\n', rest @ ..] = self.rest {
            self.rest = rest;
            self.blanks(true);
        }
    }

    /// A builtin or a function, with its words and redirections.
    fn simple_command(&mut self) -> Option<()> {
        let mut words = Vec::new();
        loop {
            self.blanks(false);
            match self.rest.first() {
                None | Some(b';' | b'\n' | b'&' | b'|') => break,
                Some(b'>') => self.redirection(1)?,
                Some(_) => {
                    let word = self.word()?;
                    // A number right before the arrow is a descriptor.
                    match self.rest.first() {
                        Some(b'>') if word.is(b"1") => self.redirection(1)?,
                        Some(b'>') if word.is(b"2") => self.redirection(2)?,
                        Some(b'>') if word.text.iter().all(u8::is_ascii_digit) => return None,
                        _ => words.push(word),
                    }
                }
            }
        }
        let (name, args) = words.split_first()?;
        if name.quoted || name.expands {
            return None;
        }
        self.call(&name.text, args)
    }

    /// `>&2`, or `/dev/null` for either output.
    fn redirection(&mut self, from: u8) -> Option<()> {
        let after = self.rest.strip_prefix(b">")?;
        if let Some(after) = after.strip_prefix(b"&2") {
            let ends = matches!(after.first(), None | Some(b' ' | b'\t' | b'\n' | b';'));
            self.purity.to_stderr = true;
            self.rest = after;
            return (ends && from == 1).then_some(());
        }
        self.rest = after;
        self.blanks(false);
        self.word()?.is(b"/dev/null").then_some(())
    }

    fn word(&mut self) -> Option<Word> {
        let mut word = Word::default();
        while let Some((&byte, after)) = self.rest.split_first() {
            match byte {
                b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'>' => break,
                b'\'' => {
                    let end = memchr::memchr(b'\'', after)?;
                    word.text.extend_from_slice(&after[..end]);
                    word.quoted = true;
                    self.rest = &after[end + 1..];
                    continue;
                }
                b'"' => {
                    self.rest = after;
                    self.double_quoted(&mut word)?;
                    continue;
                }
                b'$' => {
                    self.rest = after;
                    self.value(&mut word)?;
                    word.splits = true;
                    continue;
                }
                // Zsh gives `=` at the beginning of a word a meaning.
                b'=' if word.text.is_empty() && matches!(after.first(), None | Some(b' ')) => {}
                b'=' if word.text.is_empty() => return None,
                // The first and the last word of a test, and its `!`.
                b'[' | b']' | b'!'
                    if word.text.is_empty()
                        && !word.quoted
                        && matches!(
                            after.first(),
                            None | Some(b' ' | b'\t' | b';' | b'\n' | b'&' | b'|')
                        ) => {}
                b'!' if word.text.is_empty() && after.first() == Some(&b'=') => {}
                _ if is_plain(byte) => {}
                _ => return None,
            }
            word.text.push(byte);
            self.rest = after;
        }
        Some(word)
    }

    fn double_quoted(&mut self, word: &mut Word) -> Option<()> {
        word.quoted = true;
        while let Some((&byte, after)) = self.rest.split_first() {
            self.rest = after;
            match byte {
                b'"' => return Some(()),
                b'`' | b'\\' | b'!' => return None,
                b'$' => self.value(word)?,
                _ => word.text.push(byte),
            }
        }
        None
    }

    /// The value of a variable or parameter; its `$` has been read.
    fn value(&mut self, word: &mut Word) -> Option<()> {
        word.expands = true;
        let (braced, text) = match self.rest.strip_prefix(b"{") {
            Some(text) => (true, text),
            None => (false, self.rest),
        };
        let letters = text
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
            .count();
        let (name, mut after) = match text.first()? {
            b'?' | b'#' | b'@' | b'*' => text.split_at(1),
            // What `$10` is depends on the shell.
            byte if byte.is_ascii_digit() && letters > 1 => return None,
            byte if byte.is_ascii_digit() => text.split_at(1),
            _ => text.split_at(letters),
        };
        if braced {
            after = after.strip_prefix(b"}")?;
        }
        self.rest = after;
        match name {
            b"PARALLEL_SEQ" | b"PARALLEL_JOBSLOT" => self.purity.job_variables = true,
            b"?" | b"#" | b"*" => {}
            b"@" => word.splits = true,
            [digit] if digit.is_ascii_digit() => return (*digit != b'0').then_some(()),
            name if self.locals.iter().any(|local| local == name) => {}
            name => return self.rules.variables.contains(name).then_some(()),
        }
        Some(())
    }

    fn call(&mut self, name: &[u8], args: &[Word]) -> Option<()> {
        let rules: &'a PureLines = self.rules;
        if let Some(body) = rules.functions.get(name) {
            return self.function(body);
        }
        match name {
            b"echo" | b":" | b"true" | b"false" => Some(()),
            b"printf" => self.printf(args),
            b"test" => self.test(args),
            b"[" => {
                let (end, args) = args.split_last()?;
                end.is(b"]").then(|| self.test(args))?
            }
            b"local" if self.depth > 0 => self.local(args),
            b"return" if self.depth > 0 => is_status(args).then_some(()),
            _ => None,
        }
    }

    fn function(&mut self, body: &'a [u8]) -> Option<()> {
        if self.depth == DEEPEST {
            return None;
        }
        let mut inner = Reader {
            rules: self.rules,
            rest: body,
            locals: self.locals.clone(),
            depth: self.depth + 1,
            purity: Purity::default(),
        };
        inner.list(&[])?;
        let purity = inner.done()?;
        self.purity.and(purity);
        Some(())
    }

    /// `printf` with a format that says how long its output can get.
    fn printf(&mut self, args: &[Word]) -> Option<()> {
        let format = args.first().filter(|format| format.is_literal())?;
        self.purity.fallible = true;
        (!format.text.starts_with(b"-") && is_bounded_format(&format.text)).then_some(())
    }

    /// A comparison of strings or numbers.
    fn test(&mut self, args: &[Word]) -> Option<()> {
        self.purity.fallible = true;
        let args = match args {
            [not, args @ ..] if not.is(b"!") => args,
            args => args,
        };
        let single = |word: &Word| !word.splits;
        let is_one_of = |word: &Word, names: &[&[u8]]| names.iter().any(|name| word.is(name));
        let pure = match args {
            [one] => single(one),
            [operator, one] => is_one_of(operator, &[b"-n", b"-z"]) && single(one),
            [one, operator, other] => {
                single(one)
                    && single(other)
                    && is_one_of(
                        operator,
                        &[b"=", b"!=", b"-eq", b"-ne", b"-lt", b"-le", b"-gt", b"-ge"],
                    )
            }
            _ => false,
        };
        pure.then_some(())
    }

    /// Variables that are gone when the function returns.
    fn local(&mut self, args: &[Word]) -> Option<()> {
        for arg in args {
            let name = arg.text.split(|&byte| byte == b'=').next()?;
            let whole = arg.text.len() == name.len();
            if !is_identifier(name)
                || is_changing(name)
                || name.starts_with(b"LC_")
                || name == b"LANG"
                || name.starts_with(b"PARALLEL_")
                || (whole && arg.expands)
            {
                return None;
            }
            self.locals.push(name.to_vec());
        }
        // Without a value it is unset, or has that of a caller's.
        (!args.is_empty()).then_some(())
    }
}

fn is_status(args: &[Word]) -> bool {
    match args {
        [] => true,
        [status] => {
            status.is_literal()
                && (1..=2).contains(&status.text.len())
                && status.text.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    }
}

/// Whether a byte stands for itself wherever it stands, without quotes.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_./+,:@%^-=".contains(&byte)
}

#[cfg(test)]
mod tests;
