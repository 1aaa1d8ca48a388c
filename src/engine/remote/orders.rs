//! Orders as messages, and back.

use crate::engine::{JobSignal, Order, StopOn, Which};
use crate::protocol::Down;
use crate::protocol::down;

/// The message for `order`; `None`: it is none of a worker's.
pub(super) fn to_message(order: Order) -> Option<Down> {
    Some(match order {
        // A worker makes room as it takes attempts over.
        Order::Staff => return None,
        Order::Recall => Down::Recall,
        Order::StopOn(StopOn::Fatal) => Down::StopOn(down::StopOn::Fatal),
        Order::StopOn(StopOn::Failure) => Down::StopOn(down::StopOn::Failure),
        Order::GoOn(seen) => Down::GoOn(seen),
        Order::End(which, by) => Down::End(to_which(which), by.into()),
        Order::Signal(which, signal) => Down::Signal(to_which(which), to_signal(signal)),
        Order::Slots(slots) => Down::Slots(slots),
        Order::TimeLimit(limit) => Down::TimeLimit(limit),
        Order::List => Down::List,
    })
}

/// The order that `message` gives; `None`: it is another message.
pub(super) fn from_message(message: &Down) -> Option<Order> {
    Some(match message {
        Down::Recall => Order::Recall,
        Down::StopOn(down::StopOn::Fatal) => Order::StopOn(StopOn::Fatal),
        Down::StopOn(down::StopOn::Failure) => Order::StopOn(StopOn::Failure),
        Down::GoOn(seen) => Order::GoOn(*seen),
        Down::End(which, by) => Order::End(from_which(*which), (*by).into()),
        Down::Signal(which, signal) => Order::Signal(from_which(*which), from_signal(*signal)),
        Down::Slots(slots) => Order::Slots(*slots),
        Down::TimeLimit(limit) => Order::TimeLimit(*limit),
        Down::List => Order::List,
        _ => return None,
    })
}

fn to_which(which: Which) -> down::Which {
    match which {
        Which::All => down::Which::All,
        Which::One(seq) => down::Which::One(seq),
        Which::Youngest => down::Which::Youngest,
    }
}

fn from_which(which: down::Which) -> Which {
    match which {
        down::Which::All => Which::All,
        down::Which::One(seq) => Which::One(seq),
        down::Which::Youngest => Which::Youngest,
    }
}

fn to_signal(signal: JobSignal) -> down::JobSignal {
    match signal {
        JobSignal::Stop => down::JobSignal::Stop,
        JobSignal::TerminalStop => down::JobSignal::TerminalStop,
        JobSignal::Continue => down::JobSignal::Continue,
    }
}

fn from_signal(signal: down::JobSignal) -> JobSignal {
    match signal {
        down::JobSignal::Stop => JobSignal::Stop,
        down::JobSignal::TerminalStop => JobSignal::TerminalStop,
        down::JobSignal::Continue => JobSignal::Continue,
    }
}
