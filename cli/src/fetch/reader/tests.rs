use ami_scheduler::text::hex;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::fetch::scripted::{ScriptedFile, ScriptedServers, ScriptedSource};
use crate::http::Tls;

const BASE: &str = "https://yum.example.com/el9/";
const REPOMD_URL: &str = "https://yum.example.com/el9/repodata/repomd.xml";
const SIGNATURE_URL: &str = "https://yum.example.com/el9/repodata/repomd.xml.asc";
const PRIMARY_URL: &str = "https://yum.example.com/el9/repodata/primary.xml";
const NOW: &str = "2026-11-24T02:00:00Z";
const NEVER: [u32; 0] = [];

fn at(time: &str) -> Reader<'static> {
    let (budget, variables) = (Box::leak(Box::default()), Box::leak(Box::default()));
    Reader {
        product: "gitlab-runner",
        signed_by: None,
        now: time.parse().expect(time),
        cache: None,
        variables,
        accepts_index: false,
        package_url_query: false,
        budget,
    }
}

fn read(source: &ScriptedSource) -> Result<Vec<String>, String> {
    at(NOW).read(&[source]).map(|listing| names(&listing)).map_err(|error| format!("{error:#}"))
}

fn names(listing: &Listing) -> Vec<String> {
    listing.packages.iter().map(|package| package.nevra.to_string()).collect()
}

const OLDER: &str = "gitlab-runner-18.6.0-1.x86_64";
const NEWEST: &str = "gitlab-runner-18.6.1-1.x86_64";

/// A `primary.xml` with these versions of the product.
fn primary(versions: &[&str]) -> String {
    let package = |version: &&str| {
        let checksum = "a".repeat(64);
        format!(
            r#"<package type="rpm"><name>gitlab-runner</name><arch>x86_64</arch><version epoch="0" ver="{version}" rel="1"/><checksum type="sha256" pkgid="YES">{checksum}</checksum><location href="gitlab-runner-{version}-1.x86_64.rpm"/></package>"#
        )
    };
    format!("<metadata>{}</metadata>", versions.iter().map(package).collect::<String>())
}

fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text))
}

/// The `repomd.xml` that describes this `primary.xml`.
fn repomd(primary: &str) -> String {
    format!(
        r#"<repomd><revision>1732406400</revision><data type="primary"><checksum type="sha256">{}</checksum><location href="repodata/primary.xml"/></data></repomd>"#,
        sha256(primary)
    )
}

/// A repository with these versions of the product.
fn repository(versions: &[&str]) -> ScriptedServers {
    let primary = primary(versions);
    ScriptedServers::default().with(REPOMD_URL, repomd(&primary)).with(PRIMARY_URL, primary)
}

/// Puts the same repository at another URL.
fn copy(servers: ScriptedServers, base: &str, versions: &[&str]) -> ScriptedServers {
    let primary = primary(versions);
    servers
        .with(&format!("{base}repodata/repomd.xml"), repomd(&primary))
        .with(&format!("{base}repodata/primary.xml"), primary)
}

// ---------------------------------------------------------------- repodata

#[test]
fn repodata_lists_the_packages_and_has_a_revision() {
    let servers = repository(&["18.6.0", "18.6.1"]);
    let listing = at(NOW).read(&[&servers.at(BASE)]).expect("a listing");
    assert_eq!(names(&listing), [OLDER, NEWEST]);
    assert_eq!(listing.revision.as_deref(), Some("1732406400"));
    assert_eq!(listing.packages[0].url, format!("{BASE}gitlab-runner-18.6.0-1.x86_64.rpm"));
    assert_eq!(servers.fetched(), [REPOMD_URL, PRIMARY_URL]);
}

#[test]
fn a_repository_that_is_half_updated_is_read_again_from_repomd_on() {
    let (old, new) = (primary(&["18.6.0"]), primary(&["18.6.0", "18.6.1"]));
    for half_updated in [
        ScriptedFile::from(&old),
        ScriptedFile::Missing,
        ScriptedFile::CutShort(new.as_bytes()[..100].to_vec()),
        ScriptedFile::from(&new[..100]),
    ] {
        let servers = ScriptedServers::default()
            .with(REPOMD_URL, repomd(&new))
            .with(PRIMARY_URL, half_updated)
            .with(PRIMARY_URL, &new);
        assert_eq!(read(&servers.at(BASE)), Ok(vec![OLDER.to_owned(), NEWEST.to_owned()]));
        assert_eq!(servers.fetched(), [REPOMD_URL, PRIMARY_URL, REPOMD_URL, PRIMARY_URL]);
        assert_eq!(servers.waits(), [1]);
    }
}

#[test]
fn a_repomd_that_is_cut_short_is_read_again() {
    let primary = primary(&["18.6.1"]);
    let cut = ScriptedFile::CutShort(repomd(&primary).as_bytes()[..50].to_vec());
    let servers =
        ScriptedServers::default().with(REPOMD_URL, cut).with(REPOMD_URL, repomd(&primary)).with(PRIMARY_URL, &primary);
    assert_eq!(read(&servers.at(BASE)), Ok(vec![NEWEST.to_owned()]));
    assert_eq!(servers.waits(), [1]);
}

#[test]
fn a_repository_that_stays_half_updated_is_an_error_after_four_reads() {
    for (file, told) in [
        (ScriptedFile::from(primary(&["18.6.0"])), "primary.xml does not match repomd.xml: expected sha256:"),
        (ScriptedFile::Missing, "repomd.xml names repodata/primary.xml, which is not there (404)"),
        (ScriptedFile::CutShort(Vec::new()), "cannot read primary.xml: the connection broke"),
    ] {
        let servers =
            ScriptedServers::default().with(REPOMD_URL, repomd(&primary(&["18.6.1"]))).with(PRIMARY_URL, file);
        let error = read(&servers.at(BASE)).expect_err(told);
        assert!(
            error.starts_with(&format!("the repository {BASE} cannot be read: 4 attempts ended in the same way")),
            "{error}"
        );
        assert!(error.contains(told), "{error}");
        assert_eq!(servers.fetched(), [REPOMD_URL, PRIMARY_URL].repeat(4));
        assert_eq!(servers.waits(), [1, 2, 3]);
    }
}

#[test]
fn what_would_be_the_same_again_is_final() {
    let empty = "<metadata></metadata>";
    for (document, told) in [
        (
            "<html>Sign in</html>".as_bytes().to_vec(),
            "repodata/repomd.xml is malformed: expected an XML document <repomd>",
        ),
        (b"<repomd>\xff</repomd>".to_vec(), "is malformed: expected UTF-8: invalid utf-8"),
        (repomd("").replace("repodata/primary.xml", "ftp://x/y").into_bytes(), "the location of primary in"),
        (repomd(empty).into_bytes(), "has no package at all"),
        (vec![b' '; (4 << 20) + 1], "has more than 4194304 bytes"),
    ] {
        let servers = ScriptedServers::default().with(REPOMD_URL, document).with(PRIMARY_URL, empty);
        let error = read(&servers.at(BASE)).expect_err(told);
        assert!(error.contains(told), "{error}");
        assert_eq!(servers.waits(), NEVER);
    }
}

