//! Machine images that exist already: the JSON of `aws ec2 describe-images`, which builds its images are
//! of, and where that and the tracker disagree.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Deserialize;
use wildmatch::WildMatch;

use crate::release::{BuildKey, Nevra, StatedTarget, Target};
use crate::text::named;
use crate::tracker::{Document, Ids, ImageId, Place, State};

/// A machine image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Where it is; empty where nobody said.
    pub place: Place,
    /// Its id, such as `ami-0c7c531040a1b2c3d`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// The architecture, as AWS names it.
    pub architecture: Option<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// Why a text is no list of images.
#[derive(Debug, thiserror::Error)]
pub enum ImagesError {
    /// Not JSON, or not of the shape.
    #[error("it is not the JSON of `aws ec2 describe-images`")]
    Json(#[from] serde_json::Error),
    /// Nothing is never taken for something.
    #[error(
        "there is no available image in it: is it the output of `aws ec2 describe-images --owners self`, of the right account and region?"
    )]
    None,
    /// Not even an empty list.
    #[error("it is empty: did `aws ec2 describe-images` fail?")]
    Empty,
}

/// The available images of a place, which may have none: those of one or several outputs of `aws ec2 describe-images`, one
/// after another.
#[allow(clippy::disallowed_methods)] // what the team's own account says, by the team's own command
pub fn parse(place: &Place, json: &[u8]) -> Result<Vec<Image>, ImagesError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Output {
        images: Vec<Described>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Described {
        image_id: String,
        #[serde(default)]
        name: String,
        state: Option<String>,
        creation_date: Option<String>,
        architecture: Option<String>,
        #[serde(default)]
        tags: Vec<Tag>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Tag {
        key: String,
        value: String,
    }
    let mut images = Vec::new();
    let mut is_empty = true;
    for output in serde_json::Deserializer::from_slice(json).into_iter::<Output>() {
        is_empty = false;
        let available = output?.images.into_iter().filter(|one| one.state.as_deref().is_none_or(|s| s == "available"));
        images.extend(available.map(|one| Image {
            place: place.clone(),
            id: one.image_id,
            name: one.name,
            created: one.creation_date.and_then(|date| date.parse().ok()),
            architecture: one.architecture,
            tags: one.tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
        }));
    }
    if is_empty { Err(ImagesError::Empty) } else { Ok(images) }
}

const PLACEHOLDERS: [&str; 7] = ["package", "product", "epoch", "version", "release", "arch", "target"];

/// The form of a name or tag: `{product}-{version}-{target}-*`. `*` stands for any characters, and `?`
/// for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(String);

/// Why a text is not a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is empty, or has a placeholder that is none of {{package}}, {{product}}, {{epoch}}, {{version}}, {{release}}, {{arch}} and {{target}}"
)]
pub struct TemplateError(String);

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let rest = PLACEHOLDERS.iter().fold(text.to_owned(), |rest, name| rest.replace(&format!("{{{name}}}"), ""));
        if rest.contains(['{', '}']) || text.is_empty() {
            Err(TemplateError(named(text)))
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Template {
    /// The pattern of the name or tag of this build's image.
    fn of(&self, build: &BuildKey) -> WildMatch {
        let (package, evr) = (&build.package, build.package.evr());
        let values = [
            package.to_string(),
            package.name().to_owned(),
            evr.epoch.to_string(),
            evr.version.clone(),
            evr.release.clone(),
            package.arch().to_owned(),
            build.target.to_string(),
        ];
        let filled = PLACEHOLDERS.iter().zip(values).fold(self.0.clone(), |text, (name, value)| {
            // Names of AMIs can't hold these, so that something else stands there.
            text.replace(&format!("{{{name}}}"), &value.replace(['~', '^', '+', ':'], "?"))
        });
        WildMatch::new(&filled)
    }
}

/// The form of the images of a build: name and tags all have to match.
#[derive(Debug, Clone, Default)]
pub struct ImageMatcher {
    /// The name.
    pub name: Option<Template>,
    /// Tags, by key.
    pub tags: Vec<(String, Template)>,
}

/// A release that images may be of.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The release.
    pub package: Nevra,
    /// When its publisher built it.
    pub built_at: Option<Timestamp>,
}

