//! A run shown once more, from the JSON that it has written: the same listeners hear the same events.

use std::io::BufRead;

use crate::ledger::jsonl::{ReadError, Reader};
use crate::report::{Discard, Failure, Listener, Reporter, json};

/// Shows a run that is recorded in `stream` to `listeners`: the one called `run`, or the first. What a listener fails
/// with goes to `on_failure`, as in a run.
///
/// Listeners that look at starts or at output see what `--json-detail` had let into the stream. A last line without an
/// end is left out.
///
/// # Errors
///
/// When the stream cannot be read, or a line is damaged: names its number.
pub fn replay(
    stream: impl BufRead,
    run: Option<&str>,
    listeners: Vec<Box<dyn Listener>>,
    on_failure: impl Fn(Failure) + Send + 'static,
) -> Result<(), ReadError> {
    let mut run = run.map(str::to_owned);
    let mut reporter = Reporter::new(listeners, Box::new(Discard), Box::new(on_failure));
    let mut lines = Reader::new(stream);
    while let Some(line) = lines.next_line() {
        let (head, body) = line?;
        if *run.get_or_insert_with(|| head.run.to_string()) != *head.run {
            continue;
        }
        if let Some(event) = json::event(&head, body) {
            reporter.show(vec![event]);
        }
    }
    reporter.finish();
    Ok(())
}