#[test]
fn a_repository_with_other_products_alone_has_none_of_this_one() {
    let primary = primary(&["18.6.1"]).replace("gitlab-runner", "gitlab-runer");
    let servers = ScriptedServers::default().with(REPOMD_URL, repomd(&primary)).with(PRIMARY_URL, primary);
    let listing = at(NOW).read(&[&servers.at(BASE)]).expect("a listing");
    assert_eq!((names(&listing).len(), listing.others, listing.nearest.names()), (0, 1, vec!["gitlab-runer"]));
}

// ---------------------------------------------------------------- updateinfo

const UPDATEINFO_URL: &str = "https://yum.example.com/el9/repodata/updateinfo.xml";

/// An `updateinfo.xml` with one advisory, about the newest release.
fn updateinfo(id: &str) -> String {
    format!(
        r#"<updates><update type="security"><id>{id}</id><severity>Important</severity><pkglist><collection><package name="gitlab-runner" version="18.6.1" release="1" epoch="0" arch="x86_64"/></collection></pkglist></update></updates>"#
    )
}

/// The `repomd.xml` that describes both.
fn repomd_of_both(primary: &str, updateinfo: &str) -> String {
    let sha256 = sha256(updateinfo);
    repomd(primary).replace(
        "</repomd>",
        &format!(
            r#"<data type="updateinfo"><checksum type="sha256">{sha256}</checksum><location href="repodata/updateinfo.xml"/></data></repomd>"#
        ),
    )
}

/// A repository with two releases, whose `repomd.xml` describes both files.
fn repository_with(updateinfo: &str) -> ScriptedServers {
    let primary = primary(&["18.6.0", "18.6.1"]);
    ScriptedServers::default().with(REPOMD_URL, repomd_of_both(&primary, updateinfo)).with(PRIMARY_URL, primary)
}

fn advisories(listing: &Listing) -> Vec<String> {
    listing.packages.iter().map(|package| package.advisories.to_string()).collect()
}

#[test]
fn advisories_are_read_after_the_packages_that_they_are_about() {
    let updateinfo = updateinfo("RHSA-2026:1");
    let servers = repository_with(&updateinfo).with(UPDATEINFO_URL, &updateinfo);
    let listing = at(NOW).read(&[&servers.at(BASE)]).expect("a listing");
    assert_eq!(advisories(&listing), ["", "RHSA-2026:1 (security, Important)"]);
    assert_eq!(listing.advisories_unknown, None);
    assert_eq!(servers.fetched(), [REPOMD_URL, PRIMARY_URL, UPDATEINFO_URL]);
}

#[test]
fn of_a_repository_without_the_product_no_advisories_are_asked_for() {
    let servers = repository_with(&updateinfo("RHSA-2026:1"));
    let listing = Reader { product: "gitlab-runer", ..at(NOW) }.read(&[&servers.at(BASE)]).expect("a listing");
    assert_eq!((listing.others, listing.advisories_unknown), (2, None));
    assert_eq!(servers.fetched(), [REPOMD_URL, PRIMARY_URL]);
}

/// The answers of a mirror that is half-way through its update.
fn half_updated(updateinfo: &str) -> [ScriptedFile; 4] {
    [
        ScriptedFile::from(self::updateinfo("RHSA-2025:1")),
        ScriptedFile::Missing,
        ScriptedFile::CutShort(updateinfo.as_bytes()[..100].to_vec()),
        ScriptedFile::from(&updateinfo[..100]),
    ]
}

#[test]
fn advisories_that_are_half_updated_are_read_again_from_repomd_on() {
    let updateinfo = updateinfo("RHSA-2026:1");
    for half_updated in half_updated(&updateinfo) {
        let servers = repository_with(&updateinfo).with(UPDATEINFO_URL, half_updated).with(UPDATEINFO_URL, &updateinfo);
        let listing = at(NOW).read(&[&servers.at(BASE)]).expect("a listing");
        assert_eq!(advisories(&listing), ["", "RHSA-2026:1 (security, Important)"]);
        assert_eq!(servers.fetched(), [REPOMD_URL, PRIMARY_URL, UPDATEINFO_URL].repeat(2));
        assert_eq!(servers.waits(), [1]);
    }
}

#[test]
fn advisories_that_stay_half_updated_are_unknown_and_the_releases_are_listed() {
    let updateinfo = updateinfo("RHSA-2026:1");
    for half_updated in half_updated(&updateinfo) {
        let servers = repository_with(&updateinfo).with(UPDATEINFO_URL, half_updated);
        let listing = at(NOW).read(&[&servers.at(BASE)]).expect("a listing");
        assert_eq!(
            (names(&listing), advisories(&listing)),
            (vec![OLDER.into(), NEWEST.into()], vec![String::new(); 2])
        );
        let reason = listing.advisories_unknown.expect("a reason");
        assert!(reason.contains("updateinfo.xml"), "{reason}");
        assert_eq!(servers.waits(), [1, 2, 3]);
    }
}

#[test]
fn advisories_that_would_be_the_same_again_are_unknown_at_once() {
    let good = updateinfo("RHSA-2026:1");
    let all = |document: &str| document.to_owned();
    for (content, change, reason) in [
        ("<html>Sign in</html>", all as fn(&str) -> String, "expected an XML document <updates>"),
        (&good.replace("RHSA-2026:1", "$(id)"), all, "one is left out: updateinfo.xml is malformed near byte 9: "),
        (&good, |repomd| repomd.replace("repodata/updateinfo.xml", "ftp://x/y"), "the location of updateinfo in "),
        (
            &good,
            |repomd| {
                repomd.replace(
                    "<data type=\"updateinfo\"><checksum type=\"sha256\"",
                    "<data type=\"updateinfo\"><checksum type=\"md5\"",
                )
            },
            "checksum type \"md5\"",
        ),
    ] {
        let primary = primary(&["18.6.1"]);
        let servers = ScriptedServers::default()
            .with(REPOMD_URL, change(&repomd_of_both(&primary, content)))
            .with(PRIMARY_URL, primary)
            .with(UPDATEINFO_URL, content);
        let listing = at(NOW).read(&[&servers.at(BASE)]).expect("a listing");
        assert_eq!(advisories(&listing), [""]);
        assert!(listing.advisories_unknown.as_ref().is_some_and(|told| told.contains(reason)), "{listing:?}");
        assert_eq!(servers.waits(), NEVER);
    }
}

