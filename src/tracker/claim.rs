//! The claim of a build, and the image that came of it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::named;

/// Whose attempt a build is: the later has the larger claim.
///
/// Written `EPOCH.ATTEMPT@PIPELINE`, and `/LANE` where the pipeline has several: `0.1@102/17-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Claim {
    /// How many times the build had been asked for anew.
    pub epoch: u64,
    /// The number of the attempt, from 1; 0 for an image that was there before.
    pub attempt: u64,
    /// The pipeline; 0 outside of GitLab.
    pub pipeline: u64,
    /// Which of its lanes, where it has several.
    pub lane: Option<String>,
}

/// Which image of a build it is: the later has the larger key.
///
/// A job that is tried again may make another image for the same claim. Written as a claim, with `#JOB` after the
/// pipeline: `0.1@102#5501/17-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageKey {
    /// What was claimed.
    pub claim: Claim,
    /// The job that recorded the image; 0 outside of GitLab.
    pub job: u64,
}

/// Why a text is not a [`Claim`] or an [`ImageKey`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a claim: take it as `claim` of builds.json has it")]
pub struct ClaimError(String);

impl FromStr for Claim {
    type Err = ClaimError;

    fn from_str(text: &str) -> Result<Self, ClaimError> {
        let (claim, lane) = text.split_once('/').map_or((text, None), |(claim, lane)| (claim, Some(lane)));
        let numbers = || {
            let (attempt, pipeline) = claim.split_once('@')?;
            let (epoch, attempt) = attempt.split_once('.')?;
            Some((number(epoch)?, number(attempt)?, number(pipeline)?))
        };
        match (numbers(), lane) {
            (Some((epoch, attempt, pipeline)), None) => Ok(Self { epoch, attempt, pipeline, lane: None }),
            (Some((epoch, attempt, pipeline)), Some(lane)) if !lane.is_empty() => {
                Ok(Self { epoch, attempt, pipeline, lane: Some(lane.to_owned()) })
            }
            _ => Err(ClaimError(named(text))),
        }
    }
}

impl FromStr for ImageKey {
    type Err = ClaimError;

    fn from_str(text: &str) -> Result<Self, ClaimError> {
        let (numbers, lane) = text.split_at(text.find('/').unwrap_or(text.len()));
        let (claim, job) = numbers
            .split_once('#')
            .map_or((numbers, Some(0)), |(claim, job)| (claim, number(job).filter(|job| *job > 0)));
        let claim = format!("{claim}{lane}").parse().map_err(|_| ClaimError(named(text)))?;
        Ok(Self { claim, job: job.ok_or_else(|| ClaimError(named(text)))? })
    }
}

/// A number as it is written: one form alone, so that a key is one text.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}@{}", self.epoch, self.attempt, self.pipeline)?;
        self.lane.as_ref().map_or(Ok(()), |lane| write!(f, "/{lane}"))
    }
}

impl fmt::Display for ImageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Claim { epoch, attempt, pipeline, lane } = &self.claim;
        write!(f, "{epoch}.{attempt}@{pipeline}")?;
        if self.job > 0 {
            write!(f, "#{}", self.job)?;
        }
        lane.as_ref().map_or(Ok(()), |lane| write!(f, "/{lane}"))
    }
}

impl TryFrom<String> for Claim {
    type Error = ClaimError;

    fn try_from(text: String) -> Result<Self, ClaimError> {
        text.parse()
    }
}

impl From<Claim> for String {
    fn from(claim: Claim) -> Self {
        claim.to_string()
    }
}

impl TryFrom<String> for ImageKey {
    type Error = ClaimError;

    fn try_from(text: String) -> Result<Self, ClaimError> {
        text.parse()
    }
}

impl From<ImageKey> for String {
    fn from(key: ImageKey) -> Self {
        key.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_and_the_key_of_an_image_are_one_text_each() {
        for text in ["0.1@102", "2.13@0", "0.1@102/17-", "0.1@102/a/b #1", "0.0@18446744073709551615"] {
            assert_eq!(text.parse::<Claim>().expect(text).to_string(), text);
            assert_eq!(text.parse::<ImageKey>().expect(text).to_string(), text);
        }
        for text in ["0.1@102#5501", "0.1@102#5501/17-", "0.1@0#1/a#2"] {
            assert_eq!(text.parse::<ImageKey>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_none() {
        for text in
            ["", "1", "0.1", "0@1", "0.1@", "0.1@102/", "00.1@102", "0.+1@102", "0.1@102#", "0.1@102#0", "-1.1@1"]
        {
            assert_eq!(text.parse::<Claim>(), Err(ClaimError(text.to_owned())), "{text}");
            assert!(text.parse::<ImageKey>().is_err(), "{text}");
        }
        assert!("0.1@102#5501".parse::<Claim>().is_err());
    }

    #[test]
    fn the_later_is_the_larger() {
        let keys = ["0.1@102", "0.1@102#9", "0.1@102#10", "0.1@102/a", "0.1@103", "0.2@50", "1.0@0", "1.1@7", "10.1@1"];
        let keys = keys.map(|key| key.parse::<ImageKey>().expect(key));
        assert!(keys.is_sorted(), "{keys:?}");
    }
}
