//! The worst inputs that are known of each reader of what strangers send: whatever is read, no more is kept than a
//! command may keep, the work grows as the input does, and the end is a value or an error.
//!
//! `make linear` runs the same inputs under callgrind: each once and at four times the size.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)] // the environment says what callgrind looks at

#[allow(dead_code)] // nothing goes wrong in it here
#[path = "core/common/memory.rs"]
mod memory;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use ami_scheduler::artifacts::Packages;
use ami_scheduler::budget::{Budget, OverBudget};
use ami_scheduler::release::{Checksum, Package};
use ami_scheduler::repository::merge::merge;
use ami_scheduler::repository::repo_file::{RepoFile, RepoFileError};
use ami_scheduler::repository::repomd::DataFile;
use ami_scheduler::repository::variables::Variables;
use ami_scheduler::repository::{Listing, index, mirrors, primary, repomd, updateinfo};
use ami_scheduler::text::hex;
use ami_scheduler::tracker::heads::Tracker;
use ami_scheduler::tracker::{Entry, TrackerName};
use memory::Memory;
use sha2::{Digest as _, Sha256};
use url::Url;

/// What a command may keep at its peak, beside the program itself.
const MOST_MIB: u64 = 240;
const PRODUCT: &str = "runner";

/// A reader, with the input that is worst for it.
struct Worst {
    name: &'static str,
    /// The input that has so many of what there is too much of.
    input: fn(usize) -> Vec<u8>,
    read: fn(&[u8]) -> Result<String, String>,
    /// How many the tests take: as many as were seen to do harm.
    many: usize,
    /// How many callgrind takes, and then four times as many.
    few: usize,
    /// The end of the error; empty where the input is read, as it should be.
    told: &'static str,
}

