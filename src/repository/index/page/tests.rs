use super::*;

fn read(page: &[u8], page_url: &Url, product: &str) -> Result<Page, RepositoryError> {
    super::read(page, page_url, product, &Budget::default())
}

fn found(page: &str) -> Vec<(String, String)> {
    let url = "https://yum.example.com/el9/x86_64/".parse().expect("a URL");
    let listing = read(page.as_bytes(), &url, "gitlab-runner").expect("a page").listing;
    listing.packages.into_iter().map(|package| (package.nevra.to_string(), package.url)).collect()
}

#[test]
fn a_link_is_understood_in_every_form_that_servers_write() {
    let plain = "gitlab-runner-18.6.1-1.x86_64";
    for (link, nevra) in [
        (r#"<a href="gitlab-runner-18.6.1-1.x86_64.rpm">gitlab-runner-18.6.1-..&gt;</a>"#, plain),
        (r#"<a href="./gitlab-runner-18.6.1-1.x86_64.rpm">"#, plain),
        (r#"<a href="/repository/yum/gitlab-runner-18.6.1-1.x86_64.rpm">"#, plain),
        (r#"<a href="https://yum.example.com/x/gitlab-runner-18.6.1-1.x86_64.rpm">"#, plain),
        (r#"<a href="gitlab-runner-18.6.1-1.x86_64.rpm?C=N;O=D#top">"#, plain),
        (r#"<a href="https://u:p4ss@yum.example.com/gitlab-runner-18.6.1-1.x86_64.rpm">"#, plain),
        ("<A class=file\n HREF='gitlab-runner-18.6.1-1.x86_64.rpm'>", plain),
        ("<td><a href=gitlab-runner-18.6.1-1.x86_64.rpm>", plain),
        (r#"<a href="gitlab-runner-1%2B2-1.x86_64.rpm">"#, "gitlab-runner-1+2-1.x86_64"),
        (r#"<a href="gitlab-runner-1+2-1.x86_64.rpm">"#, "gitlab-runner-1+2-1.x86_64"),
        (r#"<a href="gitlab-runner-1~rc1-1.x86_64.rpm">"#, "gitlab-runner-1~rc1-1.x86_64"),
        (r#"<a href="gitlab-runner-1%7erc1-1.x86_64.rpm">"#, "gitlab-runner-1~rc1-1.x86_64"),
        (r#"<a href="gitlab-runner-1%5E2-1.x86_64.rpm">"#, "gitlab-runner-1^2-1.x86_64"),
        (r#"<a href="gitlab&#45;runner-1-1.noarch.rpm">"#, "gitlab-runner-1-1.noarch"),
    ] {
        let found = found(link);
        assert_eq!(found.first().map(|(nevra, _)| nevra.as_str()), Some(nevra), "{link}");
        assert!(found[0].1.starts_with("https://yum.example.com/"), "{found:?}");
    }
}

#[test]
fn a_bare_file_name_means_what_it_means_as_a_url() {
    let file = "gitlab-runner-1~rc1+2-1.x86_64.rpm";
    for page_url in [
        "https://yum.example.com/el9/x86_64/",
        "https://yum.example.com/el9/x86_64/index.html?C=N;O=D#top",
        "https://yum.example.com/el9",
        "https://yum.example.com",
        "https://u:p4ss@yum.example.com/el 9/$(id)/",
        "file:///srv/repo/",
    ] {
        let page_url: Url = page_url.parse().expect(page_url);
        let package = |href: &str| {
            let page = read(format!("<a href='{href}'>").as_bytes(), &page_url, "gitlab-runner").expect("a page");
            let package = page.listing.packages.into_iter().next().expect(href);
            (package.nevra, package.url)
        };
        assert_eq!(package(file), package(&format!("./{file}")), "{page_url}");
    }
}

#[test]
fn what_is_no_link_to_a_package_of_the_product_does_not_count() {
    for page in [
        r#"<!-- <a href="gitlab-runner-1-1.x86_64.rpm"> -->"#,
        r#"<img src="gitlab-runner-1-1.x86_64.rpm">"#,
        r#"<a href="gitlab-runner-fips-1-1.x86_64.rpm">gitlab-runner-1-1.x86_64.rpm</a>"#,
        r#"<a href="gitlab-runner-1-1.x86_64.rpm.asc">"#,
        r#"<a href="gitlab-runner-1%252B2-1.x86_64.rpm">"#,
        r#"<a href="gitlab-runner-$(id)-1.x86_64.rpm">"#,
        r#"<a href="javascript:gitlab-runner-1-1.x86_64.rpm">"#,
        r#"<a href="file:///srv/gitlab-runner-1-1.x86_64.rpm">"#,
        r#"<a href="?C=N;O=D">"#,
        r"<a>",
        r#"<a href="gitlab-runner-1-1.x86_64.rpm"#,
    ] {
        assert!(found(page).is_empty(), "{page}");
    }
}

#[test]
fn a_link_that_cannot_be_escaped_is_left_out_by_name() {
    for (link, told) in [
        (
            "%CI_JOB_TOKEN%/gitlab-runner-1-1.x86_64.rpm",
            "%CI_JOB_TOKEN%/gitlab-runner-1-1.x86_64.rpm has a % that begins",
        ),
        ("https://u:12/p4ss@a/gitlab-runner-1-1.x86_64.rpm", "it has an @ behind another host"),
        ("%CI_JOB_TOKEN%/bash-1-1.x86_64.rpm", ""),
    ] {
        let url = "https://yum.example.com/".parse().expect("a URL");
        let listing = read(format!("<a href='{link}'>").as_bytes(), &url, "gitlab-runner").expect("a page").listing;
        let lines: Vec<String> = listing.left_out.lines().collect();
        assert_eq!(
            (listing.packages.len(), lines.len(), listing.others),
            (0, usize::from(!told.is_empty()), usize::from(told.is_empty()))
        );
        assert!(
            lines.iter().all(|line| line.starts_with("gitlab-runner-1-1.x86_64 is left out: ") && line.contains(told)),
            "{lines:?}"
        );
        assert!(lines.iter().all(|line| !line.contains("p4ss")), "{lines:?}");
    }
}

#[test]
fn the_rpm_files_of_other_products_are_counted_and_their_names_kept() {
    let page = r#"<a href="../">../</a><a href="gitlab-runer-1-1.x86_64.rpm">"#;
    let url = "https://yum.example.com/".parse().expect("a URL");
    let listing = read(page.as_bytes(), &url, "gitlab-runner").expect("a page").listing;
    assert_eq!((listing.others, listing.nearest.names()), (1, vec!["gitlab-runer"]));
}

/// Pages in the form of servers that tests can't start: Artifactory, Nexus, Pulp, packagecloud. Beside
/// them pages of those that the component's tests do start, in forms that these do not show.
#[test]
fn a_page_is_understood_whoever_wrote_it() {
    let artifactory = r#"<html><head><meta name="robots" content="noindex" />
<title>Index of yum-local/el9</title></head><body><h1>Index of yum-local/el9</h1>
<pre>Name                              Last modified      Size</pre><hr/>
<pre><a href="../">../</a>
<a href="repodata/">repodata/</a>    24-Nov-2026 02:00    -
<a href="gitlab-runner-18.6.0%2Bgit1-1.x86_64.rpm">gitlab-runner-18.6.0+git1-1.x86_64.rpm</a>  24-Nov-2026 02:00  446.71 MB
<a href="gitlab-runner-18.6.1-1.x86_64.rpm">gitlab-runner-18.6.1-1.x86_64.rpm</a>  24-Nov-2026 02:00  446.71 MB
</pre><hr/><address style="font-size:small;">Artifactory/7.98.13 Server at repo.example.com Port 443</address></body></html>"#;
    let nexus = r#"<!DOCTYPE html><html><body class="htmlIndex"><h1>Index of /el9/x86_64</h1><table cellspacing="10">
<tr><th align="left">Name</th><th>Last Modified</th></tr><tr><td><a href="../">Parent Directory</a></td></tr>
<tr><td><a href="https://yum.example.com/repository/yum/el9/x86_64/gitlab-runner-18.6.0%2Bgit1-1.x86_64.rpm">gitlab-runner-18.6.0+git1-1.x86_64.rpm</a></td><td>Tue Nov 24 02:00:00 UTC 2026</td></tr>
<tr><td><a href="https://yum.example.com/repository/yum/el9/x86_64/gitlab-runner-18.6.1-1.x86_64.rpm">gitlab-runner-18.6.1-1.x86_64.rpm</a></td></tr></table></body></html>"#;
    let pulp = r#"<html><head><title>Index of /pulp/content/el9/Packages/g/</title></head><body bgcolor="white">
<h1>Index of /pulp/content/el9/Packages/g/</h1><hr><pre><a href="../">../</a>
<a href="gitlab-runner-18.6.0+git1-1.x86_64.rpm">gitlab-runner-18.6.0+git1-1.x86_64.rpm</a>  24-Nov-2026 02:00  446.7 MB
<a href="gitlab-runner-18.6.1-1.x86_64.rpm">gitlab-runner-18.6.1-1.x86_64.rpm</a>  24-Nov-2026 02:00  446.7 MB
</pre><hr></body></html>"#;
    let packagecloud = r#"<table class="table table-packages"><tr><td><img alt="rpm" src="/images/rpm.png"></td><td>
<a href="/runner/gitlab-runner/packages/el/9/gitlab-runner-18.6.0+git1-1.x86_64.rpm" class="packages-table-name">gitlab-runner-18.6.0+git1-1.x86_64.rpm</a>
<a href="/runner/gitlab-runner/packages/el/9/gitlab-runner-18.6.1-1.x86_64.rpm?distro_version_id=240">gitlab-runner-18.6.1-1.x86_64.rpm</a>
<a href="/runner/gitlab-runner?page=2">Next</a></td></tr></table>"#;
    let caddy = r#"[{"name":"gitlab-runner-18.6.0+git1-1.x86_64.rpm","size":1,"url":"./x","mod_time":"2026-11-24T02:00:00Z","mode":420,"is_dir":false,"is_symlink":false},
{"name":"gitlab-runner-18.6.1-1.x86_64.rpm","size":1,"url":"./y","is_dir":false},{"name":"repodata/","is_dir":true}]"#;
    for (who, page) in [
        ("Artifactory", artifactory),
        ("Nexus", nexus),
        ("Pulp", pulp),
        ("packagecloud", packagecloud),
        ("Caddy", caddy),
    ] {
        let found: Vec<String> = found(page).into_iter().map(|(nevra, _)| nevra).collect();
        assert_eq!(found, ["gitlab-runner-18.6.0+git1-1.x86_64", "gitlab-runner-18.6.1-1.x86_64"], "{who}");
    }
}

const BUCKET: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name><Prefix>el 9/</Prefix>
<IsTruncated>false</IsTruncated>
<Contents><Key>el 9/gitlab-runner-18.6.0+git1-1.x86_64.rpm</Key><Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>
<CommonPrefixes><Prefix>el 9/old/</Prefix></CommonPrefixes>
<Contents><Key>el 9/bash-5-1.x86_64.rpm</Key></Contents></ListBucketResult>"#;

#[test]
fn a_bucket_lists_its_keys_from_its_root() {
    for (url, root) in [
        ("https://bucket.s3.example.com/?list-type=2&prefix=el+9/", "https://bucket.s3.example.com/"),
        ("https://s3.example.com/bucket?prefix=el%209/", "https://s3.example.com/bucket/"),
    ] {
        for page in [
            BUCKET.to_owned(),
            BUCKET
                .replace("Key>el 9/gitlab-runner-18.6.0+git1", "Key>el+9/gitlab-runner-18.6.0%2Bgit1")
                .replace("</Prefix>\n", "</Prefix><EncodingType>url</EncodingType>\n"),
        ] {
            let page = read(page.as_bytes(), &url.parse().expect(url), "gitlab-runner").expect("a page");
            assert_eq!((page.listing.others, page.next), (1, None));
            assert_eq!(page.listing.packages[0].nevra.to_string(), "gitlab-runner-18.6.0+git1-1.x86_64");
            let encoded = "el%209/gitlab-runner-18.6.0%2Bgit1-1.x86_64.rpm";
            assert_eq!(page.listing.packages[0].url, format!("{root}{encoded}"));
        }
    }
}

#[test]
fn a_bucket_goes_on_where_it_says() {
    for (url, says, next) in [
        (
            "https://b.example.com/?list-type=2&prefix=el9/",
            "<NextContinuationToken>1a+/=</NextContinuationToken>",
            "https://b.example.com/?list-type=2&prefix=el9%2F&continuation-token=1a%2B%2F%3D",
        ),
        (
            "https://b.example.com/?list-type=2&continuation-token=0",
            "<NextContinuationToken>1</NextContinuationToken>",
            "https://b.example.com/?list-type=2&continuation-token=1",
        ),
        ("https://b.example.com/", "<NextMarker>m</NextMarker>", "https://b.example.com/?marker=m"),
        ("https://b.example.com/", "", "https://b.example.com/?marker=el+9%2Fbash-5-1.x86_64.rpm"),
    ] {
        let page =
            BUCKET.replace("<IsTruncated>false</IsTruncated>", &format!("<IsTruncated>true</IsTruncated>{says}"));
        let page = read(page.as_bytes(), &url.parse().expect(url), "gitlab-runner").expect("a page");
        assert_eq!(page.next.map(String::from).as_deref(), Some(next));
    }
    let nowhere = "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>";
    let error = read(nowhere.as_bytes(), &"https://b.example.com/".parse().expect("a URL"), "p").expect_err("nowhere");
    assert!(error.to_string().contains("does not say where"), "{error}");
}

#[test]
fn an_index_that_is_split_up_has_the_product_in_one_of_its_folders() {
    let url: Url = "https://yum.example.com/el9/".parse().expect("a URL");
    for (page, folder) in [
        (r#"<a href="repodata/"><a href="Packages/">"#, Some("https://yum.example.com/el9/Packages/")),
        (r#"<a href="f/"><a href="./g/"><a href="h/">"#, Some("https://yum.example.com/el9/g/")),
        (r#"<a href="/el9/G/">"#, Some("https://yum.example.com/el9/G/")),
        (r#"[{"name":"g","type":"directory"},{"name":"a","type":"file"}]"#, Some("https://yum.example.com/el9/g/")),
        (r#"<a href="h/"><a href="gitlab-runner/"><a href="../g/"><a href="g"><a href="x/g/">"#, None),
        (r#"<a href="https://elsewhere.example.com/el9/Packages/">"#, None),
    ] {
        let found = read(page.as_bytes(), &url, "gitlab-runner").expect("a page").folder;
        assert_eq!(found.map(String::from).as_deref(), folder, "{page}");
    }
}

#[test]
fn json_that_is_no_index_is_refused() {
    for (page, fault) in [
        (r#"{"message":"not found"}"#, "it is JSON of another form (line 1, column 0)"),
        ("[1]", "it is JSON of another form (line 1, column 2)"),
        ("[", "it is no whole JSON (line 1, column 1)"),
        (r#"[{"name":"#, "it is no whole JSON (line 1, column 9)"),
    ] {
        let error = read(page.as_bytes(), &"https://yum.example.com/".parse().expect("a URL"), "p")
            .expect_err(page)
            .to_string();
        assert_eq!(
            error,
            format!(
                "the index is malformed: {fault}, expected an array of files with their names, as nginx and Caddy list a folder"
            )
        );
    }
}

#[test]
fn links_are_relative_to_the_base_that_a_page_states() {
    for (base, url) in [
        ("<base href='/other/'>", "https://yum.example.com/other/gitlab-runner-1-1.noarch.rpm"),
        ("<base href='sub/page.html'>", "https://yum.example.com/el9/x86_64/sub/gitlab-runner-1-1.noarch.rpm"),
        ("<base href='https://cdn.example.com/el9/'>", "https://cdn.example.com/el9/gitlab-runner-1-1.noarch.rpm"),
        ("<base href='/first/'><base href='/second/'>", "https://yum.example.com/first/gitlab-runner-1-1.noarch.rpm"),
        ("<base target=x>", "https://yum.example.com/el9/x86_64/gitlab-runner-1-1.noarch.rpm"),
        ("<base href='https://u:12/p4ss@host/'>", ""),
        ("<base href='file:///srv/'>", ""),
    ] {
        for link in ["gitlab-runner-1-1.noarch.rpm", "./gitlab-runner-1-1.noarch.rpm"] {
            let found = found(&format!("{base}<a href='{link}'>"));
            assert_eq!(found.first().map_or("", |(_, url)| url), url, "{base} {link}");
        }
    }
}

#[test]
fn a_page_goes_on_at_its_link_to_the_next_one() {
    for (page, next) in [
        ("<a rel='next' href='?page=2'>", Some("https://yum.example.com/el9/?page=2")),
        ("<link rel=next href='/el9/?page=2&amp;n=9'>", Some("https://yum.example.com/el9/?page=2&n=9")),
        ("<a rel='prev' href='?page=1'>", None),
        ("<a rel='next' href='http://yum.example.com/el9/?page=2'>", Some("https://yum.example.com/el9/?page=2")),
        ("<a rel='next' href='?page=2'><a rel='next' href='?page=9'>", Some("https://yum.example.com/el9/?page=2")),
        ("<a rel='next' href=''>", None),
    ] {
        let url = "https://yum.example.com/el9/".parse().expect("a URL");
        let page = read(page.as_bytes(), &url, "gitlab-runner").expect(page);
        assert_eq!(page.next.map(String::from).as_deref(), next);
    }
}

#[test]
fn a_next_page_that_cannot_be_followed_is_an_error() {
    for (href, told) in [
        ("https://elsewhere.example.com/?page=2", "leads to another server"),
        ("http://elsewhere.example.com/?page=2", "leads to another server"),
        ("https://yum.example.com:8443/", "leads to another server"),
        ("https://[", "is no URL"),
        (&"x".repeat(3000), "is no URL"),
    ] {
        let url = "https://yum.example.com/el9/".parse().expect("a URL");
        let error = read(format!("<a rel=next href='{href}'>").as_bytes(), &url, "p").expect_err(told).to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn a_listing_in_xml_is_understood_whoever_wrote_it() {
    let google = r"<?xml version='1.0' encoding='UTF-8'?><ListBucketResult xmlns='http://doc.s3.amazonaws.com/2006-03-01'><Name>bucket</Name><Prefix>el9/</Prefix><Marker></Marker><NextMarker>el9/z.rpm</NextMarker><IsTruncated>true</IsTruncated><Contents><Key>el9/gitlab-runner-18.6.1+git1-1.x86_64.rpm</Key><Generation>1</Generation><Size>1</Size></Contents></ListBucketResult>";
    let azure = r#"<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="https://acme.blob.example.com/" ContainerName="yum"><Prefix>el9/</Prefix><MaxResults>1</MaxResults><Blobs><Blob><Name>el9/gitlab-runner-18.6.1+git1-1.x86_64.rpm</Name><Properties><Content-Length>1</Content-Length></Properties></Blob><BlobPrefix><Name>el9/old/</Name></BlobPrefix></Blobs><NextMarker>2!8!a+/=</NextMarker></EnumerationResults>"#;
    let encoded = azure
        .replace("<Name>el9/gitlab-runner-18.6.1+git1", "<Name Encoded=\"true\">el9/gitlab-runner-18.6.1%2Bgit1")
        .replace("<NextMarker>2!8!a+/=</NextMarker>", "<NextMarker />");
    let nginx = r#"<?xml version="1.0"?><list><directory mtime="2026-11-24T02:00:00Z">repodata</directory><file mtime="2026-11-24T02:00:00Z" size="1">gitlab-runner-18.6.1+git1-1.x86_64.rpm</file></list>"#;
    let file = "gitlab-runner-18.6.1%2Bgit1-1.x86_64.rpm";
    for (url, page, root, next) in [
        (
            "https://storage.example.com/bucket?prefix=el9/",
            google,
            "https://storage.example.com/bucket/el9/",
            Some("https://storage.example.com/bucket?prefix=el9%2F&marker=el9%2Fz.rpm"),
        ),
        (
            "https://acme.blob.example.com/yum?restype=container&comp=list&prefix=el9/&sig=s3cret",
            azure,
            "https://acme.blob.example.com/yum/el9/",
            Some(
                "https://acme.blob.example.com/yum?restype=container&comp=list&prefix=el9%2F&sig=s3cret&marker=2%218%21a%2B%2F%3D",
            ),
        ),
        ("https://acme.blob.example.com/yum?comp=list", &encoded, "https://acme.blob.example.com/yum/el9/", None),
        ("https://yum.example.com/el9/", nginx, "https://yum.example.com/el9/", None),
    ] {
        let page = read(page.as_bytes(), &url.parse().expect(url), "gitlab-runner").expect(url);
        let urls: Vec<&str> = page.listing.packages.iter().map(|package| package.url.as_str()).collect();
        assert_eq!((urls, page.next.map(String::from).as_deref()), (vec![format!("{root}{file}").as_str()], next));
    }
    let folder = "<list><directory>Packages</directory></list>";
    let page = read(folder.as_bytes(), &"https://yum.example.com/el9/".parse().expect("a URL"), "p").expect(folder);
    assert_eq!(page.folder.map(String::from).as_deref(), Some("https://yum.example.com/el9/Packages/"));
}

#[test]
fn files_of_another_form_are_counted_and_one_is_named() {
    let two = "it has files that end in .rpm, such as tool_1.2.3_linux_amd64.rpm, of another form than NAME-VERSION-RELEASE.ARCH.rpm";
    let one = "it has a file that ends in .rpm, such as tool_1.2.3_linux_amd64.rpm, of another form than NAME-VERSION-RELEASE.ARCH.rpm";
    for (page, count, told) in [
        ("<a href=tool_1.2.3_linux_amd64.rpm><a href=x/tool_1.2.4_linux_amd64.rpm>", 2, two),
        (r#"[{"name":"tool_1.2.3_linux_amd64.rpm"},{"name":"README"}]"#, 1, one),
        ("<list><file>tool_1.2.3_linux_amd64.rpm</file></list>", 1, one),
        ("<a href=tool-1-1.noarch.rpm><a href=x.rpm.asc>", 0, ""),
    ] {
        let url = "https://yum.example.com/".parse().expect("a URL");
        let listing = read(page.as_bytes(), &url, "tool").expect(page).listing;
        assert_eq!((listing.misnamed.count, listing.misnamed.to_string().as_str()), (count, told), "{page}");
    }
}
