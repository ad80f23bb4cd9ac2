//! A directory index: the page in which a web server lists the files of a folder, or of a bucket.

mod links;
mod page;

pub use page::{MAX_SIZE, Page, read, read_urls};
