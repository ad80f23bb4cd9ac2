use ami_scheduler::images;
use jiff::Timestamp;

use crate::adoption::{Adoption, notes, reason};
use crate::cli::{Apply, Reconcile};
use crate::exit::Failure;
use crate::files::read_file_or_stdin;
use crate::session::{Connect, change_tracker};

pub fn run(args: Reconcile, now: Timestamp, connect: &Connect) -> Result<(), Failure> {
    let json = read_file_or_stdin(&args.file)?;
    let adoption = Adoption::read(&args.file, &json, args.images, &args.targets.0)?;
    let product = &adoption.packages.product;
    let adopts = args.apply.0.contains(&Apply::Adopt);
    let rebuilds = args.apply.0.contains(&Apply::Rebuild);
    let (not_recorded, without_image) = change_tracker(&args.tracker, product, connect, |document, _| {
        let found = adoption.find(document, &args.targets.0);
        let disagreements = images::compare(document, &adoption.images, &found, &args.targets.0);
        output!(
            "{product} on {}: images: {}, of a known release: {}",
            args.tracker.reference,
            adoption.images.len(),
            adoption.images.len() - found.unknown.len()
        );
        for (build, image) in &disagreements.not_recorded {
            output!("  not in the tracker  {} {}  {} {:?}", build.package, build.target, image.id, image.name);
            if adopts {
                document.import_image(build, &notes(image), &reason(image), now);
            }
        }
        for build in &disagreements.without_image {
            output!("  without an image    {} {}", build.package, build.target);
            if rebuilds {
                document.rebuild(&build.package, std::slice::from_ref(&build.target), "its image is gone", None, now);
            }
        }
        Ok((disagreements.not_recorded.len(), disagreements.without_image.len()))
    })?;
    if not_recorded + without_image == 0 {
        output!("The tracker and the images agree.");
    }
    if adopts {
        output!("Recorded as built: {not_recorded}");
    }
    if rebuilds {
        output!("Will be built again: {without_image}");
    }
    if not_recorded + without_image > 0 && !adopts && !rebuilds {
        output!(
            "Nothing was changed: --apply adopt records the former as built, --apply rebuild builds the latter again."
        );
    }
    Ok(())
}
