//! The order of releases against the real rpm's, by its Python module, over many hard pairs.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)] // the real rpm is another process

use std::cmp::Ordering;
use std::io::Write as _;
use std::process::{Command, Stdio};

use ami_scheduler::release::Evr;

/// Pairs that are tried. The seed can be set, to try others: `RPM_ORDER_SEED=7 cargo test --test core rpm_order`.
const PAIRS: usize = 120_000;
const SEED: u64 = 20_261_124;

/// What versions are made of: that which orders are decided by.
const PIECES: [&str; 34] = [
    "0",
    "00",
    "1",
    "01",
    "001",
    "2",
    "9",
    "10",
    "11",
    "099",
    "100",
    "20261124",
    "18446744073709551616",
    "36893488147419103232",
    "a",
    "A",
    "b",
    "z",
    "aa",
    "rc",
    "RC",
    "git",
    "el9",
    "~",
    "~",
    "~~",
    "^",
    "^",
    "^^",
    ".",
    ".",
    "..",
    "_",
    "+",
];

/// Of what is tried here, the JSON lines that rpm's own `labelCompare` is asked.
const JUDGE: &str = r"
import json, rpm, sys
for line in sys.stdin:
    one, other = json.loads(line)
    print(rpm.labelCompare(tuple(one), tuple(other)))
";

/// The generator `SplitMix64`.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % limit as u64).unwrap_or_default()
    }

    fn word(&mut self) -> Vec<&'static str> {
        (0..=self.below(6)).map(|_| PIECES[self.below(PIECES.len())]).collect()
    }

    /// Another word that begins alike, so that what follows decides.
    fn like(&mut self, word: &[&'static str]) -> Vec<&'static str> {
        let mut other = word.to_vec();
        match self.below(4) {
            0 => other.truncate(self.below(word.len()) + 1),
            1 => other.push(PIECES[self.below(PIECES.len())]),
            2 => {
                let place = self.below(other.len());
                other[place] = PIECES[self.below(PIECES.len())];
            }
            _ => return self.word(),
        }
        other
    }

    fn pair(&mut self) -> (Evr, Evr) {
        let epochs = [0, 0, 0, 0, 0, 1, 2, 10, u32::MAX];
        let (version, release) = (self.word(), self.word());
        let one_epoch = epochs[self.below(epochs.len())];
        let other_epoch = if self.below(3) == 0 { epochs[self.below(epochs.len())] } else { one_epoch };
        let other_version = if self.below(3) == 0 { version.clone() } else { self.like(&version) };
        let other_release = self.like(&release);
        let evr = |epoch, version: &[&str], release: &[&str]| Evr::new(epoch, version.concat(), release.concat());
        (evr(one_epoch, &version, &release), evr(other_epoch, &other_version, &other_release))
    }
}

/// What rpm says of each pair.
fn rpm_says(pairs: &[(Evr, Evr)]) -> Vec<Ordering> {
    let label = |evr: &Evr| (evr.epoch.to_string(), evr.version.clone(), evr.release.clone());
    let lines: Vec<String> =
        pairs.iter().map(|(one, other)| serde_json::to_string(&(label(one), label(other))).expect("JSON")).collect();
    // The system's Python: no other has the module.
    let mut rpm = Command::new("/usr/bin/python3")
        .args(["-c", JUDGE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("/usr/bin/python3 is needed for this test: run scripts/setup packages");
    let mut stdin = rpm.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || stdin.write_all(lines.join("\n").as_bytes()));
    let output = rpm.wait_with_output().expect("its end");
    let _ = writer.join();
    assert!(output.status.success(), "python3-rpm is needed for this test: run scripts/setup packages");
    let said = String::from_utf8(output.stdout).expect("text");
    said.lines().map(|line| line.parse::<i32>().expect("a number").cmp(&0)).collect()
}

#[test]
fn releases_are_ordered_as_the_real_rpm_orders_them() {
    let seed = std::env::var("RPM_ORDER_SEED").map_or(SEED, |seed| seed.parse().expect("RPM_ORDER_SEED is a number"));
    println!("seed {seed}");
    let mut random = Random(seed);
    let pairs: Vec<(Evr, Evr)> = (0..PAIRS).map(|_| random.pair()).collect();

    let said = rpm_says(&pairs);

    assert_eq!(said.len(), PAIRS);
    for ((one, other), rpm) in pairs.iter().zip(&said) {
        // What rpm holds equal we order by its bytes: never as anything else.
        let expected = rpm.then_with(|| (&one.version, &one.release).cmp(&(&other.version, &other.release)));
        assert_eq!(one.cmp(other), expected, "{one} and {other} (seed {seed}): rpm says {rpm:?}");
        assert_eq!(other.cmp(one), expected.reverse(), "{other} and {one} (seed {seed})");
    }
    for order in [Ordering::Less, Ordering::Equal, Ordering::Greater] {
        let share = said.iter().filter(|said| **said == order).count();
        assert!(share > PAIRS / 50, "only {share} pairs are {order:?}: the test has lost its edge");
    }
}
