//! Many jobs in one script, and which of its output is whose.
//!
//! After each job the script prints a marker with the job's exit code behind what the job has printed;
//! on standard error only where the job may print something there. The marker is a random number that
//! the shell and this worker know, and that no job has seen.

use std::io::{self, Write as _};
use std::ops::Range;

use memchr::memmem;

use super::pure::Purity;
use crate::sys::secret::secret;

/// A script for several jobs.
#[derive(Debug)]
pub(super) struct Batch {
    marker: String,
    script: Vec<u8>,
    /// What to know about each job, in order.
    purities: Vec<Purity>,
}

/// What became of one job of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum JobResult {
    /// It ended with this code and printed this much, as places in what the shell has printed.
    Done {
        /// The exit code.
        code: i32,
        /// On standard output.
        stdout: Range<usize>,
        /// On standard error.
        stderr: Range<usize>,
    },
    /// It was not run to its end, or the shell had something to say itself.
    Unclear,
}

impl Batch {
    /// A batch without jobs.
    ///
    /// # Errors
    ///
    /// When the kernel has no random numbers.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            marker: format!("{:032x}", u128::from_ne_bytes(secret()?)),
            script: Vec::new(),
            purities: Vec::new(),
        })
    }

    /// Adds the job with command line `line`, which is as pure as `purity` says.
    pub(super) fn push(&mut self, line: &[u8], purity: Purity, seq: u64, slot: usize) {
        let script = &mut self.script;
        if purity.job_variables {
            // Writing to a Vec cannot fail.
            let _ = writeln!(script, "PARALLEL_SEQ={seq} PARALLEL_JOBSLOT={slot}");
        }
        script.extend_from_slice(line);
        let _ = writeln!(script, "\necho {}$?", self.marker);
        if speaks(purity) {
            let _ = writeln!(script, "echo {} >&2", self.marker);
        }
        self.purities.push(purity);
    }

    /// How many jobs it has.
    pub(super) fn len(&self) -> usize {
        self.purities.len()
    }

    /// How long its script is, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.script.len()
    }

    /// The whole script.
    pub(super) fn script(&self) -> &[u8] {
        &self.script
    }

    /// Forgets all jobs.
    pub(super) fn clear(&mut self) {
        self.script.clear();
        self.purities.clear();
    }

    /// What became of each job, by what the shell has printed.
    pub(super) fn results(&self, stdout: &[u8], stderr: &[u8]) -> Vec<JobResult> {
        let marker = memmem::Finder::new(self.marker.as_bytes());
        let (mut out, mut err) = (0, 0);
        let mut lost = false;
        let mut results = Vec::with_capacity(self.len());
        for &purity in &self.purities {
            let result = if lost {
                None
            } else {
                self.result(purity, &marker, (stdout, &mut out), (stderr, &mut err))
            };
            lost |= result.is_none();
            results.push(result.unwrap_or(JobResult::Unclear));
        }
        // Words that belong to none of them: then nothing is certain.
        if !lost && (out, err) != (stdout.len(), stderr.len()) {
            results.fill(JobResult::Unclear);
        }
        results
    }

    /// What became of the next job; `None`: it and those after it were not run to their ends.
    fn result(
        &self,
        purity: Purity,
        marker: &memmem::Finder,
        (stdout, out): (&[u8], &mut usize),
        (stderr, err): (&[u8], &mut usize),
    ) -> Option<JobResult> {
        let found = *out + marker.find(&stdout[*out..])?;
        let after = found + self.marker.len();
        let end = after + memchr::memchr(b'\n', &stdout[after..])?;
        let code = std::str::from_utf8(&stdout[after..end])
            .ok()?
            .parse()
            .ok()?;
        let printed = *out..found;
        let mut errors = *err..*err;
        if speaks(purity) {
            let found = *err + marker.find(&stderr[*err..])?;
            errors = *err..found;
            *err = found + self.marker.len() + 1;
        }
        *out = end + 1;
        // A message of a builtin's own: its words depend on where it was said.
        if purity.fallible && !errors.is_empty() {
            return Some(JobResult::Unclear);
        }
        Some(JobResult::Done {
            code,
            stdout: printed,
            stderr: errors,
        })
    }
}