#[test]
fn a_mirror_whose_advisories_cannot_be_read_is_followed_by_the_next() {
    let (primary, updateinfo) = (primary(&["18.6.1"]), updateinfo("RHSA-2026:1"));
    let mut servers = list();
    for mirror in [MIRROR_A, MIRROR_B] {
        servers = servers
            .with(&format!("{mirror}repodata/repomd.xml"), repomd_of_both(&primary, &updateinfo))
            .with(&format!("{mirror}repodata/primary.xml"), &primary);
    }
    let servers = servers.with(&format!("{MIRROR_B}repodata/updateinfo.xml"), &updateinfo);
    let listing = at(NOW).read(&[&servers.at(LIST)]).expect("a listing");
    assert_eq!(advisories(&listing), ["RHSA-2026:1 (security, Important)"]);
    assert!(listing.packages[0].url.starts_with(MIRROR_B));
    assert_eq!(servers.waits(), NEVER);
}

#[test]
fn a_repository_with_module_streams_is_known() {
    let primary = primary(&["18.6.1"]);
    let with_modules = repomd(&primary).replace("</repomd>", "<data type='modules'/></repomd>");
    for (repomd, has_modules) in [(repomd(&primary), false), (with_modules, true)] {
        let servers = ScriptedServers::default().with(REPOMD_URL, repomd).with(PRIMARY_URL, &primary);
        assert_eq!(at(NOW).read(&[&servers.at(BASE)]).expect("a listing").has_modules, has_modules);
    }
}

// ---------------------------------------------------------------- index

#[test]
fn an_index_is_read_where_there_is_no_repodata() {
    let servers = ScriptedServers::default().with(BASE, format!("<a href='{OLDER}.rpm'><a href='{NEWEST}.rpm'>"));
    assert_eq!(read(&servers.at(BASE)), Ok(vec![OLDER.to_owned(), NEWEST.to_owned()]));
    assert_eq!(servers.fetched(), [REPOMD_URL, BASE]);
}

#[test]
fn a_url_where_nothing_is_is_an_error_that_names_it() {
    let servers = ScriptedServers::default();
    let told = format!("{BASE} is not there (404), nor is its repodata/repomd.xml: is the URL right?");
    assert_eq!(read(&servers.at(BASE)), Err(told));
    assert_eq!(servers.waits(), NEVER);
}

#[test]
fn an_index_that_is_split_up_goes_on_with_the_folder_of_the_first_letter() {
    let packages = format!("{BASE}Packages/");
    let letter = format!("{packages}g/");
    let servers = ScriptedServers::default()
        .with(BASE, "<a href='Packages/'><a href='images/'>")
        .with(&packages, "<a href='f/'><a href='g/'><a href='h/'>")
        .with(&letter, format!("<a href='{NEWEST}.rpm'>"));
    assert_eq!(read(&servers.at(BASE)), Ok(vec![NEWEST.to_owned()]));
    assert_eq!(servers.fetched(), [REPOMD_URL, BASE, &packages, &letter]);
}

#[test]
fn the_folders_of_a_directory_are_followed_too() {
    let url = |path: &str| -> Url { format!("file:///srv/{path}").parse().expect(path) };
    let servers = ScriptedServers::default()
        .with("file:///srv/", ScriptedFile::Folder(vec![url("Packages/")]))
        .with("file:///srv/Packages/", ScriptedFile::Folder(vec![url(&format!("Packages/{NEWEST}.rpm"))]));
    assert_eq!(read(&servers.at("file:///srv/")), Ok(vec![NEWEST.to_owned()]));
}

#[test]
fn an_index_without_packages_is_no_repository() {
    let deep = format!("{BASE}Packages/g/");
    for servers in [
        ScriptedServers::default().with(BASE, "<a href='readme.txt'>"),
        ScriptedServers::default()
            .with(BASE, "<a href='Packages/'>")
            .with(&format!("{BASE}Packages/"), "<a href='g/'>")
            .with(&deep, "<a href='g/'>")
            .with(&format!("{deep}g/"), format!("<a href='{NEWEST}.rpm'>")),
    ] {
        let error = read(&servers.at(BASE)).expect_err("no repository");
        assert!(error.starts_with(&format!("{BASE} is no package repository: it has no repodata")), "{error}");
    }
}

fn bucket(package: &str, goes_on: bool) -> String {
    let marker = if goes_on { "<NextMarker>m</NextMarker>" } else { "" };
    format!(
        "<ListBucketResult><IsTruncated>{goes_on}</IsTruncated>{marker}<Contents><Key>{package}.rpm</Key></Contents></ListBucketResult>"
    )
}

const BUCKET: &str = "https://bucket.example.com/?prefix=el9/";
const BUCKET_PAGE_2: &str = "https://bucket.example.com/?prefix=el9%2F&marker=m";

#[test]
fn an_index_of_several_pages_is_read_to_its_end() {
    let servers =
        ScriptedServers::default().with(BUCKET, bucket(OLDER, true)).with(BUCKET_PAGE_2, bucket(NEWEST, false));
    assert_eq!(read(&servers.at(BUCKET)), Ok(vec![OLDER.to_owned(), NEWEST.to_owned()]));
    assert_eq!(servers.fetched(), [BUCKET, BUCKET_PAGE_2]);
}

#[test]
fn an_index_whose_next_page_is_missing_is_an_error_and_not_a_shorter_index() {
    let servers = ScriptedServers::default().with(BUCKET, bucket(OLDER, true));
    let told = "the index https://bucket.example.com/ goes on at a page that is not there (404); run the job again";
    assert_eq!(read(&servers.at(BUCKET)), Err(told.to_owned()));
}

#[test]
fn an_index_that_never_ends_is_an_error() {
    let servers =
        ScriptedServers::default().with(BUCKET, bucket(OLDER, true)).with(BUCKET_PAGE_2, bucket(NEWEST, true));
    let error = read(&servers.at(BUCKET)).expect_err("without end");
    assert!(error.starts_with("the index https://bucket.example.com/ has more than 200 pages"), "{error}");
    assert_eq!(servers.fetched().len(), 200);
}

// ---------------------------------------------------------------- mirrors

const LIST: &str = "https://mirrors.example.com/list?repo=el9";
const MIRROR_A: &str = "https://a.example.com/el9/";
const MIRROR_B: &str = "https://b.example.com/el9/";

fn list() -> ScriptedServers {
    ScriptedServers::default().with(LIST, format!("{MIRROR_A}\n{MIRROR_B}\n"))
}

/// A metalink of both mirrors that says what `repomd.xml` is.
fn metalink(repomd: &str) -> String {
    format!(
        r#"<metalink><files><file name="repomd.xml"><verification><hash type="sha256">{}</hash></verification>
        <resources><url preference="2">{MIRROR_A}repodata/repomd.xml</url><url preference="1">{MIRROR_B}repodata/repomd.xml</url></resources>
        </file></files></metalink>"#,
        sha256(repomd)
    )
}

