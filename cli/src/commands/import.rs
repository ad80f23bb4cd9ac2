use std::collections::BTreeMap;

use ami_scheduler::release::BuildKey;
use ami_scheduler::release::Nevra;
use ami_scheduler::tracker::{Recorded, plain_text};
use anyhow::{Context as _, anyhow};
use jiff::Timestamp;

use crate::adoption::{Adoption, adopt};
use crate::cli::Import;
use crate::exit::{Exit, Failure, WithExit as _};
use crate::files::read_file_or_stdin;
use crate::session::{Connect, change_tracker};

pub fn run(args: Import, now: Timestamp, connect: &Connect) -> Result<(), Failure> {
    if args.targets.0.is_empty() {
        return Err(anyhow!("--targets is empty; name what these packages were built on, such as --targets al2023"))
            .with_exit(Exit::CommandLine);
    }
    let content = read_file_or_stdin(&args.file)?;
    if content.trim_ascii_start().starts_with(b"{") {
        return import_images(args, &content, now, connect);
    }
    let file = args.file.display();
    let doing = || format!("{file} cannot be taken over");
    let text = String::from_utf8(content).context("it is no UTF-8 text; store it as such");
    let packages = plain_text::parse(&text.with_context(doing)?).with_context(doing)?;
    let mut by_product: BTreeMap<&str, Vec<&Nevra>> = BTreeMap::new();
    for package in &packages {
        by_product.entry(package.name()).or_default().push(package);
    }
    if by_product.is_empty() {
        output!("{file} names no package: nothing to take over.");
    }
    for (product, packages) in by_product {
        let builds = packages.iter().flat_map(|package| {
            args.targets.0.iter().map(|target| BuildKey { package: (*package).clone(), target: target.clone() })
        });
        let reason = format!("imported from {file}");
        let (new, known): (Vec<_>, Vec<_>) = change_tracker(&args.tracker, product, connect, |document, _| {
            let recorded = builds.map(|build| document.import(&build, &reason, now));
            Ok(recorded.partition(|one| *one == Recorded::Changed))
        })?;
        output!("{product}: {} recorded as built, {} were so before.", new.len(), known.len());
    }
    Ok(())
}

fn import_images(args: Import, json: &[u8], now: Timestamp, connect: &Connect) -> Result<(), Failure> {
    let targets = &args.targets.0;
    let adoption = Adoption::read(&args.file, json, args.images, targets)?;
    let product = &adoption.packages.product;
    let (found, new, all) = change_tracker(&args.tracker, product, connect, |document, _| {
        let found = adoption.find(document, targets);
        let (new, all) = adopt(document, &found, now);
        Ok((found, new, all))
    })?;
    output!("{product}: {new} recorded as built, {} were so before.", all - new);
    if !found.unknown.is_empty() {
        let names: Vec<&str> = found.unknown.iter().take(10).map(|image| image.name.as_str()).collect();
        output!(
            "Images of no release of {product} that is known: {}, such as {}",
            found.unknown.len(),
            names.join(", ")
        );
    }
    Ok(())
}
