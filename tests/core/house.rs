//! The house as docs/architecture.md has it: imports run downward only, no two files import each other in a
//! circle, and no command imports another.
#![allow(clippy::disallowed_methods)] // it reads the sources

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The rooms of the core. Each may import those before it.
const ROOMS: [&str; 13] = [
    "text",
    "redacted",
    "budget",
    "release",
    "repository",
    "policy",
    "tracker",
    "images",
    "plan",
    "alarm",
    "artifacts",
    "child_pipeline",
    "report",
];
/// Two that stand beside each other.
const APART: (&str, &str) = ("repository", "policy");

/// A path as `use` or an expression has it, in segments.
type Names = Vec<String>;

#[test]
fn no_two_files_of_the_core_import_each_other_in_a_circle() {
    assert_eq!(House::of("src").circles(), "");
}

#[test]
fn no_two_files_of_the_command_import_each_other_in_a_circle() {
    assert_eq!(House::of("cli/src").circles(), "");
}

#[test]
fn the_rooms_of_the_core_import_downward_only() {
    let place = |room: &str| ROOMS.iter().position(|known| *known == room);
    let mut upward = Vec::new();
    for (importer, imported) in House::of("src").imports() {
        let (from, to) = (room_of(&importer), room_of(&imported));
        let (Some(above), Some(below)) = (place(from), place(to)) else {
            panic!("{importer} or {imported} is in no room: name it in this test, where it belongs");
        };
        if below > above || [(from, to), (to, from)].contains(&APART) {
            upward.push(format!("{importer} imports {imported}"));
        }
    }
    assert!(
        upward.is_empty(),
        "rooms may import those before them alone, {}:\n{}",
        ROOMS.join(", "),
        upward.join("\n")
    );
}

#[test]
fn no_command_imports_another() {
    let is_command = |file: &str| file.starts_with("cli/src/commands/") && !file.ends_with("/mod.rs");
    let imports = House::of("cli/src").imports();
    let between: Vec<_> = imports.iter().filter(|(one, other)| is_command(one) && is_command(other)).collect();
    assert!(between.is_empty(), "a command imports another: {between:#?}");
}

/// What a test finds that looks at nothing is nothing.
#[test]
fn imports_are_found_wherever_they_stand() {
    let (core, command) = (House::of("src").imports(), House::of("cli/src").imports());
    for (importer, imported) in [
        ("src/plan/nightly.rs", "src/tracker/document.rs"),
        ("src/plan/nightly.rs", "src/plan/evaluate.rs"),
        ("src/tracker/name.rs", "src/text.rs"),
        ("src/tracker/heads.rs", "src/tracker/encoding.rs"),
        ("src/repository/index/entries.rs", "src/repository/listing.rs"),
    ] {
        assert!(core.contains(&(importer.to_owned(), imported.to_owned())), "{importer} → {imported}: {core:#?}");
    }
    assert!(!core.iter().any(|(_, imported)| imported.ends_with("tests.rs")), "tests are no part of the house");
    assert!(command.len() > 50, "{command:#?}");
}

/// The room of a file of the core: `tracker` of `src/tracker/entry.rs`, `text` of `src/text.rs`.
fn room_of(file: &str) -> &str {
    let file = file.strip_prefix("src/").unwrap_or(file);
    file.split(['/', '.']).next().unwrap_or(file)
}

/// The sources of one crate.
struct House {
    files: BTreeMap<Names, File>,
}

struct File {
    /// From the project's root.
    path: String,
    /// What `pub use` hands on, by the name that it gives it.
    handed_on: BTreeMap<String, Names>,
    /// The paths that its code, without its tests, begins with `crate`, `super`, `self` or a module of its own.
    paths: Vec<Names>,
    /// Whether it hands names on and does nothing else.
    is_index: bool,
}

impl House {
    fn of(folder: &str) -> Self {
        let mut house = Self { files: BTreeMap::new() };
        house.add(folder, &Names::new());
        house
    }

    /// Adds a folder that is a module with its children.
    fn add(&mut self, folder: &str, module: &Names) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for entry in fs::read_dir(root.join(folder)).expect(folder) {
            let name = entry.expect(folder).file_name().into_string().expect("UTF-8");
            let path = format!("{folder}/{name}");
            if root.join(&path).is_dir() {
                self.add(&path, &child(module, &name));
            } else if let Some(stem) = name.strip_suffix(".rs").filter(|stem| *stem != "tests") {
                let is_folder_itself = matches!(stem, "mod" | "lib" | "main");
                let module = if is_folder_itself { module.clone() } else { child(module, stem) };
                let source = fs::read_to_string(root.join(&path)).expect(&path);
                self.files.insert(module, File::read(path, &source));
            }
        }
    }

    /// Who imports whom. A file that only hands names on is looked through.
    fn imports(&self) -> BTreeSet<(String, String)> {
        let importers = self.files.iter().filter(|(_, file)| !file.is_index);
        let pairs = importers.flat_map(|(module, file)| {
            let imported = file.paths.iter().filter_map(|path| self.resolve(module, path));
            imported.map(|imported| (file.path.clone(), imported.to_owned()))
        });
        pairs.filter(|(importer, imported)| importer != imported).collect()
    }

    /// The file that defines what a path in a module names; `None` where another crate does.
    fn resolve(&self, module: &Names, path: &[String]) -> Option<&str> {
        let (mut here, mut rest) = (module.clone(), path);
        match rest.first()?.as_str() {
            "crate" => here.clear(),
            "super" => drop(here.pop()),
            "self" => {}
            name if self.files.contains_key(&child(module, name)) => return self.find(module.clone(), path),
            _ => return None,
        }
        rest = &rest[1..];
        while rest.first().is_some_and(|name| name == "super") {
            here.pop();
            rest = &rest[1..];
        }
        self.find(here, rest)
    }

    fn find(&self, mut module: Names, mut rest: &[String]) -> Option<&str> {
        while let Some((name, after)) = rest.split_first() {
            let inner = child(&module, name);
            if !self.files.contains_key(&inner) {
                break;
            }
            (module, rest) = (inner, after);
        }
        let file = self.files.get(&module)?;
        match rest.first().and_then(|name| file.handed_on.get(name)) {
            Some(handed_on) => self.resolve(&module, handed_on),
            None => Some(&file.path),
        }
    }

    /// The circles of imports, the files of each in their order; empty where there are none.
    fn circles(&self) -> String {
        let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (importer, imported) in self.imports() {
            imports.entry(importer).or_default().insert(imported);
        }
        let mut circles = Vec::new();
        let mut done = BTreeSet::new();
        for file in imports.keys() {
            follow(file, &imports, &mut Vec::new(), &mut done, &mut circles);
        }
        circles.iter().map(|circle| circle.join(" → ") + "\n").collect()
    }
}