#[test]
fn the_first_mirror_that_has_the_repository_is_read() {
    let servers = copy(copy(list(), MIRROR_A, &["18.6.1"]), MIRROR_B, &["18.6.0"]);
    assert_eq!(read(&servers.at(LIST)), Ok(vec![NEWEST.to_owned()]));
    assert_eq!(
        servers.fetched(),
        [LIST, "https://a.example.com/el9/repodata/repomd.xml", "https://a.example.com/el9/repodata/primary.xml"]
    );
}

#[test]
fn a_mirror_that_cannot_be_used_is_followed_by_the_next() {
    let a = |file: &str| format!("{MIRROR_A}repodata/{file}");
    for first in [
        list(),
        list().with(&a("repomd.xml"), "<html>"),
        list().with(&a("repomd.xml"), repomd(&primary(&["18.6.2"]))),
        list().with(&a("repomd.xml"), repomd(&primary(&["18.6.2"]))).with(&a("primary.xml"), primary(&["18.6.0"])),
    ] {
        let servers = copy(first, MIRROR_B, &["18.6.1"]);
        assert_eq!(read(&servers.at(LIST)), Ok(vec![NEWEST.to_owned()]));
        assert_eq!(servers.waits(), NEVER);
    }
}

#[test]
fn a_list_of_mirrors_none_of_which_can_be_used_is_tried_four_times() {
    let servers = list();
    let error = read(&servers.at(LIST)).expect_err("no mirror");
    assert!(error.contains("none of the 2 mirrors in https://mirrors.example.com/list can be used: "), "{error}");
    assert!(error.ends_with("the mirror https://b.example.com/el9/ has no repodata/repomd.xml (404)"), "{error}");
    assert_eq!(servers.waits(), [1, 2, 3]);
}

/// The list may be signed for, pinned or read in the clear, its mirrors be of http or https.
#[test]
fn a_list_that_came_by_https_lowers_no_guard_to_http() {
    const HTTP: &str = "http://c.example.com/el9/";
    const CLEAR: &str = "http://mirrors.example.com/list?repo=el9";
    let current = repomd(&primary(&["18.6.1"]));
    let pinned = metalink(&current).replace(MIRROR_A, HTTP).replace(MIRROR_B, HTTP);
    let unpinned = pinned.replace("verification", "x");
    let mirrors = |url: &str, list: &str| {
        copy(copy(ScriptedServers::default().with(url, list), HTTP, &["18.6.1"]), MIRROR_A, &["18.6.0"])
    };
    let both = format!("{HTTP}\n{MIRROR_A}\n");
    for (url, list, found) in [
        (LIST, HTTP, None),
        (LIST, &both, Some(OLDER)),
        (LIST, &unpinned, None),
        (LIST, &pinned, Some(NEWEST)),
        (CLEAR, HTTP, Some(NEWEST)),
        (CLEAR, &both, Some(NEWEST)),
    ] {
        let servers = mirrors(url, list);
        match (read(&servers.at(url)), found) {
            (Ok(listed), Some(found)) => assert_eq!(listed, [found], "{list}"),
            (Err(error), None) => {
                let told = "https://mirrors.example.com/list came by https and names mirrors of http alone";
                assert!(error.starts_with(told) && error.contains("gpg_key"), "{error}");
                assert_eq!(servers.fetched(), [LIST], "no mirror is asked");
            }
            (read, _) => panic!("{list}: {read:?}"),
        }
    }
    let signed = mirrors(LIST, HTTP).with(&format!("{HTTP}{SIGNATURE}"), GOOD_SIGNATURE);
    assert_eq!(read_signed(&signed.at(LIST)), Ok(vec![NEWEST.to_owned()]));
}

#[test]
fn a_release_that_is_left_out_is_told_and_kept_with_the_others() {
    let odd =
        primary(&["18.6.0", "18.6.1"]).replace("gitlab-runner-18.6.0-1", "https://yum.example.com/%CI_JOB_TOKEN%/x");
    let servers = ScriptedServers::default().with(REPOMD_URL, repomd(&odd)).with(PRIMARY_URL, odd);
    let listing = at(NOW).read(&[&servers.at(BASE)]).expect("a listing");
    assert_eq!((names(&listing), listing.left_out.count), (vec![NEWEST.to_owned()], 1));
    let told: Vec<String> = listing.left_out.lines().collect();
    assert!(told[0].starts_with(&format!("{OLDER} is left out: its location cannot be used")), "{told:?}");
}

#[test]
fn a_list_that_names_no_mirror_is_an_error() {
    let servers = ScriptedServers::default().with(LIST, "# repo = el99 error: invalid repo or arch\n");
    let error = read(&servers.at(LIST)).expect_err("no mirror");
    assert!(error.starts_with("in https://mirrors.example.com/list: "), "{error}");
    assert_eq!(servers.waits(), NEVER);
}

#[test]
fn a_mirror_whose_repomd_is_not_the_metalinks_is_passed_over() {
    let current = repomd(&primary(&["18.6.1"]));
    let servers = ScriptedServers::default().with(LIST, metalink(&current));
    let servers = copy(copy(servers, MIRROR_A, &["18.6.0"]), MIRROR_B, &["18.6.1"]);
    assert_eq!(read(&servers.at(LIST)), Ok(vec![NEWEST.to_owned()]));
}

#[test]
fn a_metalink_that_fits_no_mirror_is_an_error_that_says_so() {
    let servers = ScriptedServers::default().with(LIST, metalink("another"));
    let servers = copy(copy(servers, MIRROR_A, &["18.6.0"]), MIRROR_B, &["18.6.1"]);
    let error = read(&servers.at(LIST)).expect_err("no mirror");
    assert!(
        error.contains("https://b.example.com/el9/repodata/repomd.xml is not the one that the metalink describes"),
        "{error}"
    );
    assert_eq!(servers.waits(), [1, 2, 3]);
}

// ---------------------------------------------------------------- what is not there

#[test]
fn where_repomd_is_forbidden_the_url_itself_is_looked_at() {
    let web = "https://yum.example.com/el9/";
    let forbidden = || ScriptedServers::default().with(REPOMD_URL, ScriptedFile::Forbidden);
    let list = copy(forbidden().with(web, format!("{MIRROR_A}\n")), MIRROR_A, &["18.6.1"]);
    assert_eq!(read(&list.at(web)), Ok(vec![NEWEST.to_owned()]));
    let index = forbidden().with(web, format!("<a href='{NEWEST}.rpm'>"));
    assert_eq!(read(&index.at(web)), Ok(vec![NEWEST.to_owned()]));
    for rest in [ScriptedFile::Forbidden, ScriptedFile::Missing] {
        let error = read(&forbidden().with(web, rest).at(web)).expect_err("nothing there");
        assert!(error.contains("answers 403"), "{error}");
    }
}

