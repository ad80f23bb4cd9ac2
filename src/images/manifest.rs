//! Packer's manifest: the images that a build made.
//!
//! <https://developer.hashicorp.com/packer/docs/post-processors/manifest>

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;

use crate::budget::{Budget, JsonError};
use crate::text::{count, named};
use crate::tracker::{Baked, IdError, Ids, ImageId, Notes, Place, placed_id};

/// Builders whose `artifact_id` is `REGION:ID,REGION:ID`.
const OF_REGIONS: [&str; 4] = ["amazon-ebs", "amazon-ebssurrogate", "amazon-chroot", "amazon-instance"];
/// Builders whose `artifact_id` is one id, without a region.
const OF_NO_REGION: [&str; 3] = ["docker", "googlecompute", "azure-arm"];

/// Why a manifest tells no images.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It cannot be read.
    #[error("it is not the manifest of Packer")]
    Json(#[source] JsonError),
    /// It has no build of the run that it names.
    #[error(
        "it has {}, and none of its last run, {run:?}: does packer build with the post-processor manifest, in \
         this job?", count(*builds, "build")
    )]
    NoBuild {
        /// How many builds it has.
        builds: usize,
        /// The last run.
        run: String,
    },
    /// What the ids of these builders look like is not known.
    #[error(
        "it has images of {} alone, and the builders that are known are {}. AMI_SCHEDULER_IMAGE_ID in the build's dotenv \
         report names an image of any other; with an empty --manifest (input manifest) none is looked for",
        .0.join(", "), known()
    )]
    Builder(Vec<String>),
    /// The artifact has no id.
    #[error("the artifact_id of {builder} is {artifact:?}, and such as {} was expected", example(builder))]
    Artifact {
        /// The builder.
        builder: String,
        /// What it is.
        artifact: String,
    },
}

fn known() -> String {
    OF_REGIONS.iter().chain(&OF_NO_REGION).copied().collect::<Vec<_>>().join(", ")
}

fn example(builder: &str) -> &'static str {
    if OF_REGIONS.contains(&builder) { "us-east-1:ami-0abc,eu-west-1:ami-0def" } else { "an id" }
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    builds: Vec<Build>,
    #[serde(default)]
    last_run_uuid: String,
}

#[derive(Deserialize)]
struct Build {
    builder_type: String,
    #[serde(default)]
    artifact_id: String,
    #[serde(default)]
    build_time: i64,
    #[serde(default)]
    packer_run_uuid: String,
    #[serde(default)]
    custom_data: Option<CustomData>,
}

#[derive(Default, Deserialize)]
struct CustomData {
    #[serde(default)]
    base: Option<String>,
}

/// What a manifest tells of its last run.
#[derive(Debug)]
pub struct Made {
    /// The images.
    pub baked: Baked,
    /// When the first of them was made, if it says so.
    pub made: Option<Timestamp>,
    /// Builders, quoted, whose images are not among them, since what their ids look like is not known.
    pub unknown: Vec<String>,
}

/// What a manifest tells of its last run. Packer appends to one that is there: earlier runs are not this one's.
pub fn manifest(json: &[u8]) -> Result<Made, ManifestError> {
    let (manifest, _held) = Budget::default().json::<Manifest>(json).map_err(ManifestError::Json)?;
    let is_of_run = |build: &&Build| build.packer_run_uuid == manifest.last_run_uuid;
    let builds: Vec<&Build> = manifest.builds.iter().filter(is_of_run).collect();
    if builds.is_empty() {
        let (builds, run) = (manifest.builds.len(), named(&manifest.last_run_uuid));
        return Err(ManifestError::NoBuild { builds, run });
    }
    let times = builds.iter().map(|build| build.build_time).filter(|time| *time > 0);
    let made = times.min().and_then(|time| Timestamp::from_second(time).ok());
    let (mut baked, mut unknown) = (Baked::default(), BTreeSet::new());
    for build in builds {
        let Some(ids) = ids(build) else {
            unknown.insert(format!("{:?}", named(&build.builder_type)));
            continue;
        };
        let artifact =
            |_| ManifestError::Artifact { builder: named(&build.builder_type), artifact: named(&build.artifact_id) };
        baked.ids.extend(ids.map_err(artifact)?);
        let base = build.custom_data.as_ref().and_then(|data| data.base.as_deref());
        if let Some(base) = base.and_then(|base| base.parse().ok()) {
            baked.bases.insert(base);
        }
    }
    Ok(Made { baked, made, unknown: unknown.into_iter().collect() })
}

/// The ids of a build, if it is known what those of its builder look like.
fn ids(build: &Build) -> Option<Result<Ids, IdError>> {
    let builder = build.builder_type.as_str();
    if OF_REGIONS.contains(&builder) {
        Some(artifact(&build.artifact_id))
    } else if OF_NO_REGION.contains(&builder) {
        let mut ids = Ids::default();
        Some(build.artifact_id.parse().map(|id| {
            ids.add(Place::default(), id);
            ids
        }))
    } else {
        None
    }
}

