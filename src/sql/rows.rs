//! From what a database returns to rows for a worker.

use std::sync::Arc;

use super::columns::argument;
use super::{Row, Ticket};

/// The places of the columns `names` that arguments are in, in their order.
pub(super) fn places<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<usize> {
    let mut places: Vec<_> = names
        .into_iter()
        .enumerate()
        .filter_map(|(place, name)| Some((argument(name)?, place)))
        .collect();
    places.sort_unstable();
    places.into_iter().map(|(_, place)| place).collect()
}

/// Rows; neighbours share their command.
#[derive(Debug, Default)]
pub(super) struct Rows(Vec<Row>);

impl Rows {
    /// Adds the row of `ticket`; of its arguments, NULLs at the end are none, as shorter records leave them.
    pub(super) fn push(
        &mut self,
        ticket: Ticket,
        seq: i64,
        command: Vec<u8>,
        mut args: Vec<Option<Vec<u8>>>,
    ) {
        let count = args.iter().rposition(Option::is_some);
        args.truncate(count.map_or(0, |last| last + 1));
        let command = match self.0.last() {
            Some(last) if *last.command == command[..] => Arc::clone(&last.command),
            _ => Arc::from(command),
        };
        self.0.push(Row {
            ticket,
            seq: seq as u64,
            command,
            args: args.into_iter().map(Option::unwrap_or_default).collect(),
        });
    }

    /// All of them, in the order of the table.
    pub(super) fn in_order(mut self) -> Vec<Row> {
        let place = |row: &Row| (row.ticket.id, row.ticket.turn);
        self.0.sort_unstable_by_key(place);
        self.0
    }
}
