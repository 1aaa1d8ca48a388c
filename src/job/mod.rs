//! Jobs from records: packing, numbering, rendering.

pub mod measure;
pub mod pack;
mod perl;
mod render;

pub use render::{Renderer, unescape_tagstring};
