//! A primary that begins as xz does.
#![no_main]

#[path = "../properties/listing.rs"]
mod listing;

use libfuzzer_sys::fuzz_target;
use std::io::Write as _;

const MAGIC: &[u8] = b"\xfd7zXZ\0";

fn compress(plain: &[u8]) -> Vec<u8> {
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(0)).expect("a writer");
    xz.write_all(plain).expect("written");
    xz.finish().expect("xz")
}

fuzz_target!(|input: &[u8]| listing::compressed(input, MAGIC, compress));
