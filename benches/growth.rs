//! Prints how a tracker grows with its images: bytes an image, and how many there are until it is full.
//!
//! Each build has what a night gives it: a checksum, the URLs of its pipeline and job, an image with ids that do not
//! compress and the image that it was baked from. A rebuild adds an image to a build that is there. (make bench-growth)

#![allow(clippy::disallowed_macros)] // it prints, and is no part of the core

use ami_scheduler::release::{BuildKey, Checksum};
use ami_scheduler::tracker::{Baked, Document, MAX_HEAD, Origin, READABLE, Report, Room};
use jiff::{SignedDuration, Timestamp};

const TARGETS: usize = 4;
const STEP: usize = 1_000;

/// Digits that look like none that were before: a number of Knuth's generator.
struct Digits(u64);

impl Digits {
    fn hex(&mut self, length: usize) -> String {
        let digit = |state: &mut u64| {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from_digit((*state >> 60) as u32, 16).unwrap_or('0')
        };
        (0..length).map(|_| digit(&mut self.0)).collect()
    }
}

fn build(number: usize) -> BuildKey {
    let package = format!("gitlab-runner-18.{}.{}-1.x86_64", number / 10, number % 10);
    BuildKey { package: package.parse().expect("a package"), target: "al2023".parse().expect("a target") }
}

/// Bakes an image of a build that is new, or asked for anew.
fn bake(document: &mut Document, build: &BuildKey, pipeline: u64, places: usize, digits: &mut Digits) {
    let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * i64::try_from(pipeline).unwrap_or_default());
    let url = |what: &str, id: u64| Some(format!("https://gitlab.example.com/platform/images/-/{what}/{id}"));
    let origin = Origin {
        pipeline,
        pipeline_url: url("pipelines", pipeline),
        job_url: url("jobs", 7 * pipeline),
        lane: Some("gitlab-runner".to_owned()),
    };
    let checksum: Checksum = format!("sha256:{}", digits.hex(64)).parse().expect("a checksum");
    document.rebuild(&build.package, &[], "an older base", Some("mary"), now);
    document.claim(build, "new_release", Some(checksum), now, origin.clone());
    let mut baked = Baked::default();
    for place in 0..places {
        let place = format!("region-{place}").parse().expect("a place");
        baked.ids.add(place, format!("ami-{}", digits.hex(17)).parse().expect("an id"));
    }
    baked.bases.insert(format!("ami-{}", digits.hex(17)).parse().expect("an id"));
    let claim = document.get(build).map(ami_scheduler::tracker::Entry::claim);
    document.succeed(build, Report { claim, job: 7 * pipeline, baked, ..Report::default() }, now, origin);
}

/// How many images there are room for, the bytes that each takes in a head, and what ends first.
fn filled(places: usize, images_a_build: usize) -> (usize, usize, &'static str) {
    let (mut document, mut digits, mut images) = (Document::new("gitlab-runner", "main"), Digits(1), 0);
    let mut last = Room::of(&document).expect("a room");
    loop {
        for number in images..images + STEP {
            let build = build(number / images_a_build);
            bake(&mut document, &build, number as u64 / TARGETS as u64 + 1, places, &mut digits);
        }
        let room = Room::of(&document).expect("a room");
        if room.size >= MAX_HEAD {
            return (images, last.size / images.max(1), "the 5 MiB of a file");
        }
        if room.to_read() > READABLE {
            return (images, last.size / images.max(1), "the memory to read it");
        }
        (images, last) = (images + STEP, room);
    }
}

fn main() {
    println!("{:>8} {:>15} {:>15} {:>15}   what ends first", "regions", "images a build", "bytes an image", "images");
    for (places, images_a_build) in [(1, 1), (2, 1), (10, 1), (30, 1), (2, 12)] {
        let (images, bytes, end) = filled(places, images_a_build);
        println!("{places:>8} {images_a_build:>15} {bytes:>15} {images:>15}   {end}");
    }
}
