//! The input and the thread that reads it.

use std::sync::Arc;
use std::thread;

use anyhow::Context as _;

use super::Letters;
use crate::input::{Notices, Records};
use crate::job::pack::Jobs;
use crate::plan::JobsPlan;
use crate::run::Message;
use crate::run::queue::{Queue, queue};
use crate::sys::mailbox::Urgency;

/// Jobs that can be read, and how many there are, where that is known.
#[derive(Debug)]
pub struct OpenJobs {
    jobs: Jobs<Records>,
    /// How many there are at most, counted and not only announced.
    pub at_most: Option<u64>,
    /// How many there are.
    pub total: Option<u64>,
}

impl OpenJobs {
    /// The names of the arguments, as far as a header gave any.
    pub fn names(&self) -> &[Vec<u8>] {
        self.jobs.records().names()
    }
}

/// Opens the input; counts it, if that is wanted.
///
/// # Errors
///
/// When a file cannot be opened, or counted.
pub fn open_jobs(plan: JobsPlan, mailbox: &Letters) -> anyhow::Result<OpenJobs> {
    let JobsPlan {
        mut input,
        packing,
        count_ahead,
        total: announced,
        reads_stdin,
    } = plan;
    let letters = Arc::clone(mailbox);
    let remark = move |words: &str| letters.post([Message::Remark(words.to_owned())], Urgency::Now);
    if reads_stdin && std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        remark(
            "Warning: reading inputs from the terminal: one a line, Ctrl-D ends them (or use ::: or -a)",
        );
    }
    input.notices = Notices::to(remark);
    let (total, records) = if count_ahead {
        let (records, open) = Records::count_ahead(input).map_err(in_one_line)?;
        (Some(packing.jobs(records)), open)
    } else {
        (announced, Records::open(input).map_err(in_one_line)?)
    };
    Ok(OpenJobs {
        jobs: Jobs::new(records, packing),
        at_most: total.filter(|_| count_ahead),
        total,
    })
}

/// An error whose own words say everything.
fn in_one_line(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow::Error::msg(error.to_string())
}

/// Starts the thread that reads the input; returns the controller's end.
///
/// # Errors
///
/// When the thread cannot be started.
pub fn feed(jobs: OpenJobs, mailbox: &Letters) -> anyhow::Result<Queue> {
    let (feed, queue) = queue();
    let mailbox = Arc::clone(mailbox);
    let tell = move || mailbox.post([Message::InputReady], Urgency::Now);
    thread::Builder::new()
        .name("input".into())
        .spawn(move || feed.run(jobs.jobs, |jobs| jobs.records().ready(), tell))
        .context("cannot start the thread that reads the input")?;
    Ok(queue)
}
