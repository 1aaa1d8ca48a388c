//! Places where attempts run.

/// A place of a run, by its number in the order in which places were given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlaceId(pub usize);

/// How this host is called where others might stand: GNU parallel's name for it.
pub const HERE: &str = ":";
