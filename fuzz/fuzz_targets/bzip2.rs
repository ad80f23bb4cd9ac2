//! A primary that begins as bzip2 does.
#![no_main]

#[path = "../properties/listing.rs"]
mod listing;

use libfuzzer_sys::fuzz_target;
use std::io::Write as _;

const MAGIC: &[u8] = b"BZh";

fn compress(plain: &[u8]) -> Vec<u8> {
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(plain).expect("written");
    bzip2.finish().expect("bzip2")
}

fuzz_target!(|input: &[u8]| listing::compressed(input, MAGIC, compress));
