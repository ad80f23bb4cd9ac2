//! NEVRAs, three lines of them: what is read is written as it was, and their order is a total one.
#![no_main]

use ami_scheduler::release::Nevra;
use libfuzzer_sys::fuzz_target;

fn read(line: &str) -> Option<Nevra> {
    match line.parse::<Nevra>() {
        Ok(nevra) => {
            let told = nevra.to_string();
            assert_eq!(told.parse().as_ref(), Ok(&nevra));
            assert_eq!(serde_json::from_str::<Nevra>(&format!("\"{told}\"")).ok().as_ref(), Some(&nevra));
            assert!(told.len() <= 180 && told.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+~^:-".contains(&b)), "{told}");
            Some(nevra)
        }
        Err(error) => {
            let error = error.to_string();
            assert!(error.len() < 2000 && !error.contains(char::is_control), "{error}");
            None
        }
    }
}

fuzz_target!(|text: &str| {
    let mut lines = text.split('\n').filter_map(read);
    let Some(a) = lines.next() else { return };
    assert!(a.cmp(&a).is_eq());
    let Some(b) = lines.next() else { return };
    assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
    assert_eq!(a == b, a.cmp(&b).is_eq());
    let Some(c) = lines.next() else { return };
    let mut sorted = [&a, &b, &c];
    sorted.sort();
    assert!(sorted[0] <= sorted[1] && sorted[1] <= sorted[2] && sorted[0] <= sorted[2], "{a} {b} {c}");
});