fn follow(
    file: &String,
    imports: &BTreeMap<String, BTreeSet<String>>,
    way: &mut Vec<String>,
    done: &mut BTreeSet<String>,
    circles: &mut Vec<Vec<String>>,
) {
    if let Some(place) = way.iter().position(|known| known == file) {
        circles.push(way[place..].iter().chain([file]).cloned().collect());
        return;
    }
    if done.contains(file) {
        return;
    }
    way.push(file.clone());
    for imported in imports.get(file).into_iter().flatten() {
        follow(imported, imports, way, done, circles);
    }
    way.pop();
    done.insert(file.clone());
}

fn child(module: &Names, name: &str) -> Names {
    let name = name.strip_prefix("r#").unwrap_or(name);
    module.iter().cloned().chain([name.to_owned()]).collect()
}

impl File {
    fn read(path: String, source: &str) -> Self {
        let code = code_of(source);
        let (mut handed_on, mut paths, mut is_index) = (BTreeMap::new(), Vec::new(), true);
        let mut rest = code.as_str();
        while let Some(start) = rest.find(|c: char| !c.is_whitespace()) {
            rest = &rest[start..];
            let end = rest.find(';').map_or(rest.len(), |end| end + 1);
            let statement = rest[..end].trim_end_matches(';').trim();
            let words = statement.trim_start_matches("pub(crate)").trim_start_matches("pub(super)");
            let words = words.trim_start_matches("pub").trim_start();
            if let Some(tree) = words.strip_prefix("use ") {
                let leaves = leaves_of(tree);
                if statement.starts_with("pub") {
                    handed_on.extend(leaves.iter().map(|(name, path)| (name.clone(), path.clone())));
                }
                paths.extend(leaves.into_iter().map(|(_, path)| path));
                rest = &rest[end..];
            } else if words.starts_with("mod ") && !words.contains('{') {
                rest = &rest[end..];
            } else {
                // What is no import at the beginning of a file is its code, in which paths stand anywhere.
                is_index = false;
                let line = rest.find('\n').map_or(rest.len(), |line| line + 1);
                paths.extend(paths_in(&rest[..line]));
                rest = &rest[line..];
            }
        }
        Self { path, handed_on, paths, is_index }
    }
}

/// A source without comments, attributes and tests.
fn code_of(source: &str) -> String {
    let mut code = String::new();
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("#[cfg(test)]") || trimmed.starts_with("#[cfg(all(test") {
            let end = format!("{}}}", &line[..line.len() - trimmed.len()]);
            let item = lines.by_ref().find(|line| !line.trim_start().starts_with('#')).unwrap_or_default();
            if !item.ends_with(';') {
                lines.by_ref().find(|line| *line == end);
            }
        } else if !trimmed.starts_with("//") && !trimmed.starts_with("#[") && !trimmed.starts_with("#![") {
            code.push_str(line.split(" // ").next().unwrap_or(line));
            code.push('\n');
        }
    }
    code
}

/// `a::{b, c::{self, d as e}}`: the name that each leaf has here, and its path.
fn leaves_of(tree: &str) -> Vec<(String, Names)> {
    let tree = tree.trim();
    let Some((prefix, group)) = tree.split_once('{') else {
        let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias)));
        let path: Names = path.split("::").map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
        let is_self = path.last().is_some_and(|name| name == "self") && path.len() > 1;
        let path = if is_self { path[..path.len() - 1].to_vec() } else { path };
        let name = alias.map(|alias| alias.trim().to_owned()).or(path.last().cloned()).unwrap_or_default();
        return if path.is_empty() { Vec::new() } else { vec![(name, path)] };
    };
    let group = group.trim_end().strip_suffix('}').unwrap_or(group);
    let (mut depth, mut start, mut leaves) = (0_usize, 0, Vec::new());
    for (place, c) in group.char_indices().chain([(group.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                leaves.extend(leaves_of(&format!("{prefix}{}", group[start..place].trim())));
                start = place + 1;
            }
            _ => {}
        }
    }
    leaves.retain(|(_, path)| !path.is_empty());
    leaves
}

/// The paths of a line of code that begin with `crate` or `super`.
fn paths_in(line: &str) -> Vec<Names> {
    let is_of_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let words = line.split(|c: char| !is_of_path(c));
    let paths = words.filter(|word| word.starts_with("crate::") || word.starts_with("super::"));
    paths.map(|path| path.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect()).collect()
}