#[test]
fn a_primary_that_is_forbidden_is_one_that_is_not_there_yet() {
    let primary = primary(&["18.6.1"]);
    let servers = ScriptedServers::default().with(REPOMD_URL, repomd(&primary));
    let servers = servers.with(PRIMARY_URL, ScriptedFile::Forbidden).with(PRIMARY_URL, &primary);
    assert_eq!(read(&servers.at(BASE)), Ok(vec![NEWEST.to_owned()]));
    assert_eq!(servers.waits(), [1]);
}

#[test]
fn a_page_that_is_no_index_is_told_by_what_it_is() {
    for (page, told) in [
        ("<html><title>Sign in</title>", "no file or link that ends in .rpm; it is an HTML page titled \"Sign in\""),
        (
            "<a href=tool_1.2.3_linux_amd64.rpm>",
            "no package: it has a file that ends in .rpm, such as tool_1.2.3_linux_amd64.rpm, of another form than",
        ),
        ("{\"message\":\"no\"}", "it is JSON of another form"),
        (
            "# docker\n[docker-ce]\nbaseurl=https://x/$basearch\n[test]\nenabled=0\n",
            "https://yum.example.com/el9/ is a .repo file, with [docker-ce], [test]: give it as repo_file",
        ),
    ] {
        let error = read(&ScriptedServers::default().with(BASE, page).at(BASE)).expect_err(told);
        assert!(error.contains(told), "{error}");
    }
}

// ---------------------------------------------------------------- queries

/// A bucket is asked for its listing, and a repository may want its token with each file.
#[test]
fn a_query_is_a_token_where_there_is_no_list_and_no_listing() {
    use crate::http::scripted::{Script, answers};

    let given = "https://yum.example.com/el9?sig=s3cret";
    let primary = primary(&["18.6.1"]);
    let (repomd, bucket) = (
        repomd(&primary),
        format!("<ListBucketResult><Contents><Key>{NEWEST}.rpm</Key></Contents></ListBucketResult>"),
    );
    let file = |name: &str| format!("https://yum.example.com/el9/{name}?sig=s3cret");
    let of_token = vec![given.to_owned(), file("repodata/repomd.xml"), file("repodata/primary.xml")];
    for (found, urls) in [
        (answers(404), of_token.clone()),
        (answers(403), of_token.clone()),
        (answers(400).body("a query is wrong"), of_token.clone()),
        (answers(200).body("<title>Index of /el9</title><a href=repodata/>"), of_token.clone()),
        (answers(200).body(bucket), vec![given.to_owned()]),
    ] {
        let script = Script::new([found, answers(200).body(&repomd), answers(200).body(&primary)]);
        let repository =
            given.parse::<crate::fetch::RepoUrl>().expect("a URL").source(Tls::default(), script.client().into());
        let listing = at(NOW).read(&[&*repository]).expect("a listing");
        assert_eq!((names(&listing), script.urls()), (vec![NEWEST.to_owned()], urls));
        assert!(!listing.packages[0].url.contains("s3cret"));
    }
    let script = Script::new(vec![answers(404); 2]);
    let repository =
        given.parse::<crate::fetch::RepoUrl>().expect("a URL").source(Tls::default(), script.client().into());
    let error = format!("{:#}", at(NOW).read(&[&*repository]).map(drop).expect_err("nothing there"));
    assert_eq!(
        error,
        "https://yum.example.com/el9 is not there (404), nor is its repodata/repomd.xml: is the URL right?"
    );
}

// ---------------------------------------------------------------- caches on the way

#[test]
fn repomd_is_asked_for_afresh_and_all_else_once_it_did_not_fit() {
    let (old, new) = (primary(&["18.6.0"]), primary(&["18.6.1"]));
    let servers =
        ScriptedServers::default().with(REPOMD_URL, repomd(&new)).with(PRIMARY_URL, old).with(PRIMARY_URL, new);
    assert_eq!(read(&servers.at(BASE)), Ok(vec![NEWEST.to_owned()]));
    assert_eq!(servers.asked_afresh(), [REPOMD_URL, REPOMD_URL, PRIMARY_URL]);
}

#[test]
fn waiting_alone_is_advised_where_the_answers_change() {
    let (one, other) = (primary(&["18.6.0"]), primary(&["18.6.2"]));
    let changing = ScriptedServers::default().with(REPOMD_URL, repomd(&primary(&["18.6.1"])));
    let changing = changing.with(PRIMARY_URL, one).with(PRIMARY_URL, other);
    let error = read(&changing.at(BASE)).expect_err("no primary that fits");
    assert!(
        error.starts_with(&format!("the repository {BASE} gave no consistent answer in 4 attempts, as if")),
        "{error}"
    );
}

#[test]
fn a_size_that_is_wrong_is_told_at_once() {
    let primary = primary(&["18.6.1"]);
    let document = repomd(&primary).replace("</checksum>", "</checksum><size>1</size>");
    let servers = ScriptedServers::default().with(REPOMD_URL, document).with(PRIMARY_URL, &primary);
    let error = read(&servers.at(BASE)).expect_err("a wrong size");
    assert!(error.contains(&format!("repomd.xml states 1 bytes, and it has {}", primary.len())), "{error}");
    assert_eq!(servers.waits(), NEVER);
}

// ---------------------------------------------------------------- signatures

/// An ed25519 key of 2026-01-01 that expires after a year, and what it signed. Made by gpg; the signature is
/// one of `repomd(&primary(&["18.6.1"]))`, `OLDER_SIGNATURE` of the same with 18.6.0.
const KEY: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEaVW5ABYJKwYBBAHaRw8BAQdAxcZRm+BTpgmbihilF+UjJfil7SjqN+w4L1O/
JBl57Rm0IlNvbWUgUmVwb3NpdG9yeSA8cmVwb0BleGFtcGxlLmNvbT6IlgQTFggA
PhYhBJ4QOKZGw10GTPamMxxp5BzPvkWTBQJpVbkAAhsDBQkB4TOABQsJCAcCBhUK
CQgLAgQWAgMBAh4BAheAAAoJEBxp5BzPvkWTgaUA/0dvFmaAXs8I30q2G+Fb/fck
Ji9+ezGe6w0LWKnnRAR8AQC2qCdq3TfWIA5X7pWHZm31hC0yyb7Yzg1Bm3sfAzOL
CA==
=8hHG
-----END PGP PUBLIC KEY BLOCK-----
";
const GOOD_SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----

