//! The command line's versions, a line each, and the version of a package: 16 is never 160, and a list
//! of conditions holds what each of them does.
#![no_main]

use ami_scheduler::policy::{ExactVersion, FilterReason, LeadingVersion, Policy, Versions};
use ami_scheduler::release::Nevra;
use libfuzzer_sys::fuzz_target;
use semver::VersionReq;

fn filtered(versions: Versions, package: &Nevra) -> Option<FilterReason> {
    Policy { versions, pre_releases: true, ..Policy::default() }.filter_reason(package)
}

fuzz_target!(|text: &str| {
    let mut lines = text.split('\n');
    let (Some(wanted), Some(version)) = (lines.next(), lines.next()) else { return };
    let Ok(package) = format!("runner-{version}-1.noarch").parse::<Nevra>() else { return };
    if let Ok(leading) = wanted.parse::<LeadingVersion>() {
        let holds = filtered(Versions::Leading(leading), &package).is_none();
        if holds {
            let parts = |text: &str| text.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_owned).collect::<Vec<_>>();
            assert!(parts(&package.evr().version).starts_with(&parts(wanted)), "{wanted} takes {version}");
        }
        // What 18.6 holds, 18 holds, too.
        if let Some((shorter, _)) = wanted.rsplit_once('.') {
            let shorter = shorter.parse().expect("the beginning of a beginning");
            assert!(!holds || filtered(Versions::Leading(shorter), &package).is_none());
        }
    }
    if let Ok(exactly) = wanted.parse::<ExactVersion>() {
        let versions = Versions::Exactly(exactly.clone());
        assert_eq!(Versions::try_from(versions.to_string()).expect("what we wrote"), versions);
        let holds = filtered(versions, &package).is_none();
        assert!(!holds || package.to_string().contains(&exactly.to_string()), "{wanted} takes {version}");
    }
    let Ok(range) = wanted.parse::<VersionReq>() else { return };
    let decided = filtered(Versions::Range(range.clone()), &package);
    let told: VersionReq = range.to_string().parse().expect("what we wrote");
    assert_eq!(filtered(Versions::Range(told), &package), decided);
    if !version.contains('~') && !wanted.contains('-') {
        let each = range.comparators.iter().map(|one| VersionReq { comparators: vec![one.clone()] });
        let all = each.map(|one| filtered(Versions::Range(one), &package)).collect::<Vec<_>>();
        assert_eq!(decided.is_none(), all.iter().all(Option::is_none) && decided != Some(FilterReason::NotSemantic), "{wanted}: {all:?}");
    }
});
