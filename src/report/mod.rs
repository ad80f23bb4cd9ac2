//! Text for people: the logs of `list` and `diff`, a tracker as table, Markdown, page and `JUnit`.

mod comparison;
mod images;
pub mod junit;
mod listing;
pub mod markdown;
mod night;
pub mod page;
mod plan;
mod progress;
mod status;
pub mod table;
mod told;
mod why;

pub use comparison::comparison;
pub use images::images;
pub use listing::listing;
pub use night::night;
pub use plan::plan;
pub use status::{overdue, summary};
pub use why::{why, why_then};
