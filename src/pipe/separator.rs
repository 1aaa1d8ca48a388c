//! Where records end.

use std::sync::Arc;

use memchr::{memchr2_iter, memmem};

use crate::record::pattern::Pattern;

/// Where one record ends and the next begins.
#[derive(Clone, Debug, PartialEq)]
pub enum Separator {
    /// At these bytes: the end of the one, then the begin of the other. Both empty: anywhere.
    Fixed {
        /// The end of a record.
        end: Vec<u8>,
        /// The begin of the next.
        start: Vec<u8>,
    },
    /// Where regexps match.
    Regexp {
        /// Its first group is the end of the one record, what follows it the begin of the other.
        both: Arc<Pattern>,
        /// The begin of a record; `None`: anything.
        start: Option<Arc<Pattern>>,
    },
    /// At newlines that are not quoted.
    Csv,
}

/// How far back a regexp is searched for at first, in bytes.
const WINDOW: usize = 4 << 10;

impl Separator {
    /// Lines.
    pub fn newline() -> Self {
        Self::Fixed {
            end: b"\n".to_vec(),
            start: Vec::new(),
        }
    }

    /// The options that say where records end.
    pub fn shown(&self) -> String {
        match self {
            Self::Fixed { end, start } => {
                let both = [("--recend", end), ("--recstart", start)];
                let given = both.iter().filter(|(_, bytes)| !bytes.is_empty());
                let words =
                    given.map(|(option, bytes)| format!("{option} '{}'", bytes.escape_ascii()));
                words.collect::<Vec<_>>().join(" ")
            }
            Self::Regexp { .. } => "--regexp".to_owned(),
            Self::Csv => "--csv".to_owned(),
        }
    }

    /// How many bytes a window of a text must have in common with the next one, so that no separator is torn;
    /// `None`: it may be of any length.
    pub fn overlap(&self) -> Option<usize> {
        match self {
            Self::Fixed { end, start } => Some((end.len() + start.len()).saturating_sub(1)),
            Self::Regexp { .. } | Self::Csv => None,
        }
    }

    /// Whether any byte may be the last of a record.
    pub fn is_anywhere(&self) -> bool {
        matches!(self, Self::Fixed { end, start } if end.is_empty() && start.is_empty())
    }

    /// Where the last record that is known to be complete ends in `text`; never 0.
    ///
    /// # Errors
    ///
    /// When a regexp takes too long.
    pub fn last_cut(&self, text: &[u8]) -> Result<Option<usize>, String> {
        Ok(self.last_cut_or_begin(text)?.filter(|&cut| cut > 0))
    }

    /// Where the last record that is known to be complete ends in `text`, or at 0 where one begins.
    ///
    /// # Errors
    ///
    /// When a regexp takes too long.
    pub fn last_cut_or_begin(&self, text: &[u8]) -> Result<Option<usize>, String> {
        Ok(match self {
            Self::Fixed { end, start } if start.is_empty() && end.len() == 1 => {
                memchr::memrchr(end[0], text).map(|at| at + 1)
            }
            Self::Fixed { end, start } => {
                memmem::rfind(text, &both(end, start)).map(|at| at + end.len())
            }
            Self::Regexp { both, .. } => last_match(both.as_ref(), text)?,
            Self::Csv => {
                let mut last = None;
                csv_ends(text, |end| {
                    last = Some(end);
                    true
                });
                last
            }
        })
    }

    /// Where record number `count`, from 1, ends in `text`.
    ///
    /// # Errors
    ///
    /// When a regexp takes too long.
    pub fn nth_cut(&self, text: &[u8], count: usize) -> Result<Option<usize>, String> {
        match self {
            Self::Fixed { end, start } => Ok(nth_fixed(text, end, start, count)),
            Self::Regexp { both, start } => nth_match(both.as_ref(), start.as_deref(), text, count),
            Self::Csv => {
                let (mut seen, mut found) = (0, None);
                csv_ends(text, |end| {
                    seen += 1;
                    found = (seen == count).then_some(end);
                    found.is_none()
                });
                Ok(found)
            }
        }
    }