iHUEABYIAB0WIQSeEDimRsNdBkz2pjMcaeQcz75FkwUCaVW5AAAKCRAcaeQcz75F
k6owAP94ILWTtTOuWVZ1D7eC5PA9jNa+4eUYtKJjQxRr47gWNQD8DqLnpjGh94NY
2YSpIOl4bCFwzoAXdZzvVJTj9BTEvws=
=seDd
-----END PGP SIGNATURE-----
";
const OLDER_SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----

iHUEABYIAB0WIQSeEDimRsNdBkz2pjMcaeQcz75FkwUCaVW5AAAKCRAcaeQcz75F
k9c9AP47eaNpFk+ZCvF5N0Hcb9CXbDhuTtpmaOIrJc3bUbSB+wEA4R8Imt2rq1EU
vrTJvEt8uYn68Q/e/oNarlbuYZPw9AI=
=yApo
-----END PGP SIGNATURE-----
";
/// Of the same document, by another key.
const OTHER_SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----

iHUEABYIAB0WIQS6msaC3szG6PgWJdyu/yGWKJSU5AUCaVW5AAAKCRCu/yGWKJSU
5IErAQDoWqnHUpl9rLCFNtzauocQHYvfh2dLWhuRp5cTh5TA2wD+O2st5DlkuR/G
G7ZA2CR10ogTf2n7IZ0RWdYqS+gyWwM=
=8SDf
-----END PGP SIGNATURE-----
";

fn signed_by() -> SignedBy {
    SignedBy { keys: TrustedKeys::read(KEY.as_bytes()).expect("a key"), asked_by: "--gpg-key".to_owned() }
}

fn read_signed(source: &ScriptedSource) -> Result<Vec<String>, String> {
    let signed_by = signed_by();
    let reader = Reader { signed_by: Some(&signed_by), ..at(NOW) };
    reader.read(&[source]).map(|listing| names(&listing)).map_err(|error| format!("{error:#}"))
}

#[test]
fn a_signature_is_verified_before_anything_else_is_fetched() {
    let servers = repository(&["18.6.1"]).with(SIGNATURE_URL, GOOD_SIGNATURE);
    assert_eq!(read_signed(&servers.at(BASE)), Ok(vec![NEWEST.to_owned()]));
    assert_eq!(servers.fetched(), [REPOMD_URL, SIGNATURE_URL, PRIMARY_URL]);
}

#[test]
fn a_repository_that_is_not_signed_is_refused_at_once() {
    let servers = repository(&["18.6.1"]);
    let error = read_signed(&servers.at(BASE)).expect_err("not signed");
    let told = format!("{BASE} is not signed (repodata/repomd.xml.asc: 404), and --gpg-key asks for a signature: ");
    assert!(error.starts_with(&told) && error.ends_with("ask for none (gpg_key: none, repo_gpgcheck=0)"), "{error}");
    assert_eq!((servers.fetched(), servers.waits()), (vec![REPOMD_URL.to_owned(), SIGNATURE_URL.to_owned()], vec![]));
}

#[test]
fn a_signature_of_other_content_is_one_of_a_half_updated_mirror() {
    let servers = repository(&["18.6.1"]).with(SIGNATURE_URL, OLDER_SIGNATURE).with(SIGNATURE_URL, GOOD_SIGNATURE);
    assert_eq!(read_signed(&servers.at(BASE)), Ok(vec![NEWEST.to_owned()]));
    assert_eq!(servers.waits(), [1]);

    let servers = repository(&["18.6.1"]).with(SIGNATURE_URL, OLDER_SIGNATURE);
    let error = read_signed(&servers.at(BASE)).expect_err("a bad signature");
    assert!(error.contains(&format!("the signature {SIGNATURE_URL} is not believed: it does not fit")), "{error}");
    assert_eq!(servers.waits(), [1, 2, 3]);
}

#[test]
fn a_signature_of_another_key_is_final() {
    for (signature, told) in [(OTHER_SIGNATURE, "it was made by the key"), ("<html>", "it is no OpenPGP signature")] {
        let servers = repository(&["18.6.1"]).with(SIGNATURE_URL, signature);
        let error = read_signed(&servers.at(BASE)).expect_err(told);
        assert!(error.starts_with(&format!("the signature {SIGNATURE_URL} is not believed: {told}")), "{error}");
        assert_eq!(servers.waits(), NEVER);
    }
}

#[test]
fn an_index_has_no_signature_to_verify() {
    let servers = ScriptedServers::default().with(BASE, format!("<a href='{NEWEST}.rpm'>"));
    let told = format!("{BASE} has no repodata/repomd.xml, and --gpg-key asks for its signature");
    assert_eq!(read_signed(&servers.at(BASE)), Err(told));
}

// ---------------------------------------------------------------- several places

const OTHER_BASE: &str = "https://yum.example.net/el9/";

fn read_places(servers: &ScriptedServers) -> Result<Vec<String>, String> {
    let listing = at(NOW).read(&[&servers.at(BASE), &servers.at(OTHER_BASE)]);
    listing.map(|listing| names(&listing)).map_err(|error| format!("{error:#}"))
}

#[test]
fn of_several_places_the_first_that_has_all_of_it_counts() {
    let servers = copy(repository(&["18.6.1"]), OTHER_BASE, &["18.6.0"]);
    assert_eq!(read_places(&servers), Ok(vec![NEWEST.to_owned()]));
    for broken in [ScriptedFile::Missing, ScriptedFile::from("<html>"), ScriptedFile::CutShort(b"<met".to_vec())] {
        let servers = copy(repository(&["18.6.1"]), OTHER_BASE, &["18.6.0"]);
        servers.replace(if matches!(broken, ScriptedFile::CutShort(_)) { PRIMARY_URL } else { REPOMD_URL }, broken);
        assert_eq!(read_places(&servers), Ok(vec![OLDER.to_owned()]));
        assert_eq!(servers.waits(), NEVER);
    }
}

#[test]
fn where_no_place_can_be_read_all_are_tried_again_if_that_may_help() {
    let error = read_places(&ScriptedServers::default()).expect_err("nothing there");
    assert!(
        error.starts_with("none of the 2 places of the repository can be used: https://yum.example.net/el9/"),
        "{error}"
    );
    let servers = repository(&["18.6.1"]);
    servers.replace(PRIMARY_URL, ScriptedFile::CutShort(b"<met".to_vec()));
    assert!(read_places(&servers).is_err());
    assert_eq!(servers.waits(), [1, 2, 3]);
}

