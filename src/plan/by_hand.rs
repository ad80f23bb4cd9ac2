//! The plan for a version that a person asks for.

use super::{BuildReason, Context, Decision, Held, HoldReason, Plan, Planned};
use crate::policy::Keep;
use crate::release::Package;
use crate::tracker::{Document, Entry};

/// Plans the builds of a version that a person asks for, and records their claims. The newest release of each
/// architecture is built, whatever the rules and the tracker say, unless another pipeline builds it now. Of the
/// rules only `claim_timeout` counts.
///
/// Such a plan is no run: the scope of the target and all other releases stay as they are in the document.
pub fn by_hand(packages: &[Package], document: &mut Document, by: Option<&str>, context: &Context<'_>) -> Plan {
    let mut packages: Vec<&Package> = packages.iter().collect();
    packages.sort_by(|a, b| a.nevra.cmp(&b.nevra));
    let mut plan = Plan::default();
    for target in context.targets {
        let packages = || packages.iter().copied().filter(|package| package.is_for(target));
        let newest = Keep::Latest.newest(packages().map(|package| &package.nevra));
        for package in packages() {
            let build = package.build_for(target);
            let entry = document.get(&build);
            let decision = match (newest.supersedes(&build.package), entry.and_then(|one| context.already_decided(one)))
            {
                (Some(newer), _) => Decision::Hold(HoldReason::Superseded { newer: newer.clone() }),
                (None, Some(claimed @ Decision::Hold(HoldReason::Claimed { .. }))) => claimed,
                (None, Some(done @ Decision::Hold(HoldReason::Built { .. }))) if context.has_built(entry) => done,
                (None, Some(own_claim @ Decision::Build(_))) => own_claim,
                (None, _) => {
                    let (checksum, origin) = (package.checksum.clone(), context.origin.clone());
                    document.claim_by_hand(&build, by, checksum, context.now, origin);
                    let claim = document.get(&build).map(Entry::claim);
                    if let (Some(claim), Some(ingredients)) = (claim, context.ingredients.get(target)) {
                        document.record_ingredients(&build, &claim, ingredients);
                    }
                    Decision::Build(BuildReason::AskedFor { reason: None, by: by.map(str::to_owned) })
                }
            };
            match decision {
                Decision::Build(reason) => {
                    plan.builds.extend(Planned::of_claim(package, &build, document, reason, None));
                }
                Decision::Hold(reason) => plan.held.push(Held::new(package, build.target, None, reason)),
            }
        }
    }
    plan
}
