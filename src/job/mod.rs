//! Jobs from records: packing, numbering, rendering.

mod evaluate;
pub mod measure;
pub mod pack;
mod perl;
mod render;
mod results;
mod shown;
pub mod stored;

pub use render::{Renderer, unescape_tagstring};
pub use results::{Naming, Results};
