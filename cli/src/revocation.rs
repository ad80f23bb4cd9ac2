//! What a person says is not to be used, or is again: a release, or an image.

use ami_scheduler::alarm;
use ami_scheduler::release::{BuildKey, Nevra, Target};
use ami_scheduler::text::printable;
use ami_scheduler::tracker::{Document, ImageKey, Recorded, Word};
use anyhow::{anyhow, bail};

use crate::args::RevocationArgs;
use crate::exit::{Exit, Failure, WithExit as _};
use crate::session::Session;
use crate::trackers::{Kept, Named, change_existing, product_of, refuse_unknown_targets, unknown};

/// The warning that a build which a person asked for is of a revoked release.
pub fn warning_of_build(document: &Document, package: &Nevra, target: &Target) -> Option<String> {
    document.revocation(package, target).map(|word| {
        format!(
            "WARNING: {package} is revoked on {target}: {}. It is built all the same, and its image is not used before `unrevoke`",
            printable(&word.in_words())
        )
    })
}

/// Records it; says what holds all the same, and which channels point to what is not to be used.
pub fn record(session: &Session, args: &RevocationArgs, revoked: bool) -> Result<(), Failure> {
    let product = product_of(session, &args.tracker, args.product.as_deref(), Some(&args.what))?;
    let (told, alarms, has_changed) =
        change_existing(session, &args.tracker, &product, Kept::Left, |document, place| {
            let before = document.clone();
            let word = Word { reason: args.reason.clone(), by: Some(args.by.clone()), at: session.now() };
            refuse_unknown_targets(document, &args.target.0, place).with_exit(Exit::CommandLine)?;
            let told = match Named::find(document, &args.what) {
                Some(Named::Image(build, _)) if !args.target.0.is_empty() && !args.target.0.contains(&build.target) => {
                    return Err(anyhow!(
                        "{} is an image for {}, which --target leaves out",
                        printable(&args.what),
                        build.target
                    ))
                    .with_exit(Exit::CommandLine);
                }
                Some(Named::Image(build, key)) => {
                    image(document, &build, &key, &args.what, revoked, &word).with_exit(Exit::Tracker)?
                }
                Some(Named::Releases(releases)) => {
                    let mut told = Vec::new();
                    for package in &releases {
                        told.extend(
                            release(document, package, &args.target.0, revoked, &word).with_exit(Exit::Tracker)?,
                        );
                    }
                    told
                }
                None => return Err(unknown(document, place, &args.what)).with_exit(Exit::Tracker),
            };
            Ok((told, alarm::revoked_in(document), *document != before))
        })?;
    for line in told {
        output!("{line}");
    }
    for alarm in alarms {
        message!("WARNING: {alarm}");
    }
    if has_changed {
        message!(
            "Who reads a published images.json sees it once its job `{product}: images` has run again: tonight, or when you \
             retry it now."
        );
    }
    Ok(())
}

fn release(
    document: &mut Document,
    package: &Nevra,
    targets: &[Target],
    revoked: bool,
    word: &Word,
) -> anyhow::Result<Vec<String>> {
    let each: Vec<Option<&Target>> = if targets.is_empty() { vec![None] } else { targets.iter().map(Some).collect() };
    let mut told = Vec::new();
    for target in each {
        let on = target.map_or_else(|| "every target".to_owned(), ToString::to_string);
        let was_revoked = document.entries().any(|(of, on, _)| {
            of == package && target.is_none_or(|target| target == on) && document.revocation(of, on).is_some()
        });
        let recorded = document.revoke(package, target, revoked, word);
        told.push(if recorded == Recorded::Changed && !revoked && !was_revoked {
            format!("Goes on to be used, though the repository has it no longer: {package} on {on}")
        } else {
            line(recorded, revoked, &format!("{package} on {on}"))?
        });
    }
    if revoked && !document.entries().any(|(known, ..)| known == package) {
        told.push(format!("  No run has seen {package} yet: it is revoked once it is there. Is it spelt right?"));
    }
    if revoked {
        return Ok(told);
    }
    let builds = document
        .entries()
        .filter(|(known, target, _)| *known == package && (targets.is_empty() || targets.contains(target)));
    for (package, target, _) in builds {
        if let Some(known) = document.revocation(package, target) {
            told.push(format!(
                "  {target}: it is revoked still, on every target: {}. `unrevoke` without --target takes that back",
                printable(&known.in_words())
            ));
        }
        let images =
            document.images(package, target).filter(|(_, image)| document.revocation_of_image(image).is_some());
        told.extend(
            images.map(|(_, image)| format!("  {target}: of its images this one is revoked by itself: {}", image.ids)),
        );
    }
    Ok(told)
}

fn image(
    document: &mut Document,
    build: &BuildKey,
    key: &ImageKey,
    id: &str,
    revoked: bool,
    word: &Word,
) -> anyhow::Result<Vec<String>> {
    let BuildKey { package, target } = build;
    let recorded = document.revoke_image(build, key, revoked, word);
    let mut told = vec![line(recorded, revoked, &format!("{} of {package} on {target}", printable(id)))?];
    if let Some(known) = document.revocation(package, target).filter(|_| !revoked) {
        told.push(format!("  Its release is revoked, still: {}", printable(&known.in_words())));
    }
    Ok(told)
}

fn line(recorded: Recorded, revoked: bool, what: &str) -> anyhow::Result<String> {
    let said = match (recorded, revoked) {
        (Recorded::Changed, true) => "Revoked",
        (Recorded::Changed, false) => "Revoked no longer",
        (Recorded::AsBefore, true) => "Was revoked already",
        (Recorded::AsBefore, false) => "Was not revoked",
        (Recorded::AtItsEnd, _) => bail!(
            "{what} was revoked, or not, as often as can be counted, by its record: no person did that, so who has written \
             it? Begin a new tracker: another --ref"
        ),
    };
    Ok(format!("{said}: {what}"))
}
