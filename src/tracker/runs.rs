//! A number of runs.

use serde::{Deserialize, Serialize};

use super::bounds::is_zero;

/// A number of runs in a row, and the last of them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedRuns {
    /// How many.
    pub runs: u64,
    /// The pipeline of the last of them; 0 outside of GitLab.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pipeline: u64,
}

impl CountedRuns {
    /// How many came before that of `pipeline`. A run that is tried again is the same run; outside of GitLab, where all
    /// have the number 0, each is another.
    pub fn before(self, pipeline: u64) -> u64 {
        self.runs - u64::from(self.end_with(pipeline))
    }

    /// Whether the last of them is known to be that of `pipeline`.
    pub fn end_with(self, pipeline: u64) -> bool {
        self.runs > 0 && pipeline != 0 && self.pipeline == pipeline
    }

    /// The same with the run of `pipeline`.
    #[must_use]
    pub fn and(self, pipeline: u64) -> Self {
        Self { runs: self.before(pipeline).saturating_add(1), pipeline }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_is_tried_again_counts_once() {
        let counted = CountedRuns { runs: 2, pipeline: 9 };
        assert_eq!([9, 10, 0].map(|pipeline| counted.before(pipeline)), [1, 2, 2]);
        assert_eq!([9, 10, 0].map(|pipeline| counted.and(pipeline).runs), [2, 3, 3]);
        assert_eq!(CountedRuns { runs: 2, pipeline: 0 }.before(0), 2);
        assert_eq!(CountedRuns { runs: 0, pipeline: 9 }.before(9), 0);
        assert_eq!(CountedRuns::default().before(0), 0);
    }
}
