//! Renderers: the finished, sorted list of a run as text.
//!
//! All formats say the same; none depends on the terminal's width or locale.

mod concise;
#[cfg(feature = "compiler")]
mod human;
mod json;

pub use concise::concise;
#[cfg(feature = "compiler")]
pub use human::human;
pub use json::json;