/// Of several places each is asked once: what one alone would be asked for again may pass.
#[test]
fn a_server_that_is_busy_for_a_moment_ends_no_night_where_there_are_several_places() {
    use crate::fetch::RepoUrl;
    use crate::http::Tls;
    use crate::http::scripted::{Script, answers};

    let primary = primary(&["18.6.1"]);
    let script = Script::new([
        answers(404),
        answers(404),
        answers(503),
        answers(404),
        answers(404),
        answers(200).body(repomd(&primary)),
        answers(200).body(&primary),
    ]);
    let client = std::rc::Rc::new(script.client());
    let places = [BASE, OTHER_BASE].map(|url| {
        let url: RepoUrl = url.parse().expect(url);
        url.source_with_fall_back(Tls::default(), std::rc::Rc::clone(&client))
    });
    let listing = at(NOW).read(&[&*places[0], &*places[1]]).expect("a listing");
    assert_eq!(names(&listing), [NEWEST]);
}

/// A script that shows an index answers so to whatever is asked below it.
#[test]
fn an_index_at_a_url_with_a_query_may_answer_in_place_of_repodata() {
    use crate::fetch::RepoUrl;
    use crate::http::Tls;
    use crate::http::scripted::{Script, answers};

    let page = format!("<html><a href='{NEWEST}.rpm'><a rel=next href='?dir=el9&amp;page=2'>");
    let script = Script::new([
        answers(200).body(&page),
        answers(200).body(&page),
        answers(200).body(format!("<html><a href='{OLDER}.rpm'>")),
    ]);
    let repository: RepoUrl = "https://yum.example.com/index.php?dir=el9".parse().expect("a URL");
    let listing = at(NOW).read(&[&*repository.source(Tls::default(), script.client().into())]).expect("an index");
    assert_eq!(names(&listing), [NEWEST, OLDER]);
}

#[test]
fn the_folder_of_the_product_may_be_on_any_page_of_an_index() {
    let folder = format!("{BASE}Packages/");
    for pages in [["<a href='Packages/'>", ""], ["", "<a href='Packages/'>"]] {
        let servers = ScriptedServers::default()
            .with(BASE, format!("<a href='a/'>{}<a rel=next href='?page=2'>", pages[0]))
            .with(&format!("{BASE}?page=2"), format!("<a href='z/'>{}", pages[1]))
            .with(&folder, format!("<a href='{NEWEST}.rpm'>"));
        assert_eq!(read(&servers.at(BASE)), Ok(vec![NEWEST.to_owned()]), "{pages:?}");
    }
}

// ---------------------------------------------------------------- cache

/// WASI has no folder for temporary files; the component's tests read with a cache in wasm.
#[cfg(not(target_os = "wasi"))]
mod cached {
    use super::*;

    use std::path::PathBuf;

    const LATER: &str = "2027-01-02T00:00:00Z";

    struct Nights {
        folder: tempfile::TempDir,
        signed_by: Option<SignedBy>,
    }