/// Which builds images are of.
#[derive(Debug, Default)]
pub struct Found<'a> {
    /// Of each build, in each place, the image that was made last.
    pub images: BTreeMap<BuildKey, BTreeMap<&'a Place, &'a Image>>,
    /// Images of no release that is known.
    pub unknown: Vec<&'a Image>,
    /// Images that the tracker has as not tested, or as failed in their test: they count for nothing.
    pub untested: Vec<(BuildKey, &'a Image)>,
    /// Images that are revoked: they count for nothing, either.
    pub revoked: Vec<(BuildKey, &'a Image)>,
}

impl Found<'_> {
    /// Heeds what the tracker knows of these images by their ids: an image that was recorded for a build is of no other,
    /// and one that has not passed its test, or is revoked, counts for none.
    pub fn heed(&mut self, document: &Document) {
        let known: BTreeMap<&str, BuildKey> = document.ids().collect();
        let all = std::mem::take(&mut self.images);
        let each =
            all.into_iter().flat_map(|(build, images)| images.into_iter().map(move |found| (build.clone(), found)));
        let (others, own): (Vec<_>, Vec<_>) =
            each.partition(|(build, (_, image))| known.get(image.id.as_str()).is_some_and(|known| known != build));
        for (build, (place, image)) in own {
            self.images.entry(build).or_default().insert(place, image);
        }
        for (_, (place, image)) in others {
            if let Some(build) = known.get(image.id.as_str()) {
                self.images.entry(build.clone()).or_default().entry(place).or_insert(image);
            }
        }
        let (untested, revoked) = (&mut self.untested, &mut self.revoked);
        self.images.retain(|build, images| {
            images.retain(|_, image| {
                let (is_untested, is_revoked) =
                    (document.is_untested(build, &image.id), document.revocations().of_id(&image.id).is_some());
                if is_revoked {
                    revoked.push((build.clone(), image));
                } else if is_untested {
                    untested.push((build.clone(), image));
                }
                !is_untested && !is_revoked
            });
            !images.is_empty()
        });
    }
}

/// Finds the build that each image is of. Where several releases would do, as where no template tells
/// `18.6.1-1` from `18.6.1-2`, it is the newest that is not younger than the image. Where a tag names the whole package,
/// that counts whatever the times are.
pub fn find<'a>(
    images: &'a [Image],
    candidates: &[Candidate],
    targets: &[StatedTarget],
    matcher: &ImageMatcher,
) -> Found<'a> {
    let mut patterns = Vec::new();
    for candidate in candidates {
        for StatedTarget { target, .. } in targets.iter().filter(|stated| stated.takes(&candidate.package)) {
            let build = BuildKey { package: candidate.package.clone(), target: target.clone() };
            let name = matcher.name.as_ref().map(|template| template.of(&build));
            let tags: Vec<_> = matcher.tags.iter().map(|(key, template)| (key, template.of(&build))).collect();
            patterns.push((build, candidate.built_at, name, tags));
        }
    }
    let is_exact = matcher.tags.iter().any(|(_, template)| template.0 == "{package}");
    let mut found = Found::default();
    for image in images {
        let of = patterns.iter().filter(|(build, built_at, name, tags)| {
            let has =
                |(key, pattern): &(&String, WildMatch)| image.tags.get(*key).is_some_and(|tag| pattern.matches(tag));
            let is_younger = built_at.zip(image.created).is_some_and(|(built_at, created)| built_at > created);
            let is_named = name.as_ref().is_none_or(|pattern| pattern.matches(&image.name));
            is_named && tags.iter().all(has) && runs_on(&build.package, image) && (is_exact || !is_younger)
        });
        let of = of.max_by_key(|(build, ..)| (&build.package, build.target.as_str().len()));
        let Some((build, ..)) = of else {
            found.unknown.push(image);
            continue;
        };
        let newest = found.images.entry(build.clone()).or_default().entry(&image.place).or_insert(image);
        if image.created > newest.created {
            *newest = image;
        }
    }
    found
}

