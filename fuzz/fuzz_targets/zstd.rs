//! A primary that begins as zstd does.
#![no_main]

#[path = "../properties/listing.rs"]
mod listing;

use libfuzzer_sys::fuzz_target;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

const MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";

fn compress(plain: &[u8]) -> Vec<u8> {
    compress_to_vec(plain, CompressionLevel::Fastest)
}

fuzz_target!(|input: &[u8]| listing::compressed(input, MAGIC, compress));