    impl Nights {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().expect("a folder"), signed_by: None }
        }

        fn listing(&self, time: &str, source: &ScriptedSource) -> anyhow::Result<Listing> {
            let cache = Cache::new(self.folder.path(), source.base());
            Reader { cache: Some(&cache), signed_by: self.signed_by.as_ref(), ..at(time) }.read(&[source])
        }

        fn read(&self, source: &ScriptedSource) -> Vec<String> {
            names(&self.listing(NOW, source).expect("a listing"))
        }

        /// The one file that is kept.
        fn kept(&self) -> PathBuf {
            let only = |folder: PathBuf| {
                let mut entries = std::fs::read_dir(folder).expect("a folder");
                let entry = entries.next().expect("a file").expect("a file").path();
                assert!(entries.next().is_none(), "more than one");
                entry
            };
            only(only(self.folder.path().to_owned()))
        }
    }

    #[test]
    fn a_primary_that_has_not_changed_is_not_fetched_again() {
        let (nights, servers) = (Nights::new(), repository(&["18.6.0", "18.6.1"]));
        let [first, again] = [vec![REPOMD_URL, PRIMARY_URL], vec![REPOMD_URL]].map(|fetched| {
            let listing = nights.listing(NOW, &servers.at(BASE)).expect("a listing");
            assert_eq!(servers.fetched(), fetched);
            listing
        });
        assert_eq!(names(&first), [OLDER, NEWEST]);
        assert_eq!((first.packages, first.revision, first.others), (again.packages, again.revision, again.others));
    }

    #[test]
    fn a_primary_that_has_changed_is_fetched_and_kept_in_place_of_the_other() {
        let (nights, servers) = (Nights::new(), repository(&["18.6.0"]));
        assert_eq!(nights.read(&servers.at(BASE)), [OLDER]);
        let primary = primary(&["18.6.0", "18.6.1"]);
        servers.replace(REPOMD_URL, repomd(&primary));
        servers.replace(PRIMARY_URL, &primary);
        servers.fetched();
        for fetched in [vec![REPOMD_URL, PRIMARY_URL], vec![REPOMD_URL]] {
            assert_eq!(nights.read(&servers.at(BASE)), [OLDER, NEWEST]);
            assert_eq!(servers.fetched(), fetched);
        }
        assert_eq!(std::fs::read_to_string(nights.kept()).expect("read"), primary);
    }

    #[test]
    fn advisories_are_kept_beside_the_primary_and_each_is_fetched_when_it_changes() {
        let (nights, old, new) = (Nights::new(), updateinfo("RHSA-2026:1"), updateinfo("RHSA-2026:2"));
        let servers = repository_with(&old).with(UPDATEINFO_URL, &old);
        let both = [REPOMD_URL, PRIMARY_URL, UPDATEINFO_URL];
        for (id, fetched) in [("1", &both[..]), ("1", &both[..1]), ("2", &[both[0], both[2]]), ("2", &both[..1])] {
            if id == "2" {
                servers.replace(REPOMD_URL, repomd_of_both(&primary(&["18.6.0", "18.6.1"]), &new));
                servers.replace(UPDATEINFO_URL, &new);
            }
            let listing = nights.listing(NOW, &servers.at(BASE)).expect("a listing");
            assert_eq!(advisories(&listing), [String::new(), format!("RHSA-2026:{id} (security, Important)")]);
            assert_eq!(servers.fetched(), fetched);
        }
    }

    #[test]
    fn forged_advisories_are_not_believed() {
        let (nights, updateinfo) = (Nights::new(), updateinfo("RHSA-2026:1"));
        let servers = repository_with(&updateinfo).with(UPDATEINFO_URL, &updateinfo);
        nights.read(&servers.at(BASE));
        let folder = std::fs::read_dir(nights.folder.path()).expect("a folder").next().expect("one").expect("one");
        let kept = folder.path().join(format!("sha256-{}", sha256(&updateinfo)));
        std::fs::write(kept, self::updateinfo("RHSA-2026:666")).expect("written");
        servers.fetched();
        let listing = nights.listing(NOW, &servers.at(BASE)).expect("a listing");
        assert_eq!(advisories(&listing), ["", "RHSA-2026:1 (security, Important)"]);
        assert_eq!(servers.fetched(), [REPOMD_URL, UPDATEINFO_URL]);
    }

    #[test]
    fn another_product_is_read_from_what_is_kept_as_well() {
        let (nights, servers) = (Nights::new(), repository(&["18.6.1"]));
        nights.read(&servers.at(BASE));
        servers.fetched();
        let (source, folder) = (servers.at(BASE), nights.folder.path());
        let cache = Cache::new(folder, source.base());
        let listing =
            Reader { product: "gitlab-runer", cache: Some(&cache), ..at(NOW) }.read(&[&source]).expect("a listing");
        assert_eq!((listing.others, listing.nearest.names()), (1, vec!["gitlab-runner"]));
        assert_eq!(servers.fetched(), [REPOMD_URL]);
    }

    /// Somebody wrote into the folder that a runner keeps, and the server is honest.
    #[test]
    fn a_forged_primary_is_not_believed_with_or_without_a_key() {
        for signed_by in [None, Some(signed_by())] {
            let nights = Nights { signed_by, ..Nights::new() };
            let servers = repository(&["18.6.1"]).with(SIGNATURE_URL, GOOD_SIGNATURE);
            nights.read(&servers.at(BASE));
            for forged in [
                primary(&["66.6.0"]),
                String::new(),
                primary(&["18.6.1"]).replace("gitlab-runner-18", "//evil.example.com/18"),
            ] {
                std::fs::write(nights.kept(), forged).expect("written");
                servers.fetched();
                assert_eq!(nights.read(&servers.at(BASE)), [NEWEST]);
                assert_eq!(servers.fetched().last().map(String::as_str), Some(PRIMARY_URL));
            }
        }
    }

    #[test]
    fn what_was_kept_without_a_key_does_not_stand_in_for_a_signature() {
        let (mut nights, servers) = (Nights::new(), repository(&["18.6.1"]));
        nights.read(&servers.at(BASE));
        nights.signed_by = Some(signed_by());
        let error = nights.listing(NOW, &servers.at(BASE)).map(|listing| names(&listing)).expect_err("not signed");
        assert!(error.to_string().contains("is not signed"), "{error:#}");
    }

    #[test]
    fn a_signature_is_asked_for_each_night_and_a_key_may_expire_between_two() {
        let nights = Nights { signed_by: Some(signed_by()), ..Nights::new() };
        let servers = repository(&["18.6.1"]).with(SIGNATURE_URL, GOOD_SIGNATURE);
        nights.read(&servers.at(BASE));
        servers.fetched();
        nights.read(&servers.at(BASE));
        assert_eq!(servers.fetched(), [REPOMD_URL, SIGNATURE_URL]);
        let error =
            nights.listing(LATER, &servers.at(BASE)).map(|listing| names(&listing)).expect_err("an expired key");
        assert!(format!("{error:#}").contains("expired"), "{error:#}");
    }

    #[test]
    fn packages_have_the_urls_of_the_mirror_that_answers() {
        let servers = copy(copy(list(), MIRROR_A, &["18.6.1"]), MIRROR_B, &["18.6.1"]);
        let nights = Nights::new();
        nights.read(&servers.at(LIST));
        servers.replace(LIST, format!("{MIRROR_B}\n"));
        servers.fetched();
        let listing = nights.listing(NOW, &servers.at(LIST)).expect("a listing");
        assert_eq!(servers.fetched(), [LIST, &format!("{MIRROR_B}repodata/repomd.xml")]);
        assert!(listing.packages[0].url.starts_with(MIRROR_B), "{:?}", listing.packages);
    }

    #[test]
    fn what_breaks_off_or_is_not_what_repomd_describes_is_not_kept() {
        let primary = primary(&["18.6.1"]);
        let cut = ScriptedFile::CutShort(primary.as_bytes()[..100].to_vec());
        let servers = ScriptedServers::default().with(REPOMD_URL, repomd(&primary)).with(PRIMARY_URL, cut);
        let servers = servers.with(PRIMARY_URL, self::primary(&["66.6.0"])).with(PRIMARY_URL, &primary);
        let nights = Nights::new();
        assert_eq!(nights.read(&servers.at(BASE)), [NEWEST]);
        assert_eq!(servers.waits(), [1, 2]);
        assert_eq!(std::fs::read_to_string(nights.kept()).expect("read"), primary);
    }

    #[test]
    fn a_repomd_that_was_there_before_and_is_not_is_an_error_until_an_index_is_accepted() {
        let (nights, servers) = (Nights::new(), repository(&["18.6.1"]));
        nights.read(&servers.at(BASE));
        servers.replace(REPOMD_URL, ScriptedFile::Missing);
        servers.replace(BASE, format!("<a href='{NEWEST}.rpm'>"));
        let error = format!("{:#}", nights.listing(NOW, &servers.at(BASE)).map(drop).expect_err("no repomd.xml"));
        assert!(error.contains("has no repodata/repomd.xml, and had one on an earlier run"), "{error}");
        assert!(error.contains("accept_index: true"), "{error}");
        assert_eq!(servers.waits(), [1, 2, 3]);

        let cache = Cache::new(nights.folder.path(), servers.at(BASE).base());
        let accepting = Reader { cache: Some(&cache), accepts_index: true, ..at(NOW) };
        let listing = accepting.read(&[&servers.at(BASE)]).expect("an index");
        assert_eq!((names(&listing), listing.revision), (vec![NEWEST.to_owned()], None));
        // From then on there is nothing to accept.
        assert_eq!(nights.read(&servers.at(BASE)), [NEWEST]);
    }

    #[test]
    fn a_repomd_that_is_missing_for_a_moment_is_asked_for_again() {
        let (nights, servers) = (Nights::new(), repository(&["18.6.1"]));
        nights.read(&servers.at(BASE));
        let servers = ScriptedServers::default().with(REPOMD_URL, ScriptedFile::Missing);
        let servers = servers.with(REPOMD_URL, repomd(&primary(&["18.6.1"]))).with(BASE, "<a href='repodata/'>");
        assert_eq!(nights.read(&servers.at(BASE)), [NEWEST]);
        assert_eq!(servers.waits(), [1]);
    }

    /// An index has no checksum: what is kept of it could not be told from what somebody wrote.
    #[test]
    fn of_an_index_nothing_is_kept() {
        let servers = ScriptedServers::default().with(BASE, format!("<a href='{NEWEST}.rpm'>"));
        let nights = Nights::new();
        for _ in 0..2 {
            assert_eq!(nights.read(&servers.at(BASE)), [NEWEST]);
            assert_eq!(servers.fetched(), [REPOMD_URL, BASE]);
        }
        assert_eq!(std::fs::read_dir(nights.folder.path()).expect("a folder").count(), 0);
    }
}
