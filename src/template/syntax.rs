//! The table of replacement strings: what can be written, and what it stands for.

use std::sync::Arc;

use memchr::memmem;

use super::columns::Columns;
use super::edit::{self, Edit, Parsed};
use super::format::{self, Format};
use super::rpl::Rpl;
use super::transforms::{self, Transform};
use crate::model::ArgList;

/// What a replacement string stands for.
#[derive(Clone, Debug)]
pub enum What {
    /// The job's arguments, changed by a function.
    Arg(Transform),
    /// The job's number.
    Seq,
    /// The number of the slot that the job runs in.
    Slot,
    /// How many jobs there are.
    Total,
    /// The job's number, with zeros in front of it as the last job's needs digits.
    PaddedSeq,
    /// The slot's number, with zeros in front of it.
    PaddedSlot,
    /// This, for the shell to read.
    Shell(&'static str),
    /// The job's arguments, edited.
    Edit(Arc<Edit>),
    /// The job's arguments; a job is skipped if this says so of them.
    SkipIf(fn(&ArgList) -> bool),
    /// The job's arguments, changed by a Perl expression.
    Perl(Arc<Expression>),
}

/// A Perl expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    /// The expression; `$$1` and so on stand for the parameters.
    pub code: Vec<u8>,
    /// What was matched by the groups of a replacement string that was defined with some.
    pub params: Vec<Vec<u8>>,
    /// What the user wrote.
    pub typed: Vec<u8>,
}

impl PartialEq for What {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Arg(one), Self::Arg(other)) => std::ptr::fn_addr_eq(*one, *other),
            (Self::SkipIf(one), Self::SkipIf(other)) => std::ptr::fn_addr_eq(*one, *other),
            (Self::Shell(one), Self::Shell(other)) => one == other,
            (Self::Edit(one), Self::Edit(other)) => one == other,
            (Self::Perl(one), Self::Perl(other)) => one == other,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

impl What {
    /// Whether it is made from arguments, one by one.
    pub(super) fn is_of_arguments(&self) -> bool {
        matches!(
            self,
            Self::Arg(_) | Self::Edit(_) | Self::SkipIf(_) | Self::Perl(_)
        )
    }

    /// Whether it is the number of the job or of its slot.
    pub(super) fn is_number(&self) -> bool {
        matches!(
            self,
            Self::Seq | Self::Slot | Self::PaddedSeq | Self::PaddedSlot
        )
    }

    /// Whether it has to do with the slot of the job.
    pub(super) fn is_of_slot(&self) -> bool {
        match self {
            Self::Perl(expression) => memchr::memmem::find(&expression.code, b"slot").is_some(),
            Self::Slot | Self::PaddedSlot => true,
            _ => false,
        }
    }

    /// What the Perl expression `code` stands for; not all need Perl.
    pub(super) fn expression(code: &[u8], params: Vec<Vec<u8>>, typed: &[u8]) -> Self {
        if code.trim_ascii().is_empty() {
            return Self::Arg(transforms::whole);
        }
        if let Some(edit) = edit::from_substitution(code) {
            return Self::Edit(Arc::new(edit));
        }
        Self::Perl(Arc::new(Expression {
            code: code.to_vec(),
            params,
            typed: typed.to_vec(),
        }))
    }
}

/// The replacement strings that a template may use.
#[derive(Clone, Debug, PartialEq)]
pub struct Syntax {
    pub(super) entries: Vec<Entry>,
    rpl: Vec<Rpl>,
    /// Whether the edits of `--plus` are there.
    edits: bool,
    /// What encloses a Perl expression.
    pub(super) parens: (Vec<u8>, Vec<u8>),
    /// The regexps of `--match`, that of the first source first.
    pub(super) matches: Vec<Vec<u8>>,
    columns: Columns,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    spelling: Vec<u8>,
    pub(super) what: What,
    /// How its value is written.
    formats: Vec<Format>,
    /// The Perl code that the user gave it.
    pub(super) code: Option<Vec<u8>>,
}

/// Those that GNU parallel has without further options. Each that is written in braces has a form
/// for one argument, too: `{/}` gives `{2/}` and `{-1/}`.
const GNU: [(&str, What); 7] = [
    ("{}", What::Arg(transforms::whole)),
    ("{.}", What::Arg(transforms::no_extension)),
    ("{/}", What::Arg(transforms::basename)),
    ("{//}", What::Arg(transforms::dirname)),
    ("{/.}", What::Arg(transforms::basename_no_extension)),
    ("{#}", What::Seq),
    ("{%}", What::Slot),
];

