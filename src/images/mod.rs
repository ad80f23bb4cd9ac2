//! Images: those that a build says it made, those that are current, and those that exist already.

mod adopt;
mod current;
mod existing;
mod manifest;

pub use adopt::{Adopted, adopt, adopt_untried, adopted_image};
pub use current::{Current, current, current_of, in_channel, in_use};
pub use existing::{
    Candidate, Disagreements, Found, Image, ImageMatcher, ImagesError, Template, TemplateError, compare, find, parse,
};
pub use manifest::{Made, ManifestError, ids_of_notes, manifest};