const WORST: [Worst; 23] = [
    Worst {
        name: "files of a JSON index behind a long path",
        input: |n| json(n, r#"{"name":"a-1-1.noarch.rpm"}"#),
        read: |page| index(page, &long_path()),
        many: 200_000,
        few: 2_000,
        told: "",
    },
    Worst {
        name: "folders of a JSON index behind a long path",
        input: |n| json(n, r#"{"name":"r","is_dir":true}"#),
        read: |page| index(page, &long_path()),
        many: 200_000,
        few: 500,
        told: "",
    },
    Worst {
        name: "files without a name in a JSON index",
        input: |n| json(n, r#"{"name":""}"#),
        read: |page| index(page, &base()),
        many: 2_700_000,
        few: 5_000,
        told: "kept at a time",
    },
    Worst {
        name: "links to folders behind a long path",
        input: |n| "<a href=y/>".repeat(n).into_bytes(),
        read: |page| index(page, &long_path()),
        many: 200_000,
        few: 500,
        told: "",
    },
    Worst {
        name: "keys of a bucket behind a long path",
        input: |n| {
            let keys = "<Contents><Key>r/</Key></Contents>".repeat(n);
            format!("<ListBucketResult>{keys}</ListBucketResult>").into_bytes()
        },
        read: |page| index(page, &long_path()),
        many: 200_000,
        few: 500,
        told: "",
    },
    Worst {
        name: "entities in the key of a bucket",
        input: |n| {
            let key = "&lt;".repeat(n);
            format!("<ListBucketResult><Contents><Key>{key}</Key></Contents></ListBucketResult>").into_bytes()
        },
        read: |page| index(page, &base()),
        many: 2_000_000,
        few: 5_000,
        told: "a place in it has more than 2048 bytes",
    },
    Worst {
        name: "URLs of a mirrorlist",
        input: |n| (0..n).flat_map(|n| format!("http://{n}.example.com/\n").into_bytes()).collect(),
        read: mirrors,
        many: 1_000_000,
        few: 2_000,
        told: "",
    },
    Worst {
        name: "URLs of a metalink",
        input: |n| {
            let url = |n| format!("<url preference='{n}'>http://{n}.example.com/repodata/repomd.xml</url>");
            let urls: String = (0..n).map(url).collect();
            format!("<metalink><files><file name='repomd.xml'><resources>{urls}</resources></file></files></metalink>")
                .into_bytes()
        },
        read: mirrors,
        many: 100_000,
        few: 1_000,
        told: "",
    },
    Worst {
        name: "elements below one with a long tag in a metalink",
        input: |n| {
            let (attributes, elements) = (" x=''".repeat(n), "<x/>".repeat(n));
            format!("<metalink><files><file{attributes}>{elements}</file></files></metalink>").into_bytes()
        },
        read: mirrors,
        many: 200_000,
        few: 2_000,
        told: "names no file repomd.xml",
    },
    Worst {
        name: "elements below one with a long tag in repomd.xml",
        input: |n| format!("<repomd><data{}>{}</data></repomd>", " x=''".repeat(n), "<x/>".repeat(n)).into_bytes(),
        read: |document| {
            let document = std::str::from_utf8(document).expect("text");
            repomd::parse(document.as_bytes(), &Budget::default())
                .map(|_| String::new())
                .map_err(|error| error.to_string())
        },
        many: 200_000,
        few: 2_000,
        told: "it names no <data type=\"primary\">",
    },
    Worst {
        name: "keys of a .repo file",
        input: |n| {
            (0..n).fold("[a]\nbaseurl=https://a/\n".to_owned(), |file, n| file + &format!("k{n}=\n")).into_bytes()
        },
        read: repo_file,
        many: 110_000,
        few: 2_000,
        told: "",
    },
    Worst {
        name: "variables in one another in a .repo file",
        input: |n| format!("[a]\nbaseurl={}\n", "${a:-x,".repeat(n)).into_bytes(),
        read: repo_file,
        many: 2_000,
        few: 500,
        told: "begins no variable",
    },
    Worst {
        name: "attributes of one tag in primary.xml",
        input: |n| primary_with(&format!("<x{}/>", " a=''".repeat(n))),
        read: read_primary,
        many: 3_000_000,
        few: 10_000,
        told: "",
    },
    Worst {
        name: "bytes of a host in primary.xml",
        input: |n| primary_with(&format!("<location href='//{}/'/>", "x".repeat(n))),
        read: read_primary,
        many: 15_900_000,
        few: 10_000,
        told: "it has two <location>",
    },
    Worst {
        name: "pieces of one element in primary.xml",
        input: |n| primary_with(&"x".repeat(n << 16)),
        read: read_primary,
        many: 240,
        few: 8,
        told: "",
    },
    Worst {
        name: "releases in one update of updateinfo.xml",
        input: |n| updateinfo_with(&package_of_update(1).repeat(n)),
        read: read_updateinfo,
        many: 180_000,
        few: 500,
        told: "",
    },
    Worst {
        name: "attributes of one release in updateinfo.xml",
        input: |n| updateinfo_with(&format!("<package name='{PRODUCT}'{}/>", " a=''".repeat(n))),
        read: read_updateinfo,
        many: 3_000_000,
        few: 10_000,
        told: "",
    },
    Worst {
        name: "bytes of a version in updateinfo.xml",
        input: |n| {
            updateinfo_with(&package_of_update(1).replace("version='1'", &format!("version='{}'", "1.a".repeat(n))))
        },
        read: read_updateinfo,
        many: 5_000_000,
        few: 10_000,
        told: "",
    },
    Worst {
        name: "advisories of one release in updateinfo.xml, each graver than those before it",
        input: |n| {
            let update = |n: usize| {
                let package = package_of_update(1);
                format!("<update><id>{:08}</id><pkglist><c>{package}</c></pkglist></update>", 99_999_999 - n)
            };
            format!("<updates>{}</updates>", (0..n).map(update).collect::<String>()).into_bytes()
        },
        read: read_updateinfo,
        many: 200_000,
        few: 500,
        told: "",
    },
    Worst {
        name: "empty streams of bzip2",
        input: |n| b"BZh9\x17\x72\x45\x38\x50\x90\0\0\0\0".repeat(n),
        read: read_primary,
        many: 40_000,
        few: 50,
        told: "steps",
    },
    Worst {
        name: "fields of no known shape in a head",
        input: |n| head(&format!(r#""entries":{{}},"x":[{}[]]"#, "[],".repeat(n))),
        read: read_head,
        many: 20_000_000,
        few: 5_000,
        told: "kept at a time",
    },
    Worst {
        name: "releases of one target in a head",
        input: |n| {
            let entry = |n| format!(r#""p-{n}-1.x":{{"t":{{"state":"built","since":"2026-11-24T02:00:00Z"}}}}"#);
            head(&format!(r#""entries":{{{}}}"#, (0..n).map(entry).collect::<Vec<_>>().join(",")))
        },
        read: read_head,
        many: 700_000,
        few: 1_000,
        told: "kept at a time",
    },
    Worst {
        name: "releases in a packages.json",
        input: |n| {
            let package = |n| format!(r#"{{"package":"p-{n}-1.x","url":"x"}}"#);
            let packages = (0..n).map(package).collect::<Vec<_>>().join(",");
            let head =
                r#""format":"ami-scheduler/packages/1","product":"p","repository":"","read_at":"2026-11-24T02:00:00Z""#;
            format!(r#"{{{head},"packages":[{packages}],"filtered":[]}}"#).into_bytes()
        },
        read: |json| Packages::from_json(json).map(|_| String::new()).map_err(|error| format!("{error:?}")),
        many: 1_000_000,
        few: 1_000,
        told: "OverBudget(Bytes",
    },
];

fn base() -> Url {
    "https://yum.example.com/el9/".parse().expect("a URL")
}

fn long_path() -> Url {
    format!("https://yum.example.com/{}/", "x".repeat(3_000)).parse().expect("a URL")
}

fn json(count: usize, entry: &str) -> Vec<u8> {
    format!("[{}]", vec![entry; count].join(",")).into_bytes()
}

fn index(page: &[u8], url: &Url) -> Result<String, String> {
    let page = index::read(page, url, PRODUCT, &Budget::default()).map_err(|error| error.to_string())?;
    Ok(format!("{} releases", page.listing.packages.len()))
}

fn mirrors(list: &[u8]) -> Result<String, String> {
    let list = std::str::from_utf8(list).expect("text");
    let mirrors = mirrors::parse(list, &Variables::default(), &Budget::default()).ok_or("something else")?;
    mirrors.map(|mirrors| format!("{} mirrors", mirrors.bases.len())).map_err(|error| error.to_string())
}

fn repo_file(text: &[u8]) -> Result<String, String> {
    let (text, variables) = (std::str::from_utf8(text).expect("text"), Variables::default());
    let read = || -> Result<usize, RepoFileError> {
        let file = RepoFile::parse(text, &variables, &Budget::default())?;
        let repositories = file.enabled(&variables)?.into_iter().map(|section| section.repository(&variables));
        Ok(repositories.collect::<Result<Vec<_>, _>>()?.len())
    };
    read().map(|repositories| format!("{repositories} repositories")).map_err(|error| error.to_string())
}

/// A primary with one package of the product, which has something more in it.
fn primary_with(more: &str) -> Vec<u8> {
    format!(
        "<metadata><package><name>{PRODUCT}</name><arch>noarch</arch><version ver='1' rel='1'/>\
         <location href='a.rpm'/>{more}</package></metadata>"
    )
    .into_bytes()
}

fn promised(file: &[u8]) -> DataFile {
    let checksum = Checksum::new("sha256", &hex(&Sha256::digest(file))).expect("a checksum");
    DataFile { href: "primary.xml".to_owned(), base: None, checksum, size: None }
}

fn listing(file: &[u8], budget: &Budget) -> Result<Listing, String> {
    primary::read(file, &promised(file), &base(), PRODUCT, budget).map_err(|error| error.to_string())
}

/// An updateinfo of one update, with these packages.
fn updateinfo_with(packages: &str) -> Vec<u8> {
    format!("<updates><update><id>A-1</id><pkglist><c>{packages}</c></pkglist></update></updates>").into_bytes()
}

fn package_of_update(release: usize) -> String {
    format!("<package name='{PRODUCT}' version='1' release='{release}' arch='noarch'/>")
}

/// Of a repository with some releases.
fn read_updateinfo(file: &[u8]) -> Result<String, String> {
    let budget = Budget::default();
    let links: Vec<String> = (0..200).map(|release| format!("<a href={PRODUCT}-1-{release}.noarch.rpm>")).collect();
    let mut listing = index::read(links.concat().as_bytes(), &base(), PRODUCT, &budget).expect("a page").listing;
    let read = updateinfo::read(file, &promised(file), PRODUCT, &listing.packages, &budget);
    listing.add_advisories(read.map_err(|error| error.to_string())?);
    let advised = listing.packages.iter().filter(|package| !package.advisories.is_empty()).count();
    Ok(format!("{advised} with advisories; {:?}", listing.advisories_unknown))
}

fn read_primary(file: &[u8]) -> Result<String, String> {
    listing(file, &Budget::default()).map(|listing| format!("{} releases", listing.packages.len()))
}

/// A head, compressed: a Maintainer can store it.
fn head(fields: &str) -> Vec<u8> {
    let document = format!(r#"{{"format":"ami-scheduler/tracker/2","product":"p","ref":"main",{fields}}}"#);
    let mut gzip = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::fast());
    gzip.write_all(document.as_bytes()).expect("JSON");
    gzip.finish().expect("gzip")
}

fn read_head(content: &[u8]) -> Result<String, String> {
    let store = Memory::default();
    let name = TrackerName::new("p", "main").expect("a name");
    store.put(&name.head(content).to_string(), content);
    let read = Tracker::new(&store, "p", "main").expect("a tracker").read();
    read.map(|_| String::new()).map_err(|error| {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        format!("{error}: {}", source.unwrap_or_default())
    })
}

/// The peak of what is allocated meanwhile, in MiB.
fn peak_mib<T>(what: impl FnOnce() -> T) -> (u64, T) {
    let mut result = None;
    let info = allocation_counter::measure(|| result = Some(what()));
    (info.bytes_max >> 20, result.expect("a result"))
}

/// Field tests, security 4.
#[test]
fn whatever_is_read_no_more_is_kept_than_a_command_may_keep() {
    let mut wrong = Vec::new();
    for Worst { name, input, read, many, told, .. } in &WORST {
        let input = input(*many);
        let (peak, result) = peak_mib(|| read(&input));
        let peak = peak + (input.len() as u64 >> 20);
        let as_told =
            result.as_ref().map_or_else(|error| !told.is_empty() && error.contains(told), |_| told.is_empty());
        println!("{peak:>5} MiB with its input: {many} {name}: {result:?}");
        if peak >= MOST_MIB || !as_told {
            wrong.push(format!("{peak} MiB with its input: {many} {name}: {result:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Eight repositories with the most releases that one may have, of one product and all for targets of their own.
#[test]
fn eight_repositories_of_twenty_thousand_releases_fit() {
    let budget = Budget::default();
    let (peak, packages) = peak_mib(|| {
        let (mut offered, mut held) = (Vec::new(), Vec::new());
        for repository in 0..8 {
            let links = (0..20_000).map(|n| format!("<a href={PRODUCT}-18.{n}.{repository}-1.x86_64.rpm>"));
            let page = links.collect::<String>();
            let url = "https://packages.example.com/runner/gitlab-runner/el/9/x86_64/".parse().expect("a URL");
            let listing = index::read(page.as_bytes(), &url, PRODUCT, &budget).expect("a page").listing;
            held.push(listing.held);
            let checksum = Some(format!("sha256:{}", "0".repeat(64)).parse::<Checksum>().expect("a checksum"));
            let own = |package| Package { checksum: checksum.clone(), ..package };
            offered.push(listing.packages.into_iter().map(own).collect::<Vec<_>>());
        }
        merge(offered).packages.len()
    });
    println!("{peak} MiB");
    assert_eq!(packages, 160_000);
    assert!(peak < MOST_MIB, "{peak} MiB");
}

/// Many heads, each of which is small enough, are not when they are merged.
/// Field tests, security 16.
#[test]
fn heads_that_are_too_much_together_are_refused() {
    let store = Memory::default();
    let name = TrackerName::new("p", "main").expect("a name");
    for number in 0..20 {
        let field = format!(r#""entries":{{}},"x{number}":[{}[]]"#, "[],".repeat(200_000));
        let content = head(&field);
        store.put(&name.head(&content).to_string(), &content);
    }
    let (peak, read) = peak_mib(|| Tracker::new(&store, "p", "main").expect("a tracker").read().map(|_| ()));
    let error = read.expect_err("too much");
    let reason = std::error::Error::source(&error).expect("a reason").to_string();
    assert!(reason.contains("would have to be kept at a time"), "{reason}");
    assert!(peak < MOST_MIB, "{peak} MiB");
}

/// A value, and whether a budget of nine tenths of the bytes that it takes at its peak refuses it.
fn is_charged<T: serde::de::DeserializeOwned>(json: &str) -> (usize, bool) {
    let read = |most: usize| Budget::of(most, u64::MAX).json::<T>(json.as_bytes()).map(|(value, _)| value);
    let info = allocation_counter::measure(|| drop(read(usize::MAX).expect("a value")));
    let peak = usize::try_from(info.bytes_max).expect("a size");
    (peak, read(peak / 10 * 9).is_err())
}

#[test]
fn a_value_is_charged_what_it_takes() {
    let list = |value: &str| format!("[{}]", vec![value; 10_000].join(","));
    let map =
        |value: &str| format!("{{{}}}", (0..10_000).map(|n| format!("\"{n}\":{value}")).collect::<Vec<_>>().join(","));
    let package = r#"{"package":"p-1-1.x","url":"x","checksum":null,"targets":["a"]}"#;
    let advisory = r#"null,"advisories":[{"id":"A-1","type":"bugfix"}]"#;
    let entry = r#"{"state":"built","since":"2026-11-24T02:00:00Z"}"#;
    let values = [
        ("numbers", is_charged::<Vec<u64>>(&list("1"))),
        ("texts", is_charged::<Vec<String>>(&list("\"x\""))),
        ("lists of texts", is_charged::<Vec<Vec<String>>>(&list("[\"\"]"))),
        ("sets of texts", is_charged::<Vec<BTreeSet<String>>>(&list("[\"\"]"))),
        ("maps of one", is_charged::<Vec<BTreeMap<String, String>>>(&list("{\"a\":\"\"}"))),
        ("a map", is_charged::<BTreeMap<String, String>>(&map("\"\""))),
        ("a map of maps", is_charged::<BTreeMap<String, BTreeMap<String, u64>>>(&map("{\"a\":1}"))),
        ("boxes", is_charged::<Vec<Box<Entry>>>(&list(entry))),
        ("lists of any shape", is_charged::<serde_json::Value>(&list("[1]"))),
        ("maps of any shape", is_charged::<serde_json::Value>(&list("{\"a\":1}"))),
        ("packages", is_charged::<Vec<Package>>(&list(package))),
        ("packages with an advisory", is_charged::<Vec<Package>>(&list(&package.replace("null", advisory)))),
        ("entries", is_charged::<Vec<Entry>>(&list(entry))),
        ("entries with a note", is_charged::<Vec<Entry>>(&list(&entry.replace('}', r#","notes":{"a":""}}"#)))),
        ("entries of a newer version", is_charged::<Vec<Entry>>(&list(&entry.replace('}', r#","new":{"a":[]}}"#)))),
    ];
    let wrong: Vec<_> = values.iter().filter(|(_, (_, is_charged))| !is_charged).collect();
    assert!(wrong.is_empty(), "these take more than they are charged: {wrong:?}");
}

#[test]
fn what_is_held_counts_until_it_is_dropped_and_work_for_good() {
    let budget = Budget::of(10, 10);
    let held = budget.hold(6).expect("room");
    assert_eq!(budget.hold(5).expect_err("too much"), OverBudget::Bytes(10));
    assert!(budget.hold(4).is_ok());
    drop(held);
    assert!(budget.clone().hold(10).is_ok());
    budget.work(10).expect("steps");
    assert_eq!(budget.work(1), Err(OverBudget::Steps(10)));
}

#[test]
fn of_what_does_not_end_no_more_is_read_than_the_limit_or_the_budget_allows() {
    let budget = Budget::of(1 << 20, u64::MAX);
    let (content, held) = budget.read_to_end(std::io::repeat(b'x'), 100_000).expect("within the budget");
    assert_eq!(content.len(), 100_001);
    drop(held);
    let error = budget.read_to_end(std::io::repeat(b'x'), u64::MAX - 1).expect_err("beyond it");
    assert_eq!(error.to_string(), "more than 1 MiB would have to be kept at a time");
    assert!(budget.hold(1 << 20).is_ok());
}

#[inline(never)]
fn read_under_callgrind(read: fn(&[u8]) -> Result<String, String>, input: &[u8]) {
    drop(std::hint::black_box(read(input)));
}

#[test]
#[ignore = "scripts/linear runs it under callgrind"]
fn one_input() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<usize>().ok());
    match (number("WORST"), number("TIMES")) {
        (Some(which), Some(times)) => {
            let Worst { input, read, few, .. } = &WORST[which];
            read_under_callgrind(*read, &input(few * times));
        }
        _ => WORST.iter().for_each(|worst| println!("WORST {}", worst.name)),
    }
}
