//! What `--group-by`, `--shard` and `--bin` look at: a column, and what a Perl expression makes of it.
//!
//! A plain column is cut out here. Expressions, and the hash of `--shard` (which is Perl's, so that records
//! go where GNU parallel sends them), are evaluated by one perl, many lines at a time.

use std::io::{self, Read as _, Write as _};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use crate::record::columns::Columns;
use crate::record::pattern::Pattern;
use crate::sys::helper::{Helper, Kind};

/// What is looked at.
#[derive(Debug)]
pub struct Key {
    option: &'static str,
    column: Column,
    /// Changes `$_`; empty: it is taken as it is.
    expression: Vec<u8>,
    columns: Columns,
    /// The regexp that `columns` cuts at.
    separator: Vec<u8>,
    hashes: bool,
    perl: Option<Perl>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Column {
    Line,
    /// From 1.
    Number(usize),
    Name(Vec<u8>),
}

impl PartialEq for Key {
    /// Whether they give lines the same keys; whether a perl has been started does not matter.
    fn eq(&self, other: &Self) -> bool {
        self.option == other.option
            && self.column == other.column
            && self.expression == other.expression
            && self.columns == other.columns
            && self.separator == other.separator
            && self.hashes == other.hashes
    }
}

impl Key {
    /// The key that `spec` means: `N`, `NAME`, `N EXPRESSION`, `NAME EXPRESSION` or `EXPRESSION`; of lines whose
    /// columns the regexp `colsep` separates. With `hashes` the value is a number made of it.
    ///
    /// # Errors
    ///
    /// When `colsep` is no regexp.
    pub fn new(
        option: &'static str,
        spec: &[u8],
        colsep: Option<&[u8]>,
        hashes: bool,
    ) -> Result<Self, String> {
        let word = spec
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_');
        let word = &spec[..word.count()];
        let rest = &spec[word.len()..];
        let (column, expression) = match rest.first() {
            _ if word.is_empty() => (Column::Line, spec),
            None => (named(word), rest),
            Some(b' ' | b'\t' | b'\n') => (named(word), rest.trim_ascii()),
            Some(_) => (Column::Line, spec),
        };
        // As GNU parallel.
        let unsaid: &[u8] = match column {
            Column::Number(_) if option != "--group-by" => b",",
            _ => b"\\t",
        };
        let separator = colsep.unwrap_or(unsaid);
        Ok(Self {
            option,
            column,
            expression: expression.to_vec(),
            columns: match separator {
                // As in Perl, whose `split ' '` leaves out the blanks at the beginning and takes several for one.
                b" " => Columns::Words,
                regexp => Columns::Cut(Pattern::new(regexp)?),
            },
            separator: separator.to_vec(),
            hashes,
            perl: None,
        })
    }

    /// Whether a header is wanted, since the column is said by its name.
    pub fn has_name(&self) -> bool {
        matches!(self.column, Column::Name(_))
    }

    /// Finds the column's name in `header`.
    ///
    /// # Errors
    ///
    /// When it is not there.
    pub fn resolve(&mut self, header: &[u8]) -> Result<(), String> {
        let Column::Name(name) = &self.column else {
            return Ok(());
        };
        let line = header.split(|&byte| byte == b'\n').next().unwrap_or(header);
        let names = self.columns.split(line)?;
        match names.iter().position(|it| it == name) {
            Some(place) => {
                self.column = Column::Number(place + 1);
                Ok(())
            }
            None => Err(format!(
                "{}: there is no column '{}' in the header",
                self.option,
                String::from_utf8_lossy(name)
            )),
        }
    }

    /// The keys of `lines`.
    ///
    /// # Errors
    ///
    /// When an expression cannot be evaluated.
    pub fn of(&mut self, lines: &[&[u8]]) -> Result<Vec<Vec<u8>>, String> {
        if self.expression.is_empty() && !self.hashes {
            return lines.iter().map(|line| self.plain(line)).collect();
        }
        if self.perl.is_none() {
            match Perl::start(self) {
                Ok(perl) => self.perl = Some(perl),
                // Any hash will do where there is no perl to agree with.
                Err(_) if self.expression.is_empty() => {
                    let hash = |key: Vec<u8>| xxhash_rust::xxh3::xxh3_64(&key).to_string();
                    return lines
                        .iter()
                        .map(|line| Ok(hash(self.plain(line)?).into_bytes()))
                        .collect();
                }
                Err(error) => {
                    return Err(format!("{} needs perl: {error}", self.option));
                }
            }
        }
        let Some(perl) = &mut self.perl else {
            return Ok(Vec::new());
        };
        perl.evaluate(lines)
            .map_err(|_| format!("{}: perl cannot evaluate its expression", self.option))
    }

    fn plain(&self, line: &[u8]) -> Result<Vec<u8>, String> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        match self.column {
            Column::Number(number) if number > 0 => {
                let columns = self.columns.split(line)?;
                Ok(columns.get(number - 1).unwrap_or_default().to_vec())
            }
            _ => Ok(line.to_vec()),
        }
    }
}