/// Whether something may be on standard error after a job.
fn speaks(purity: Purity) -> bool {
    purity.to_stderr || purity.fallible
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Purity = Purity {
        to_stderr: false,
        fallible: false,
        job_variables: false,
    };
    const TO_STDERR: Purity = Purity {
        to_stderr: true,
        ..PLAIN
    };
    const FALLIBLE: Purity = Purity {
        fallible: true,
        ..PLAIN
    };

    fn done(code: i32, stdout: Range<usize>, stderr: Range<usize>) -> JobResult {
        JobResult::Done {
            code,
            stdout,
            stderr,
        }
    }

    /// What becomes of jobs like these when the shell prints this, `@` standing for the marker.
    fn results(purities: &[Purity], stdout: &str, stderr: &str) -> Vec<JobResult> {
        let mut batch = Batch::new().unwrap();
        for &purity in purities {
            batch.push(b"x", purity, 1, 1);
        }
        let [stdout, stderr] = [stdout, stderr].map(|text| text.replace('@', &batch.marker));
        batch.results(stdout.as_bytes(), stderr.as_bytes())
    }

    #[test]
    fn each_job_gets_its_own() {
        let got = results(&[PLAIN, PLAIN], "a\n@0\n5@17\n", "");
        assert_eq!(got, [done(0, 0..2, 0..0), done(17, 36..37, 0..0)]);
        let got = results(&[PLAIN, TO_STDERR, PLAIN], "@0\n@1\n@2\n", "e\n@\n");
        assert_eq!(
            got,
            [
                done(0, 0..0, 0..0),
                done(1, 34..34, 0..2),
                done(2, 68..68, 35..35)
            ]
        );
    }

    #[test]
    fn a_shell_that_stopped_leaves_the_rest_unclear() {
        let got = results(&[PLAIN, PLAIN, PLAIN], "a\n@0\nb\n", "");
        assert_eq!(
            got,
            [done(0, 0..2, 0..0), JobResult::Unclear, JobResult::Unclear]
        );
        assert_eq!(results(&[PLAIN], "@0", ""), [JobResult::Unclear]);
        assert_eq!(results(&[PLAIN], "@x\n", ""), [JobResult::Unclear]);
    }

    #[test]
    fn a_message_of_the_shell_makes_a_job_unclear_and_no_other() {
        let got = results(&[FALLIBLE, FALLIBLE], "@2\n@0\n", "sh: 1: [: oops\n@\n@\n");
        assert_eq!(got, [JobResult::Unclear, done(0, 34..34, 48..48)]);
    }

    #[test]
    fn words_of_nobody_make_everything_unclear() {
        assert_eq!(results(&[PLAIN], "@0\n", "what?"), [JobResult::Unclear]);
        assert_eq!(results(&[PLAIN], "@0\nwhat?", ""), [JobResult::Unclear]);
    }

    #[test]
    fn a_script_says_what_jobs_want_to_know() {
        let mut batch = Batch::new().unwrap();
        let job_variables = Purity {
            job_variables: true,
            ..FALLIBLE
        };
        batch.push(b"echo $PARALLEL_SEQ", job_variables, 3, 2);
        let marker = batch.marker.clone();
        let script = String::from_utf8(batch.script().to_vec()).unwrap();
        let want = "PARALLEL_SEQ=3 PARALLEL_JOBSLOT=2\necho $PARALLEL_SEQ\necho @$?\necho @ >&2\n";
        assert_eq!(script, want.replace('@', &marker));
        assert_ne!(Batch::new().unwrap().marker, marker);
    }
}
