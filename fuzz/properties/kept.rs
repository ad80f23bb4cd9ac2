//! What a reader keeps at its peak is in proportion to what it reads.
#![allow(dead_code)] // each target needs some of it

/// Whatever the input: tables, buffers.
const ROOM: u64 = 2 << 20;
/// The window that a compressed file may ask for, and what its decoder has beside it.
pub const WINDOW: u64 = 80 << 20;
/// What a file may unpack to and be kept of it, whatever its length: the budget of a command.
pub const BUDGET: u64 = 240 << 20;
/// Bytes that are kept for each that is read: an empty map in JSON, of two, takes a node of a tree.
const FOR_EACH_BYTE: u64 = 500;

/// Reads an input, and fails where its reader keeps out of all proportion.
pub fn in_proportion<T>(length: usize, more: u64, read: impl FnOnce() -> T) -> T {
    let mut result = None;
    let peak = allocation_counter::measure(|| result = Some(read())).bytes_max;
    let most = ROOM + more + FOR_EACH_BYTE * length as u64;
    assert!(peak <= most, "{peak} bytes are kept of {length}, expected {most} at most");
    result.expect("it was read")
}