fn named(word: &[u8]) -> Column {
    let digits = std::str::from_utf8(word).ok();
    match digits.and_then(|word| word.parse().ok()) {
        Some(0) => Column::Line,
        Some(number) => Column::Number(number),
        None => Column::Name(word.to_vec()),
    }
}

/// Which of `count` bins, from 0, the key `text` of `--bin` means: as in Perl, a text is the number that it
/// begins with.
pub fn bin(text: &[u8], count: usize) -> usize {
    let number = leading_number(text) - 1.0;
    let count = count.max(1) as i64;
    (number.trunc() as i64).rem_euclid(count) as usize
}

/// Which of `count` shards, from 0, a hash means.
pub fn shard(text: &[u8], count: usize) -> usize {
    let hash = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse::<u64>().ok());
    (hash.unwrap_or(0) % count.max(1) as u64) as usize
}

fn leading_number(text: &[u8]) -> f64 {
    let text = text.trim_ascii_start();
    let number = |len: usize| std::str::from_utf8(&text[..len]).ok()?.parse::<f64>().ok();
    let longest = text
        .iter()
        .take_while(|byte| {
            byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E')
        })
        .count();
    (1..=longest).rev().find_map(number).unwrap_or(0.0)
}

/// Evaluates keys; as in GNU parallel, expressions and hashes see the end of the line behind its last column. Asked with a number of lines and each line's length before it, it answers with each
/// key's length before it; all numbers are 32 bits, big-endian.
const SCRIPT: &str = r#"
use B;
binmode STDIN; binmode STDOUT;
my ($column, $separator, $hashes, $expression) = @ARGV;
my $change = eval "sub { no strict; $expression\n }";
if ($@) { print STDERR $@; exit 1 }
sub take { my $want = shift; my $got = ''; while (length $got < $want) {
  read(STDIN, $got, $want - length $got, length $got) or exit 0 } $got }
while (1) {
  my $count = unpack 'N', take(4);
  my $out = '';
  for (1 .. $count) {
    my $line = take(unpack 'N', take(4));
    local $_ = $line;
    if ($column) { $_ = (split $separator, $line)[$column - 1] }
    $change->();
    $_ = '' unless defined;
    chomp unless $hashes;
    my $key = $hashes ? hex(B::hash("$_")) : "$_";
    $out .= pack('N', length $key) . $key;
  }
  my $at = 0;
  while ($at < length $out) { my $done = syswrite(STDOUT, $out, length($out) - $at, $at); exit 1 unless $done; $at += $done }
}
"#;

#[derive(Debug)]
struct Perl {
    /// Killed when this is dropped.
    _process: Helper,
    to: ChildStdin,
    from: io::BufReader<ChildStdout>,
}

impl Perl {
    fn start(key: &Key) -> io::Result<Self> {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt as _;
        let column = match key.column {
            Column::Number(number) => number.to_string(),
            _ => String::new(),
        };
        let mut perl = Command::new("perl");
        perl.args(["-e", SCRIPT, "--"])
            .arg(column)
            .arg(OsStr::from_bytes(&key.separator))
            .arg(if key.hashes { "1" } else { "" })
            .arg(OsStr::from_bytes(&key.expression))
            .env("PERL_HASH_SEED", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = Helper::start(perl, Kind::Answers)?;
        match (process.stdin().take(), process.stdout().take()) {
            (Some(to), Some(from)) => Ok(Self {
                _process: process,
                to,
                from: io::BufReader::new(from),
            }),
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn evaluate(&mut self, lines: &[&[u8]]) -> io::Result<Vec<Vec<u8>>> {
        let mut asked = length(lines.len())?.to_vec();
        for line in lines {
            asked.extend_from_slice(&length(line.len())?);
            asked.extend_from_slice(line);
        }
        self.to.write_all(&asked)?;
        self.to.flush()?;
        let mut keys = Vec::with_capacity(lines.len());
        for _ in lines {
            let mut len = [0; 4];
            self.from.read_exact(&mut len)?;
            let mut key = vec![0; u32::from_be_bytes(len) as usize];
            self.from.read_exact(&mut key)?;
            keys.push(key);
        }
        Ok(keys)
    }
}

fn length(len: usize) -> io::Result<[u8; 4]> {
    u32::try_from(len)
        .map(u32::to_be_bytes)
        .map_err(|_| io::ErrorKind::InvalidInput.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bin_is_the_number_that_a_text_begins_with() {
        let bins: Vec<_> = ["1", "4", "1.5", "-1", "2x", "0", "a", " 3"]
            .iter()
            .map(|text| bin(text.as_bytes(), 3))
            .collect();
        assert_eq!(bins, [0, 0, 0, 1, 1, 2, 2, 2]);
    }
}
