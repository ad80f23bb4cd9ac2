use std::path::PathBuf;
use std::str::FromStr;

use ami_scheduler::images::{ImageMatcher, Template, TemplateError};
use ami_scheduler::tracker::Place;
use clap::Args;

use super::lists::OneOrMore;

/// The releases that images may be of, and how they say of which.
#[derive(Debug, Args)]
pub struct ImageArgs {
    /// The releases, as list wrote them
    #[arg(long, value_name = "FILE", default_value = "packages.json")]
    pub packages: PathBuf,
    #[command(flatten)]
    pub matcher: MatcherArgs,
}

/// Names and tags by which an image says which release it is of.
#[derive(Debug, Args)]
pub struct MatcherArgs {
    /// What the names of images look like: '{product}-{version}-{target}-*'
    ///
    /// With {package}, {product}, {epoch}, {version}, {release}, {arch} and {target}; * stands for any
    /// characters, ? for one.
    #[arg(long, value_name = "TEMPLATE")]
    image_name: Option<Template>,
    /// What a tag of the images looks like: 'Package={package}'; can be given several times, or as a JSON array
    #[arg(long, value_name = "KEY=TEMPLATE", env = "AMI_SCHEDULER_IMAGE_TAGS")]
    image_tag: Vec<OneOrMore<ImageTag>>,
}

impl MatcherArgs {
    pub fn matcher(&self) -> ImageMatcher {
        let tags = self.tags().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
        ImageMatcher { name: self.image_name.clone(), tags }
    }

    fn tags(&self) -> impl Iterator<Item = &ImageTag> {
        self.image_tag.iter().flat_map(|tags| &tags.0)
    }

    /// The options, as a person gave them.
    pub fn in_words(&self) -> String {
        let name = self.image_name.iter().map(|name| format!("--image-name {name}"));
        let tags = self.tags().map(|tag| format!("--image-tag {}={}", tag.key, tag.value));
        name.chain(tags).collect::<Vec<_>>().join(" ")
    }
}

/// A file, and the place of the images that it tells of.
#[derive(Debug, Clone)]
pub struct PlacedFile {
    pub place: Place,
    pub file: PathBuf,
}

impl FromStr for PlacedFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let placed = text.split_once('=').filter(|(place, _)| !place.is_empty());
        let placed = placed.and_then(|(place, file)| Some((place.parse().ok()?, file)));
        match placed {
            Some((place, "")) => Err(format!("after {place}= a file is missing, such as {place}=images.json")),
            Some((place, file)) => Ok(Self { place, file: file.into() }),
            None => Ok(Self { place: Place::default(), file: text.into() }),
        }
    }
}

#[derive(Debug, Clone)]
struct ImageTag {
    key: String,
    value: Template,
}

impl FromStr for ImageTag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("expected KEY=TEMPLATE, such as Package={package}")?;
        Ok(Self { key: key.to_owned(), value: value.parse().map_err(|error: TemplateError| error.to_string())? })
    }
}
