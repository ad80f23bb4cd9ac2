//! A primary that begins as gzip does.
#![no_main]

#[path = "../properties/listing.rs"]
mod listing;

use libfuzzer_sys::fuzz_target;
use std::io::Write as _;

const MAGIC: &[u8] = b"\x1f\x8b\x08";

fn compress(plain: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(plain).expect("written");
    gzip.finish().expect("gzip")
}

fuzz_target!(|input: &[u8]| listing::compressed(input, MAGIC, compress));
