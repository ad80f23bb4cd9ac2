//! A primary that begins as zstd does.
#![no_main]

#[path = "../properties/listing.rs"]
mod listing;

use libfuzzer_sys::fuzz_target;

const MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";

fn compress(plain: &[u8]) -> Vec<u8> {
    zstd::encode_all(plain, 1).expect("memory does not fail")
}

fuzz_target!(|input: &[u8]| listing::compressed(input, MAGIC, compress));
