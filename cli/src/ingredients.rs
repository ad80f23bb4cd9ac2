//! What images are made of besides the package, as it is told to a run.

use std::collections::BTreeMap;
use std::path::Path;

use ami_scheduler::artifacts::ingredients;
use ami_scheduler::plan::Rules;
use ami_scheduler::plan::compare::Earlier;
use ami_scheduler::release::{Target, listed};
use ami_scheduler::tracker::{IngredientName, Ingredients};
use anyhow::{Context as _, anyhow};

use crate::exit::{Exit, Failure, WithExit as _};
use crate::files::read;

/// The ingredients of each target.
pub type ByTarget = BTreeMap<Target, Ingredients>;

/// Where the ingredients are told.
pub enum Source<'a> {
    /// Nowhere.
    Nowhere,
    /// In the file of a job.
    File(&'a Path),
    /// Not in this pipeline: a plan takes those of an earlier run, where there is one.
    EarlierRun(Option<&'a Earlier>),
}

impl Source<'_> {
    /// Reads the ingredients of the targets that a team has. That the rules ask for what nobody tells of any of them is an
    /// error; that one of them lacks it is told, since its images are not built again then.
    pub fn read(&self, rules: &Rules, targets: &[Target]) -> Result<ByTarget, Failure> {
        let (file, told) = match self {
            Self::Nowhere => return nobody_tells(rules),
            Self::EarlierRun(earlier) => return Ok(of_earlier_run(*earlier, rules)),
            Self::File(file) => (file.display(), of_file(file, targets)?),
        };
        for name in &rules.rebuild_when {
            if !told.values().any(|of_target| of_target.contains_key(name)) {
                return Err(anyhow!(
                    "--rebuild-when names {name} (input rebuild_when), and {file} has it for none of {}: {}",
                    listed(targets),
                    names_in(&told)
                ))
                .with_exit(Exit::CommandLine);
            }
            let without: Vec<&Target> = targets.iter().filter(|target| !has(&told, target, name)).collect();
            if !without.is_empty() {
                message!(
                    "WARNING: {file} has no {name} for {}: images are not built again there when it changes",
                    listed(without)
                );
            }
        }
        Ok(told)
    }
}

fn has(told: &ByTarget, target: &Target, name: &IngredientName) -> bool {
    told.get(target).is_some_and(|of_target| of_target.contains_key(name))
}

fn nobody_tells(rules: &Rules) -> Result<ByTarget, Failure> {
    match rules.rebuild_when.first() {
        None => Ok(ByTarget::new()),
        Some(name) => Err(anyhow!(
            "--rebuild-when names {name} (input rebuild_when), and nothing tells what it is now: give --ingredients, or in \
             the component ingredients: true and the job that tells it as ingredients_job"
        ))
        .with_exit(Exit::CommandLine),
    }
}

fn of_file(file: &Path, targets: &[Target]) -> anyhow::Result<ByTarget> {
    let json = read(file).context(
        "--ingredients has to name the file that tells what images are made of: in a job it is .ami-scheduler/ingredients.json \
         among the artifacts of ingredients_job",
    )?;
    ingredients(&json, targets).with_context(|| format!("{} does not tell what images are made of", file.display()))
}

fn of_earlier_run(earlier: Option<&Earlier>, rules: &Rules) -> ByTarget {
    let told = earlier.map(|earlier| earlier.ingredients.clone()).unwrap_or_default();
    let is_told = |name: &&IngredientName| told.values().any(|of_target| of_target.contains_key(*name));
    for name in rules.rebuild_when.iter().filter(|name| !is_told(name)) {
        message!(
            "WARNING: no job tells here what images are made of, and the earlier run had no {name}: this plan does not know \
             what is built again once that changes"
        );
    }
    if rules.rebuild_when.iter().any(|name| is_told(&name)) {
        message!("What images are made of is that of the earlier run: no job tells it here.");
    }
    told
}

/// The names that are told, in words.
fn names_in(told: &ByTarget) -> String {
    let mut names: Vec<String> =
        told.values().flat_map(|of_target| of_target.keys().map(ToString::to_string)).collect();
    names.sort();
    names.dedup();
    if names.is_empty() { "it has none at all".to_owned() } else { format!("it has {}", names.join(", ")) }
}