/// The ids that a build reported as the note `AMI_ID`, where it left no manifest: one or several, with their places or
/// without. A note that is no such list is none.
pub fn ids_of_notes(notes: &Notes) -> Ids {
    let reported = notes.get("AMI_ID").map(String::as_str).unwrap_or_default();
    let placed: Result<Vec<_>, IdError> = reported.split(',').map(|part| placed_id(part.trim())).collect();
    let mut ids = Ids::default();
    for (place, id) in placed.unwrap_or_default() {
        ids.add(place, id);
    }
    ids
}

/// `eu-central-1:ami-1,us-east-1:ami-2`, each with its region.
fn artifact(text: &str) -> Result<Ids, IdError> {
    let mut ids = Ids::default();
    for part in text.split(',') {
        let (place, id) = part.trim().split_once(':').filter(|(place, _)| !place.is_empty()).unwrap_or_default();
        let id: ImageId = id.parse()?;
        ids.add(place.parse()?, id);
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(builder: &str, artifact: &str, run: &str, base: &str) -> String {
        format!(
            r#"{{"name": "al2023", "builder_type": "{builder}", "build_time": 1795705654, "files": null,
                "artifact_id": "{artifact}", "packer_run_uuid": "{run}", "custom_data": {base}}}"#
        )
    }

    fn read(builds: &[String], last_run: &str) -> Result<Baked, String> {
        let json = format!(r#"{{"builds": [{}], "last_run_uuid": "{last_run}"}}"#, builds.join(", "));
        manifest(json.as_bytes()).map(|made| made.baked).map_err(|error| error.to_string())
    }

    #[test]
    fn the_images_of_the_last_run_are_told_in_each_region_with_their_base() {
        let earlier = build("amazon-ebs", "us-east-1:ami-0", "1", "null");
        let two = build("amazon-ebs", "eu-central-1:ami-1,us-east-1:ami-2", "2", r#"{"base": "ami-base"}"#);
        let baked = read(&[earlier, two], "2").expect("a manifest");
        assert_eq!(baked.ids.to_string(), "eu-central-1=ami-1, us-east-1=ami-2");
        assert_eq!(baked.bases.iter().map(ImageId::as_str).collect::<Vec<_>>(), ["ami-base"]);
    }

    #[test]
    fn several_builds_are_all_told_of() {
        let builds =
            [("amazon-ebs", "us-east-1:ami-1"), ("amazon-ebssurrogate", "us-east-1:ami-2"), ("docker", "sha256:0a")]
                .map(|(builder, artifact)| build(builder, artifact, "1", "{}"));
        assert_eq!(
            read(&builds, "1").expect("a manifest").ids.to_string(),
            "sha256:0a, us-east-1=ami-1, us-east-1=ami-2"
        );
    }

    #[test]
    fn what_a_builder_made_that_is_not_known_is_named() {
        let builds = ["amazon-ebs", "amazon-ebsvolume"].map(|builder| build(builder, "us-east-1:x-1", "1", "null"));
        let json = format!(r#"{{"builds": [{}], "last_run_uuid": "1"}}"#, builds.join(", "));
        let made = manifest(json.as_bytes()).expect("a manifest");
        assert_eq!(
            (made.baked.ids.to_string().as_str(), made.unknown.join(" ").as_str()),
            ("us-east-1=x-1", "\"amazon-ebsvolume\"")
        );
        assert_eq!(made.made.map(Timestamp::as_second), Some(1_795_705_654));
    }

    #[test]
    fn a_note_is_an_image_with_or_without_its_region() {
        for (note, ids) in [
            ("ami-1", "ami-1"),
            ("us-east-1:ami-1", "us-east-1=ami-1"),
            ("eu-west-1:ami-1,us-east-1:ami-2", "eu-west-1=ami-1, us-east-1=ami-2"),
            ("ami-1, ami-2", "ami-1, ami-2"),
            ("sha256:0a", "sha256:0a"),
            ("not built", ""),
        ] {
            let notes = Notes::from([("AMI_ID".to_owned(), note.to_owned())]);
            assert_eq!(ids_of_notes(&notes).to_string(), ids, "{note}");
        }
        assert!(ids_of_notes(&Notes::new()).is_empty());
    }

    #[test]
    fn what_tells_no_image_is_an_error_with_what_was_read_and_expected() {
        let of = |builder: &str, artifact: &str| vec![build(builder, artifact, "1", "null")];
        for (builds, last_run, told) in [
            (vec![], "", "it has 0 builds, and none of its last run, \"\""),
            (of("amazon-ebs", "us-east-1:ami-1"), "2", "it has 1 build, and none of its last run, \"2\""),
            (of("amazon-ebs", ""), "1", "the artifact_id of amazon-ebs is \"\", and such as us-east-1:ami-0abc"),
            (of("amazon-ebs", "ami-1"), "1", "the artifact_id of amazon-ebs is \"ami-1\""),
            (of("amazon-ebs", "us-east-1:$(id)"), "1", "the artifact_id of amazon-ebs is \"us-east-1:$(id)\""),
            (of("docker", ""), "1", "the artifact_id of docker is \"\", and such as an id was expected"),
        ] {
            let error = read(&builds, last_run).expect_err(told);
            assert!(error.contains(told), "{error}");
        }
        for text in ["", "{\"builds\": 1}", "{"] {
            let error = manifest(text.as_bytes()).expect_err(text).to_string();
            assert_eq!(error, "it is not the manifest of Packer", "{text}");
        }
    }
}