/// Whether an image can hold a package, by their architectures.
fn runs_on(package: &Nevra, image: &Image) -> bool {
    let arch = match image.architecture.as_deref() {
        Some("arm64") => "aarch64",
        Some("x86_64") => "x86_64",
        _ => return true,
    };
    package.arch() == "noarch" || package.arch() == arch || (arch == "x86_64" && package.arch().ends_with("86"))
}

/// Where a tracker and the images that there are disagree.
#[derive(Debug, Default)]
pub struct Disagreements<'a> {
    /// There is an image, and the tracker has no success.
    pub not_recorded: Vec<(BuildKey, &'a BTreeMap<&'a Place, &'a Image>)>,
    /// The tracker has a success, and there is no image in any place.
    pub without_image: Vec<BuildKey>,
    /// The tracker has an id in a place, and there is no image of that id; of its name there may be another.
    pub gone: Vec<(BuildKey, Place, ImageId, Option<&'a Image>)>,
    /// There is an image in a place where the tracker has none of a build whose ids it knows.
    pub unknown_in: Vec<(BuildKey, &'a Image)>,
    /// The images of a build are in other places than those that were looked at.
    pub elsewhere: Vec<(BuildKey, Ids)>,
}

/// Compares a tracker with the images that there are, for these targets. An image counts for a build, too, if its id is
/// that of the build's image.
pub fn compare<'a>(
    document: &Document,
    images: &'a [Image],
    found: &'a Found<'a>,
    targets: &[StatedTarget],
) -> Disagreements<'a> {
    let ids: BTreeSet<&str> = images.iter().map(|image| image.id.as_str()).collect();
    let places: BTreeSet<&Place> = images.iter().map(|image| &image.place).collect();
    let is_looked_at = |place: &Place| places.contains(place) || places.contains(&Place::default());
    let is_built = |build: &BuildKey| document.get(build).is_some_and(|entry| entry.state == State::Built);
    let not_recorded = found.images.iter().filter(|(build, _)| !is_built(build));
    let mut disagreements = Disagreements {
        not_recorded: not_recorded.map(|(build, images)| (build.clone(), images)).collect(),
        ..Disagreements::default()
    };
    for (package, target, entry) in document.entries() {
        let is_of_targets = targets.iter().any(|stated| stated.target == *target && stated.takes(package));
        if entry.state != State::Built || !is_of_targets || is_revoked(document, package, target) {
            continue;
        }
        let build = BuildKey { package: package.clone(), target: target.clone() };
        let of_build = found.images.get(&build);
        let recorded = document.image(package, target).map(|(_, image)| &image.ids);
        let with_places = recorded.filter(|ids| !ids.is_empty() && ids.places().all(|place| !place.is_none()));
        if of_build.is_none() && !document.facts(package, target).values().any(|id| ids.contains(id.as_str())) {
            match with_places.filter(|ids| !ids.places().any(is_looked_at)) {
                Some(ids) => disagreements.elsewhere.push((build, ids.clone())),
                None => disagreements.without_image.push(build),
            }
            continue;
        }
        for (place, id) in with_places.into_iter().flat_map(Ids::iter) {
            if places.contains(place) && !ids.contains(id.as_str()) {
                let other = of_build.and_then(|images| images.get(place)).copied();
                disagreements.gone.push((build.clone(), place.clone(), id.clone(), other));
            }
        }
        if let (Some(ids), Some(of_build)) = (with_places, of_build) {
            let unknown =
                of_build.iter().filter(|(place, _)| !place.is_none() && !ids.places().any(|known| known == **place));
            disagreements.unknown_in.extend(unknown.map(|(_, image)| (build.clone(), *image)));
        }
    }
    disagreements
}