    /// Takes the separators out of `block`, which has whole records.
    ///
    /// # Errors
    ///
    /// When a regexp takes too long.
    pub fn remove(&self, block: &mut Vec<u8>, ends: &Ends) -> Result<(), String> {
        match self {
            Self::Fixed { end, start } => {
                let mut text = block.strip_prefix(&start[..]).unwrap_or(block);
                text = text.strip_suffix(&end[..]).unwrap_or(text);
                let both = both(end, start);
                let mut kept = Vec::with_capacity(text.len());
                let mut from = 0;
                if !both.is_empty() {
                    for at in memmem::find_iter(text, &both) {
                        kept.extend_from_slice(&text[from..at]);
                        from = at + both.len();
                    }
                }
                kept.extend_from_slice(&text[from..]);
                *block = kept;
            }
            Self::Regexp { both, .. } => {
                let mut text = &block[..];
                if let Some((_, end)) = first(ends.start.as_deref(), text)? {
                    text = &text[end..];
                }
                if let Some((start, _)) = first(ends.end.as_deref(), text)? {
                    text = &text[..start];
                }
                let (mut kept, mut from) = (Vec::with_capacity(text.len()), 0);
                loop {
                    let groups = both.find(text, from)?;
                    let Some((start, end)) = groups.first().copied().flatten() else {
                        break;
                    };
                    kept.extend_from_slice(&text[from..start]);
                    let next = end.max(start + usize::from(end == start));
                    kept.extend_from_slice(&text[end..next.min(text.len())]);
                    from = next;
                    if from >= text.len() {
                        break;
                    }
                }
                kept.extend_from_slice(&text[from.min(text.len())..]);
                *block = kept;
            }
            // Those in fields, too, as GNU parallel.
            Self::Csv => block.retain(|&byte| byte != b'\n'),
        }
        Ok(())
    }
}

/// How a block begins and ends, where separators are regexps that are taken out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ends {
    /// Matches the begin of the first record.
    pub start: Option<Arc<Pattern>>,
    /// Matches the end of the last one.
    pub end: Option<Arc<Pattern>>,
}

fn first(finder: Option<&Pattern>, text: &[u8]) -> Result<Option<(usize, usize)>, String> {
    match finder {
        None => Ok(None),
        Some(finder) => Ok(finder.find(text, 0)?.first().copied().flatten()),
    }
}

fn both(end: &[u8], start: &[u8]) -> Vec<u8> {
    [end, start].concat()
}

/// Each next separator is searched for one byte after the last one's begin.
fn nth_fixed(text: &[u8], end: &[u8], start: &[u8], count: usize) -> Option<usize> {
    let both = both(end, start);
    if both.is_empty() {
        return (count <= text.len()).then_some(count);
    }
    let finder = memmem::Finder::new(&both);
    let mut at = 0;
    for _ in 0..count {
        at += 1 + finder.find(text.get(at + 1..)?)?;
    }
    Some(at + end.len())
}

/// The last cut that a regexp finds, searched for from the end of `text` backwards.
fn last_match(both: &Pattern, text: &[u8]) -> Result<Option<usize>, String> {
    let mut window = WINDOW;
    let mut until = text.len() + 1;
    loop {
        let from = text.len().saturating_sub(window);
        let (mut at, mut last) = (from, None);
        while at < until {
            let groups = both.find(text, at)?;
            let (Some(Some((start, _))), Some(Some((_, cut)))) = (groups.first(), groups.get(1))
            else {
                break;
            };
            if *start >= until {
                break;
            }
            last = Some(*cut);
            at = start + 1;
        }
        if last.is_some() || from == 0 {
            return Ok(last);
        }
        until = from;
        window = window.saturating_mul(4);
    }
}

/// Where record number `count` ends. As in GNU parallel, what begins a record is no part of what ends it; what
/// stands in front of the first begin is as many records as are wanted; and an empty record ends the search.
fn nth_match(
    both: &Pattern,
    start: Option<&Pattern>,
    text: &[u8],
    count: usize,
) -> Result<Option<usize>, String> {
    let mut cut = 0;
    for _ in 0..count {
        let begun = match start {
            None => Some(cut),
            Some(start) => match start.find(text, cut)?.first().copied().flatten() {
                Some((at, end)) => (at == cut).then_some(end),
                None => return Ok(None),
            },
        };
        let groups = both.find(text, begun.unwrap_or(cut))?;
        let Some((_, end)) = groups.get(1).copied().flatten() else {
            return Ok(None);
        };
        if begun.is_none() {
            return Ok(Some(end));
        }
        if end == cut {
            return Ok(None);
        }
        cut = end;
    }
    Ok(Some(cut))
}

/// Tells `found` where CSV records end in `text`, as long as it wants to know.
fn csv_ends(text: &[u8], mut found: impl FnMut(usize) -> bool) {
    let mut quoted = false;
    for at in memchr2_iter(b'"', b'\n', text) {
        if text[at] == b'"' {
            quoted = !quoted;
        } else if !quoted && !found(at + 1) {
            return;
        }
    }
}
