use std::path::PathBuf;

use ami_scheduler::plan::compare::Earlier;
use clap::Args;

use crate::ingredients::Source;

/// The file that says what images are made of.
#[derive(Debug, Clone, Args)]
pub struct IngredientArgs {
    /// The ingredients.json in which a job of yours says what an image of each target is made of besides the package
    ///
    /// It has target, name and value, such as {"al2023": {"base": "ami-0abc", "recipe": "4f1e…"}}. What it says is kept
    /// with each claim, and the build job has it as INGREDIENT_BASE and so on.
    #[arg(long, value_name = "FILE")]
    pub ingredients: Option<PathBuf>,
}

impl IngredientArgs {
    /// Where the ingredients are told. A plan that is compared with an earlier run takes those of that run, where no job
    /// tells them.
    pub fn source<'a>(&'a self, is_compared: bool, earlier: Option<&'a Earlier>) -> Source<'a> {
        match &self.ingredients {
            Some(file) => Source::File(file),
            None if is_compared => Source::EarlierRun(earlier),
            None => Source::Nowhere,
        }
    }
}