/// Whether a build has no image that may be used, by a person's word: none of them need be there.
fn is_revoked(document: &Document, package: &Nevra, target: &Target) -> bool {
    let mut images = document.images(package, target);
    document.revocation(package, target).is_some()
        || (document.image(package, target).is_none()
            && images.any(|(_, image)| document.revocation_of_image(image).is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracker::{Baked, Notes, Origin, Report};

    const NIGHT: Timestamp = Timestamp::UNIX_EPOCH;

    fn described(images: &[(&str, &str)]) -> Vec<Image> {
        let images: Vec<_> = images
            .iter()
            .map(|(id, name)| serde_json::json!({"ImageId": id, "Name": name, "State": "available", "Architecture": "x86_64"}))
            .collect();
        parse(&Place::default(), serde_json::json!({"Images": images}).to_string().as_bytes()).expect("images")
    }

    fn candidates(versions: &[&str]) -> Vec<Candidate> {
        let package = |version: &&str| format!("gitlab-runner-{version}.x86_64").parse().expect("a package");
        versions.iter().map(|version| Candidate { package: package(version), built_at: None }).collect()
    }

    fn targets() -> Vec<StatedTarget> {
        ["rhel9", "rhel9-fips"].iter().map(|target| target.parse::<Target>().expect("a target").into()).collect()
    }

    fn named(template: &str) -> ImageMatcher {
        ImageMatcher { name: Some(template.parse().expect("a template")), tags: vec![] }
    }

    fn told(found: &Found<'_>) -> Vec<String> {
        let images = found.images.iter().flat_map(|(build, images)| images.values().map(move |image| (build, image)));
        images.map(|(build, image)| format!("{} {} {}", build.package.evr(), build.target, image.id)).collect()
    }

    #[test]
    fn an_image_is_of_the_release_that_its_name_tells() {
        let images = described(&[
            ("ami-1", "gitlab-runner-18.6.1-rhel9-20261124"),
            ("ami-2", "gitlab-runner-18.6.10-rhel9-20261124"),
            ("ami-3", "gitlab-runner-18.7.0.rc1-rhel9-20261124"),
            ("ami-4", "gitlab-runner-18.6.1-rhel9-fips-20261124"),
            ("ami-5", "gitlab-runner-fips-18.6.1-rhel9-20261124"),
            ("ami-6", "base-image"),
        ]);
        let releases = candidates(&["18.6.1-1", "18.6.1-2", "18.6.10-1", "18.7.0~rc1-1"]);
        let found = find(&images, &releases, &targets(), &named("{product}-{version}-{target}-*"));
        assert_eq!(
            told(&found),
            ["18.6.1-2 rhel9 ami-1", "18.6.1-2 rhel9-fips ami-4", "18.6.10-1 rhel9 ami-2", "18.7.0~rc1-1 rhel9 ami-3"]
        );
        let unknown: Vec<&str> = found.unknown.iter().map(|image| image.id.as_str()).collect();
        assert_eq!(unknown, ["ami-5", "ami-6"]);
    }

    #[test]
    fn an_image_is_of_the_release_that_its_tags_tell() {
        let mut images = described(&[("ami-1", "x"), ("ami-2", "x"), ("ami-3", "x")]);
        for (image, release) in images.iter_mut().zip(["18.6.1-1", "18.6.1-2", "18.6.1-1"]) {
            image.tags.insert("Package".to_owned(), format!("gitlab-runner-{release}.x86_64"));
            image.tags.insert("BaseOS".to_owned(), "rhel9".to_owned());
        }
        images[0].created = Some(NIGHT);
        let tags = [("Package", "{package}"), ("BaseOS", "{target}")];
        let tags = tags.map(|(key, template)| (key.to_owned(), template.parse().expect("a template"))).to_vec();
        let matcher = ImageMatcher { name: None, tags };
        let found = find(&images, &candidates(&["18.6.1-1", "18.6.1-2"]), &targets(), &matcher);
        // Of two images the one that was made last counts.
        assert_eq!(told(&found), ["18.6.1-1 rhel9 ami-1", "18.6.1-2 rhel9 ami-2"]);
    }

    #[test]
    fn an_image_is_of_no_release_that_is_younger_or_for_another_machine() {
        let mut images = described(&[("ami-1", "18.6.1-rhel9")]);
        images[0].created = Some(NIGHT);
        let mut releases = candidates(&["18.6.1-1", "18.6.1-2"]);
        releases[1].built_at = Some(Timestamp::MAX);
        let matcher = named("{version}-{target}");
        assert_eq!(told(&find(&images, &releases, &targets(), &matcher)), ["18.6.1-1 rhel9 ami-1"]);
        images[0].architecture = Some("arm64".to_owned());
        assert_eq!(find(&images, &releases, &targets(), &matcher).unknown.len(), 1);
    }

    /// Field tests, tracker 17.
    #[test]
    fn a_tag_with_the_whole_package_counts_though_the_package_was_built_later() {
        let mut images = described(&[("ami-1", "18.6.1-rhel9")]);
        images[0].created = Some(NIGHT);
        images[0].tags.insert("Package".to_owned(), "gitlab-runner-18.6.1-1.x86_64".to_owned());
        let mut releases = candidates(&["18.6.1-1"]);
        releases[0].built_at = Some(Timestamp::MAX);
        for (template, found_in) in [("{package}", 1), ("*{version}*", 0)] {
            let tags = vec![("Package".to_owned(), template.parse().expect("a template"))];
            let matcher = ImageMatcher { tags, ..named("{version}-{target}") };
            assert_eq!(find(&images, &releases, &targets(), &matcher).images.len(), found_in, "{template}");
        }
    }

    #[test]
    fn an_image_holds_packages_that_its_machine_runs() {
        for (machine, arch, runs) in [
            (Some("x86_64"), "x86_64", true),
            (Some("x86_64"), "i686", true),
            (Some("x86_64"), "noarch", true),
            (Some("x86_64"), "aarch64", false),
            (Some("arm64"), "aarch64", true),
            (Some("arm64"), "noarch", true),
            (Some("arm64"), "i686", false),
            (Some("arm64"), "x86_64", false),
            (Some("i386"), "i686", true),
            (None, "aarch64", true),
        ] {
            let mut images = described(&[("ami-1", "18.6.1-rhel9")]);
            images[0].architecture = machine.map(str::to_owned);
            let package = format!("gitlab-runner-18.6.1-1.{arch}").parse().expect("a package");
            let releases = [Candidate { package, built_at: None }];
            let found = find(&images, &releases, &targets(), &named("{version}-{target}"));
            assert_eq!(found.images.len(), usize::from(runs), "{machine:?} {arch}");
        }
    }

    #[test]
    fn a_tracker_and_images_are_compared_in_both_directions() {
        let images = described(&[("ami-1", "18.6.1-rhel9"), ("ami-9", "renamed by hand")]);
        let releases = candidates(&["18.6.0-1", "18.6.1-1", "18.7.0-1"]);
        let target = &targets()[0].target;
        let build = |index: usize| BuildKey { package: releases[index].package.clone(), target: target.clone() };
        let mut document = Document::new("gitlab-runner", "main");
        document.succeed(&build(0), Report::default(), NIGHT, Origin::default());
        document.succeed(&build(2), Notes::from([("AMI_ID".into(), "ami-9".into())]).into(), NIGHT, Origin::default());
        let found = find(&images, &releases, &targets(), &named("{version}-{target}"));
        let disagreements = compare(&document, &images, &found, &targets());
        let not_recorded: Vec<_> =
            disagreements.not_recorded.iter().map(|(build, images)| (build, images[&Place::default()])).collect();
        assert_eq!(not_recorded, [(&build(1), &images[0])]);
        assert_eq!(disagreements.without_image, [build(0)]);
    }

    #[test]
    fn images_of_several_places_are_one_image_and_one_that_is_gone_is_told() {
        let places = ["eu-west-1", "us-east-1"].map(|place| place.parse::<Place>().expect("a place"));
        let mut images = described(&[("ami-1", "18.6.1-rhel9"), ("ami-2", "18.6.1-rhel9"), ("ami-3", "18.6.0-rhel9")]);
        for (image, place) in images.iter_mut().zip([0, 1, 0]) {
            image.place = places[place].clone();
        }
        let releases = candidates(&["18.6.0-1", "18.6.1-1"]);
        let build =
            |index: usize| BuildKey { package: releases[index].package.clone(), target: targets()[0].target.clone() };
        let mut document = Document::new("gitlab-runner", "main");
        let mut baked = Baked::default();
        for (place, id) in places.iter().zip(["ami-3", "ami-4"]) {
            baked.ids.add(place.clone(), id.parse().expect("an id"));
        }
        document.succeed(&build(0), Report { baked, ..Report::default() }, NIGHT, Origin::default());
        let found = find(&images, &releases, &targets(), &named("{version}-{target}"));
        let disagreements = compare(&document, &images, &found, &targets());
        let [(of, images)] = disagreements.not_recorded.as_slice() else { panic!("{disagreements:?}") };
        assert_eq!(
            (of, images.values().map(|image| image.id.as_str()).collect::<Vec<_>>()),
            (&build(1), vec!["ami-1", "ami-2"])
        );
        assert_eq!(disagreements.gone, [(build(0), places[1].clone(), "ami-4".parse().expect("an id"), None)]);
        assert!(disagreements.without_image.is_empty() && disagreements.elsewhere.is_empty());
    }

    #[test]
    fn what_is_in_other_places_than_those_that_were_looked_at_is_not_gone() {
        let place = |name: &str| name.parse::<Place>().expect("a place");
        let mut images = described(&[("ami-2", "18.6.1-rhel9"), ("ami-7", "18.7.0-rhel9")]);
        for image in &mut images {
            image.place = place("eu-west-1");
        }
        let releases = candidates(&["18.6.0-1", "18.6.1-1", "18.7.0-1"]);
        let build =
            |index: usize| BuildKey { package: releases[index].package.clone(), target: targets()[0].target.clone() };
        let mut document = Document::new("gitlab-runner", "main");
        for (index, at, id) in [(0, "us-east-1", "ami-1"), (1, "us-east-1", "ami-3"), (2, "eu-west-1", "ami-4")] {
            let mut baked = Baked::default();
            baked.ids.add(place(at), id.parse().expect("an id"));
            document.succeed(&build(index), Report { baked, ..Report::default() }, NIGHT, Origin::default());
        }
        let found = find(&images, &releases, &targets(), &named("{version}-{target}"));
        let Disagreements { not_recorded, without_image, gone, unknown_in, elsewhere } =
            compare(&document, &images, &found, &targets());
        assert!(not_recorded.is_empty() && without_image.is_empty());
        assert_eq!(
            elsewhere.iter().map(|(of, ids)| (of, ids.to_string())).collect::<Vec<_>>(),
            [(&build(0), "us-east-1=ami-1".to_owned())]
        );
        assert_eq!(unknown_in, [(build(1), &images[0])]);
        assert_eq!(
            gone,
            [(build(2), place("eu-west-1"), "ami-4".parse().expect("an id"), Some(&images[1]))],
            "copied anew, say"
        );
    }

    #[test]
    fn several_outputs_are_one_list_and_none_is_no_list() {
        let one = r#"{"Images": [{"ImageId": "ami-1", "CreationDate": "2026-11-20T02:31:00.000Z", "Name": "a"},
                     {"ImageId": "ami-2", "State": "failed"}]}"#;
        let images =
            parse(&Place::default(), format!("{one}\n{}", one.replace("ami-1", "ami-3")).as_bytes()).expect("images");
        assert_eq!(images.iter().map(|image| image.id.as_str()).collect::<Vec<_>>(), ["ami-1", "ami-3"]);
        assert_eq!(images[0].created, "2026-11-20T02:31:00Z".parse().ok());
        assert!(parse(&Place::default(), b"{\"Images\": []}").expect("a region without images").is_empty());
        assert!(matches!(parse(&Place::default(), b" "), Err(ImagesError::Empty)));
        assert!(matches!(parse(&Place::default(), b"{\"Snapshots\": []}"), Err(ImagesError::Json(_))));
    }

    #[test]
    fn a_template_has_placeholders_that_are_known() {
        for text in ["", "{version", "{Version}", "{product}-{os}"] {
            assert!(text.parse::<Template>().is_err(), "{text}");
        }
        // As a tag that is set when a test has passed.
        assert!("yes".parse::<Template>().is_ok());
    }
}
