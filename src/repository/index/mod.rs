//! A directory index: the page in which a web server lists the files of a folder, or of a bucket.

mod entries;
mod json;
mod listing_xml;
mod page;

pub use entries::Page;
pub use page::{MAX_SIZE, is_of_bucket, read, read_urls};
