//! Jobs from records: packing, numbering, rendering; and whether they are run at all ([`ready`]).

mod evaluate;
pub mod measure;
pub mod pack;
mod perl;
pub mod ready;
mod render;
mod results;
mod shown;
pub mod stored;
mod templates;

pub use render::{Renderer, unescape_tagstring};
pub use results::{Naming, Results};
pub use templates::{ResultsSpec, TagSpec, TemplateSpec, Templates};