/// Those that `--plus` adds, edits aside.
const PLUS: [(&str, What); 21] = [
    ("{..}", What::Arg(transforms::no_two_extensions)),
    ("{...}", What::Arg(transforms::no_three_extensions)),
    ("{/..}", What::Arg(transforms::basename_no_two_extensions)),
    (
        "{/...}",
        What::Arg(transforms::basename_no_three_extensions),
    ),
    ("{+/}", What::Arg(transforms::path)),
    ("{+.}", What::Arg(transforms::extension)),
    ("{+..}", What::Arg(transforms::two_extensions)),
    ("{+...}", What::Arg(transforms::three_extensions)),
    ("{##}", What::Total),
    ("{0#}", What::PaddedSeq),
    ("{00#}", What::PaddedSeq),
    ("{0%}", What::PaddedSlot),
    ("{00%}", What::PaddedSlot),
    ("{choose_k}", What::SkipIf(|args| !is_ascending(args))),
    ("{uniq}", What::SkipIf(has_repeats)),
    ("{seq}", What::Seq),
    ("{slot}", What::Shell("${PARALLEL_JOBSLOT}")),
    ("{host}", What::Shell("${PARALLEL_SSHHOST}")),
    ("{sshlogin}", What::Shell("${PARALLEL_SSHLOGIN}")),
    ("{hgrp}", What::Shell("${PARALLEL_HOSTGROUPS}")),
    ("{agrp}", What::Shell("${PARALLEL_ARGHOSTGROUPS}")),
];

fn is_ascending(args: &ArgList) -> bool {
    args.iter()
        .zip(args.iter().skip(1))
        .all(|(one, next)| one < next)
}

fn has_repeats(args: &ArgList) -> bool {
    let mut others = args.iter().enumerate();
    others.any(|(index, arg)| args.iter().skip(index + 1).any(|other| other == arg))
}

impl Default for Syntax {
    fn default() -> Self {
        let mut syntax = Self {
            entries: Vec::new(),
            rpl: Vec::new(),
            edits: false,
            parens: (b"{=".to_vec(), b"=}".to_vec()),
            matches: Vec::new(),
            columns: Columns::default(),
        };
        syntax.extend(GNU);
        syntax
    }
}

/// A replacement string found at the beginning of some text.
pub(super) struct Found {
    pub(super) what: What,
    /// How its value is written: by each in turn.
    pub(super) formats: Vec<Format>,
    /// The position as written, where the string names one.
    pub(super) position: Option<Vec<u8>>,
    /// How many bytes it takes.
    pub(super) len: usize,
}

impl Syntax {
    /// With names for the arguments `{1}`, `{2}`, …; an empty name is none.
    #[must_use]
    pub fn with_columns(mut self, names: &[Vec<u8>]) -> Self {
        self.columns = Columns::new(names);
        self
    }

    /// `text` with positions for names of columns.
    pub(super) fn with_positions<'t>(&self, text: &'t [u8]) -> std::borrow::Cow<'t, [u8]> {
        self.columns.as_positions(text, &self.parens.0)
    }

    fn extend(&mut self, table: impl IntoIterator<Item = (&'static str, What)>) {
        self.entries
            .extend(table.into_iter().map(|(spelling, what)| Entry {
                spelling: spelling.into(),
                what,
                formats: Vec::new(),
                code: None,
            }));
    }

    /// Adds what `--plus` adds.
    pub fn add_plus(&mut self) {
        self.extend(PLUS);
        self.edits = true;
    }

    /// Has `new` written instead of the built-in `old`.
    ///
    /// # Errors
    ///
    /// When it is empty: there would be one at every place, without an end.
    pub fn respell(&mut self, old: &str, new: &[u8]) -> Result<(), String> {
        if new.is_empty() {
            return Err("needs a replacement string, not an empty one".to_owned());
        }
        if old.as_bytes() == new {
            return Ok(());
        }
        self.entries.retain(|entry| entry.spelling != new);
        for entry in &mut self.entries {
            if entry.spelling == old.as_bytes() {
                entry.spelling = new.to_vec();
            }
        }
        Ok(())
    }

    /// Has Perl expressions enclosed in the two halves of `parens` (`--parens`).
    ///
    /// # Errors
    ///
    /// When there are no two halves.
    pub fn set_parens(&mut self, parens: &[u8]) -> Result<(), String> {
        let (open, close) = parens.split_at(parens.len() / 2);
        if open.is_empty() {
            return Err("needs a start and an end of equal length, such as '(==)'".to_owned());
        }
        self.parens = (open.to_vec(), close.to_vec());
        Ok(())
    }

    /// Adds a replacement string of the user's: `tag expression` (`--rpl`).
    ///
    /// # Errors
    ///
    /// When the tag is empty or its groups match nothing at all, or a group is no regular expression.
    pub fn define(&mut self, definition: &[u8]) -> Result<(), String> {
        let end = definition
            .iter()
            .position(u8::is_ascii_whitespace)
            .unwrap_or(definition.len());
        let (tag, code) = definition.split_at(end);
        if tag.is_empty() {
            return Err("needs a replacement string, a space and a Perl expression".to_owned());
        }
        if let Some(rpl) = Rpl::with_groups(tag, code)? {
            self.rpl.push(rpl);
            return Ok(());
        }
        self.entries.retain(|entry| entry.spelling != tag);
        let (plain, formats) = format::split(code);
        self.entries.push(Entry {
            spelling: tag.to_vec(),
            what: What::expression(plain, Vec::new(), definition),
            formats,
            code: Some(code.to_vec()),
        });
        Ok(())
    }

    /// The longest replacement string that `text` begins with; the user's own before all others.
    pub(super) fn find(&self, text: &[u8]) -> Option<Found> {
        if let Some(found) = self.find_expression(text) {
            return Some(found);
        }
        let plain = self
            .entries
            .iter()
            .filter(|entry| text.starts_with(&entry.spelling))
            .map(|entry| Found {
                what: entry.what.clone(),
                formats: entry.formats.clone(),
                position: None,
                len: entry.spelling.len(),
            });
        let positional = self
            .entries
            .iter()
            .filter_map(|entry| entry.find_positional(text));
        let edits = self.edits.then(|| find_edit(text)).flatten();
        let group = self.find_group(text);
        let users = self.rpl.iter().filter_map(|rpl| rpl.find(text));
        // Of those that are equally long the last one is taken.
        let formatted = self.find_formatted(text);
        let all = edits
            .into_iter()
            .chain(formatted)
            .chain(group)
            .chain(positional)
            .chain(plain);
        all.chain(users).max_by_key(|found| found.len)
    }

    /// `{#:%04d}`: one without format, and its format.
    fn find_formatted(&self, text: &[u8]) -> Option<Found> {
        let inner = text.strip_prefix(b"{")?;
        let inner = &inner[..inner.iter().position(|&byte| byte == b'}')?];
        let colon = memmem::rfind(inner, b":%")?;
        let format = Format::parse(&inner[colon + 2..])?;
        let plain = [b"{", &inner[..colon], b"}"].concat();
        let mut found = self.find(&plain).filter(|found| found.len == plain.len())?;
        found.formats.push(format);
        found.len = inner.len() + 2;
        Some(found)
    }

    /// `{= … =}` and `{=2 … =}`. What opens one does not stand within it.
    fn find_expression(&self, text: &[u8]) -> Option<Found> {
        let (open, close) = &self.parens;
        let inner = text.strip_prefix(open.as_slice())?;
        let inner = &inner[..memmem::find(inner, close)?];
        if memmem::find(inner, open).is_some() {
            return None;
        }
        let typed = &text[..open.len() + inner.len() + close.len()];
        let (position, code) = split_position(inner);
        let (group, code) = self.split_group(position, code, typed);
        let (code, formats) = format::split(code);
        let what = match group {
            None => What::expression(code, Vec::new(), typed),
            Some(group) => What::Perl(Arc::new(group.then(code))),
        };
        Some(Found {
            what,
            formats,
            position: as_position(position),
            len: typed.len(),
        })
    }
}

