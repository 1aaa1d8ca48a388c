//! GNU parallel's `--joblog` format, to the byte.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The first line of a joblog.
pub const HEADER: &[u8] =
    b"Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n";

/// One finished job as a joblog has it.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Position in the input, from 1.
    pub seq: u64,
    /// Where it ran; `:` is this machine.
    pub host: &'a str,
    /// When it was started.
    pub start: SystemTime,
    /// How long it ran.
    pub runtime: Duration,
    /// Bytes fed to its standard input.
    pub sent: u64,
    /// Bytes it wrote to its standard output, as far as they were captured.
    pub received: u64,
    /// Its exit code, or -1.
    pub exit: i32,
    /// The signal that ended it, or 0.
    pub signal: i32,
    /// The command line.
    pub command: &'a [u8],
}

impl Line<'_> {
    /// Appends the line to `out`.
    ///
    /// A newline in the command becomes a NUL, as GNU parallel does; every other byte stays as it is.
    pub fn render(&self, out: &mut Vec<u8>) {
        let start = self.start.duration_since(UNIX_EPOCH).unwrap_or_default();
        number(out, self.seq);
        out.extend_from_slice(self.host.as_bytes());
        out.push(b'\t');
        seconds(out, start, 0);
        seconds(out, self.runtime, 10);
        number(out, self.sent);
        number(out, self.received);
        number(out, self.exit);
        number(out, self.signal);
        let command = out.len();
        out.extend_from_slice(self.command);
        for byte in &mut out[command..] {
            if *byte == b'\n' {
                *byte = 0;
            }
        }
        out.push(b'\n');
    }
}

/// A line that was read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged<'a> {
    /// Position in the input, from 1.
    pub seq: u64,
    /// Its exit code, or -1.
    pub exit: i32,
    /// The signal that ended it, or 0.
    pub signal: i32,
    /// The command line, with NULs for newlines.
    command: &'a [u8],
}

impl<'a> Logged<'a> {
    /// Reads a line, without its end; `None`: it is none of a job, or torn before the command.
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let mut fields = line.splitn(9, |byte| *byte == b'\t');
        let mut number = |skip| str::from_utf8(fields.nth(skip)?).ok();
        let seq = number(0)?.parse().ok()?;
        // Host, start time, run time, bytes sent and received.
        number(1)?.parse::<f64>().ok()?;
        let exit = number(3)?.parse().ok()?;
        let signal = number(0)?.parse().ok()?;
        let command = fields.next()?;
        Some(Self {
            seq,
            exit,
            signal,
            command,
        })
    }

    /// Whether the job did what it should.
    pub fn succeeded(&self) -> bool {
        self.exit == 0 && self.signal == 0
    }

    /// The command line as it was.
    pub fn command(&self) -> Vec<u8> {
        let back = |&byte: &u8| if byte == 0 { b'\n' } else { byte };
        self.command.iter().map(back).collect()
    }
}

/// Appends a field with `number`.
fn number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    out.push(b'\t');
}

/// Appends a field with `time` in seconds, rounded to milliseconds, at least `width` bytes wide. By hand: a tiny job has
/// two of them in its line, and to format a float takes longer than the rest of the line.
fn seconds(out: &mut Vec<u8>, time: Duration, width: usize) {
    let rounded = time.saturating_add(Duration::from_micros(500));
    let mut whole = itoa::Buffer::new();
    let whole = whole.format(rounded.as_secs());
    let blanks = width.saturating_sub(whole.len() + 4);
    out.extend(std::iter::repeat_n(b' ', blanks));
    out.extend_from_slice(whole.as_bytes());
    let millis = rounded.subsec_millis();
    let digit = |value: u32| b'0' + (value % 10) as u8;
    out.extend_from_slice(&[
        b'.',
        digit(millis / 100),
        digit(millis / 10),
        digit(millis),
        b'\t',
    ]);
}

#[cfg(test)]
mod tests {
    use super::{Line, Logged};
    use proptest::prelude::*;
    use std::time::{Duration, UNIX_EPOCH};

    fn line(command: &[u8]) -> Line<'_> {
        Line {
            seq: 1,
            host: ":",
            start: UNIX_EPOCH + Duration::from_millis(1_795_400_184_984),
            runtime: Duration::from_millis(12_003),
            sent: 0,
            received: 6,
            exit: -1,
            signal: 15,
            command,
        }
    }

    fn render(line: Line<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        line.render(&mut out);
        out
    }

    #[test]
    fn looks_like_gnu_parallels() {
        // `parallel --joblog jl --timeout …` with a command of two lines and a tab.
        assert_eq!(
            render(line(b"echo a\necho\t\xff")),
            b"1\t:\t1795400184.984\t    12.003\t0\t6\t-1\t15\techo a\0echo\t\xff\n"
        );
    }

    #[test]
    fn a_long_runtime_widens_its_column() {
        let long = Line {
            runtime: Duration::from_secs(12_345_678),
            ..line(b"x")
        };
        assert_eq!(
            render(long).split(|b| *b == b'\t').nth(3),
            Some(&b"12345678.000"[..])
        );
    }

    #[test]
    fn times_are_rounded() {
        for (micros, shown) in [
            (0, "     0.000"),
            (499, "     0.000"),
            (1_999_500, "     2.000"),
            (1_012_345, "     1.012"),
        ] {
            let runtime = Duration::from_micros(micros);
            let rendered = render(Line {
                runtime,
                ..line(b"x")
            });
            let field = rendered.split(|b| *b == b'\t').nth(3);
            assert_eq!(field, Some(shown.as_bytes()), "{micros}");
        }
    }

    proptest! {
        #[test]
        fn times_are_as_floats_show_them(millis in 0_u64..1 << 45) {
            let runtime = Duration::from_millis(millis);
            let rendered = render(Line { runtime, ..line(b"x") });
            let field = rendered.split(|b| *b == b'\t').nth(3).unwrap().to_vec();
            prop_assert_eq!(String::from_utf8(field).unwrap(), format!("{:10.3}", runtime.as_secs_f64()));
        }

        #[test]
        fn a_job_is_one_line_of_nine_fields(command: Vec<u8>) {
            let rendered = render(line(&command));
            prop_assert_eq!(rendered.split(|b| *b == b'\n').count(), 2);
            let back: Vec<u8> = rendered[..rendered.len() - 1]
                .splitn(9, |b| *b == b'\t')
                .nth(8)
                .unwrap()
                .iter()
                .map(|&b| if b == 0 { b'\n' } else { b })
                .collect();
            let nul_free: Vec<u8> = command.iter().map(|&b| if b == 0 { b'\n' } else { b }).collect();
            prop_assert_eq!(&back, &nul_free);
            let logged = Logged::parse(&rendered[..rendered.len() - 1]).unwrap();
            prop_assert_eq!((logged.seq, logged.exit, logged.signal), (1, -1, 15));
            prop_assert_eq!(logged.command(), nul_free);
        }
    }
}
