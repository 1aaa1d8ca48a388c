//! Jobs from records.

mod render;

pub use render::{Renderer, unescape_tagstring};