/// `{2%.gz}` and its like, without and with a position.
fn find_edit(text: &[u8]) -> Option<Found> {
    let inner = text.strip_prefix(b"{")?;
    let inner = &inner[..inner.iter().position(|&byte| byte == b'}')?];
    let (position, edit) = split_position(inner);
    let edit = match position {
        b"" => edit,
        _ => edit.trim_ascii_start(),
    };
    let len = inner.len() + 2;
    let mut found = Found {
        what: What::Seq,
        formats: Vec::new(),
        position: as_position(position),
        len,
    };
    found.what = match edit::parse(edit)? {
        Parsed::Native(edit) => What::Edit(Arc::new(edit)),
        Parsed::Perl(code, params) => What::expression(code, params, &text[..len]),
        Parsed::Once(_, _) if found.position.is_some() => return None,
        Parsed::Once(code, params) => {
            found.position = as_position(b"1");
            What::expression(code, params, &text[..len])
        }
    };
    Some(found)
}

/// `text` in two: the position that it begins with, or nothing, and the rest.
pub(super) fn split_position(text: &[u8]) -> (&[u8], &[u8]) {
    let sign = usize::from(text.first() == Some(&b'-'));
    let digits = text[sign..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    text.split_at(if digits > 0 { sign + digits } else { 0 })
}

fn as_position(digits: &[u8]) -> Option<Vec<u8>> {
    (!digits.is_empty()).then(|| digits.to_vec())
}

impl Entry {
    /// The form with a position after the opening brace: `{2.}`, `{-1}`, `{2 .}`.
    fn find_positional(&self, text: &[u8]) -> Option<Found> {
        let tail = self.spelling.strip_prefix(b"{")?;
        let inside = text.strip_prefix(b"{")?;
        let (longest, _) = split_position(inside);
        if longest.is_empty() || !tail.ends_with(b"}") {
            return None;
        }
        let shortest = 1 + usize::from(longest.first() == Some(&b'-'));
        // A replacement string may begin with digits of its own.
        (shortest..=longest.len()).rev().find_map(|digits| {
            let (position, rest) = inside.split_at(digits);
            let rest = [rest, rest.trim_ascii_start()]
                .into_iter()
                .find(|rest| rest.starts_with(tail))?;
            Some(Found {
                what: self.what.clone(),
                formats: self.formats.clone(),
                position: as_position(position),
                len: text.len() - rest.len() + tail.len(),
            })
        })
    }
}
