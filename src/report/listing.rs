//! The log of `list`.

use std::fmt::Write as _;

use crate::policy::{FilterReason, Policy, near_misses};
use crate::release::{Nevra, Package, listed};
use crate::repository::RepositoryRead;
use crate::text::count;

/// Up to how many releases are named one by one.
const FEW: usize = 10;

/// The log of `list`: how many releases there are, which are wanted, and why others are not; `explain`
/// says it for each release.
pub fn listing(
    product: &str,
    repositories: &[RepositoryRead],
    policy: &Policy,
    wanted: &[Package],
    filtered: &[(Nevra, FilterReason)],
    explain: bool,
) -> String {
    let all = count(wanted.len() + filtered.len(), "release");
    let place = match repositories {
        [one] => one.url.clone(),
        several => format!("{} repositories", several.len()),
    };
    let mut text = format!("{all} of {product} in {place}, {} wanted ({})\n", wanted.len(), policy.versions.in_words());
    for repository in repositories.iter().filter(|_| repositories.len() > 1) {
        let targets = repository.targets.as_ref().map(|targets| format!(" for {}", listed(targets)));
        let _ = writeln!(text, "  {} in {}{}", repository.releases, repository.url, targets.unwrap_or_default());
    }
    if explain {
        push_explanations(&mut text, wanted, filtered);
        return text;
    }
    match wanted {
        [] => text.push_str("WARNING: no release is wanted: the list is empty, and nothing will be built.\n"),
        few if few.len() <= FEW => {
            for package in few {
                let targets = package.targets.as_ref().map(|targets| format!("  {}", listed(targets)));
                let _ = writeln!(text, "  {}{}{}", package.nevra, targets.unwrap_or_default(), advisories(package));
            }
        }
        [oldest, .., newest] => {
            for (which, package) in [("oldest", oldest), ("newest", newest)] {
                let _ = writeln!(text, "  {which} {}{}", package.nevra, advisories(package));
            }
        }
        [_] => {}
    }
    for near_miss in near_misses(policy, filtered.iter().map(|(package, reason)| (package, *reason))) {
        let of_rule = filtered.iter().filter(|(_, reason)| *reason == near_miss.reason);
        let names = of_rule.map(|(package, _)| package.to_string()).collect::<Vec<_>>();
        let names = if names.len() <= FEW { format!(": {}", names.join(", ")) } else { String::new() };
        let is_needed = wanted.is_empty() && (names.is_empty() || near_miss.renamed.is_some());
        let hint = if is_needed { format!(" ({})", near_miss.hint()) } else { String::new() };
        let _ = writeln!(text, "  {} left out, {}{hint}{names}", near_miss.releases, near_miss.reason);
    }
    text
}

/// The advisories about a release, in a column of their own.
fn advisories(package: &Package) -> String {
    if package.advisories.is_empty() { String::new() } else { format!("  {}", package.advisories) }
}

fn push_explanations(text: &mut String, wanted: &[Package], filtered: &[(Nevra, FilterReason)]) {
    let wanted = wanted.iter().map(|package| {
        let targets = package.targets.as_ref().map(|targets| format!(" for {}", listed(targets)));
        let wanted = format!("wanted{}", targets.unwrap_or_default());
        (&package.nevra, package.advisories.after(wanted))
    });
    let filtered = filtered.iter().map(|(package, reason)| (package, format!("left out, {reason}")));
    let mut rows: Vec<(&Nevra, String)> = wanted.chain(filtered).collect();
    rows.sort();
    let width = rows.iter().map(|(package, _)| package.to_string().len()).max().unwrap_or_default();
    for (package, why) in rows {
        let _ = writeln!(text, "  {:<width$}  {why}", package.to_string());
    }
}
