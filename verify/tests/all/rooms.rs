//! Who may use whom: no file uses one that uses it, by whatever way round, and the rooms of `src/` use only
//! those below them.
//!
//! Read off the files' tokens: every `use`, and every path that begins with `crate`, `super` or `self`, leads
//! to the file that defines what it names, through whatever re-exports it. Tests inside a file are left out.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of `src/`, from the top down: each may use those below it.
const ROOMS: [&str; 11] = [
    "call",
    "dio_path",
    "resize",
    "page_cache",
    "extent_probe",
    "inode",
    "inode_lock",
    "sources",
    "task",
    "op",
    "kernel",
];

type Names = Vec<String>;

/// A path that a file names, from the root of its crate; what it is called there.
#[derive(Clone, Debug)]
struct Use {
    path: Names,
    /// `None` for `*`.
    name: Option<String>,
    /// The file is only passed through, if it does not use the name itself.
    exported: bool,
}

#[derive(Default, Debug)]
struct File {
    /// The modules right below it.
    children: BTreeSet<String>,
    defines: BTreeSet<String>,
    uses: Vec<Use>,
    /// How often each name stands in it.
    words: BTreeMap<String, usize>,
}

/// One crate: its files by their module's path.
type Crate = BTreeMap<Names, File>;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The module that a file is.
fn module(root: &Path, file: &Path) -> Names {
    let below = file.strip_prefix(root).expect("it is below").with_extension("");
    let mut names: Names = below.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if names.last().is_some_and(|last| last == "mod" || names.len() == 1 && last == "lib") {
        names.pop();
    }
    names
}

fn read(root: &Path) -> Crate {
    let files = sources(root).into_iter().filter(|file| !file.ends_with("src/main.rs"));
    let files: Vec<PathBuf> = files.collect();
    let modules: BTreeSet<Names> = files.iter().map(|file| module(root, file)).collect();
    let file = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("the file can be read");
        let tokens: TokenStream = text.parse().expect("the file is Rust");
        let module = module(root, &path);
        let below = modules.iter().filter(|below| below.len() == module.len() + 1);
        let children =
            below.filter(|below| below.starts_with(&module)).filter_map(|below| below.last());
        let mut file = File { children: children.cloned().collect(), ..File::default() };
        walk(tokens, &module, 0, &mut file);
        (module, file)
    };
    files.into_iter().map(file).collect()
}

/// Takes in the tokens of a file, or of a group in it.
fn walk(tokens: TokenStream, module: &[String], depth: usize, file: &mut File) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let word = |at: usize| match tokens.get(at) {
        Some(TokenTree::Ident(ident)) => ident.to_string(),
        _ => String::new(),
    };
    let mut at = 0;
    while at < tokens.len() {
        // Tests inside a file.
        if tokens[at].to_string() == "#"
            && tokens.get(at + 1).is_some_and(|t| t.to_string() == "[cfg (test)]")
        {
            at += 2;
            while at < tokens.len() && !ends_an_item(&tokens[at]) {
                at += 1;
            }
            at += 1;
            continue;
        }
        match (&tokens[at], word(at).as_str()) {
            (_, "use") => {
                let end = (at..tokens.len()).find(|&end| tokens[end].to_string() == ";");
                let end = end.unwrap_or(tokens.len());
                let exported = at > 0 && word(at - 1) == "pub"
                    || at > 1
                        && matches!(tokens[at - 1], TokenTree::Group(_))
                        && word(at - 2) == "pub";
                tree(&tokens[at + 1..end], &mut Names::new(), exported, module, file);
                at = end;
            }
            (_, "struct" | "enum" | "trait" | "type" | "const" | "static" | "fn") if depth <= 1 => {
                file.defines.insert(word(at + 1));
            }
            (_, "macro_rules") => {
                file.defines.insert(word(at + 2));
            }
            (_, first)
                if follows_a_path(&tokens, at)
                    && (ROOTS.contains(&first) || file.children.contains(first)) =>
            {
                let mut path = vec![first.to_owned()];
                let mut next = at + 1;
                while next + 2 < tokens.len()
                    && tokens[next].to_string() == ":"
                    && !word(next + 2).is_empty()
                {
                    path.push(word(next + 2));
                    next += 3;
                }
                if let Some(path) = absolute(&path, module, file) {
                    file.uses.push(Use { path, name: None, exported: false });
                }
                at = next - 1;
            }
            (TokenTree::Group(group), _) => walk(group.stream(), module, depth + 1, file),
            (TokenTree::Ident(ident), _) => *file.words.entry(ident.to_string()).or_default() += 1,
            _ => {}
        }
        at += 1;
    }
}

/// What a path in this crate may begin with, besides a module below.
const ROOTS: [&str; 3] = ["crate", "super", "self"];

/// Whether a path begins here, which is no `$crate` of a macro: that one is whoever uses the macro.
fn follows_a_path(tokens: &[TokenTree], at: usize) -> bool {
    let is = |at: usize, what: &str| tokens.get(at).is_some_and(|token| token.to_string() == what);
    let before = at.checked_sub(1);
    is(at + 1, ":")
        && is(at + 2, ":")
        && !before.is_some_and(|at| is(at, ":") || is(at, "$") || is(at, "."))
}

fn ends_an_item(token: &TokenTree) -> bool {
    let body = matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
    body || token.to_string() == ";"
}

/// The paths of one `use`.
fn tree(
    tokens: &[TokenTree],
    before: &mut Names,
    exported: bool,
    module: &[String],
    file: &mut File,
) {
    let mut path = before.clone();
    let mut name = None;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(ident) if ident == "as" => {
                name = tokens.get(at + 1).map(ToString::to_string);
                break;
            }
            TokenTree::Ident(ident) => path.push(ident.to_string()),
            TokenTree::Group(group) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                for part in inner.split(|token| token.to_string() == ",") {
                    tree(part, &mut path, exported, module, file);
                }
                return;
            }
            TokenTree::Punct(punct) if punct.as_char() == '*' => path.push("*".to_owned()),
            _ => {}
        }
    }
    if path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let name = name.or_else(|| path.last().cloned()).filter(|name| name != "*");
    if let Some(path) = absolute(&path, module, file) {
        file.uses.push(Use { path, name, exported });
    }
}

/// The path from the root of the crate; `None` if it leads out of it.
fn absolute(path: &[String], module: &[String], file: &File) -> Option<Names> {
    let first = path.first()?;
    let (mut at, from) = match first.as_str() {
        "crate" => (Vec::new(), 1),
        "self" => (module.to_vec(), 1),
        "super" => (module[..module.len().saturating_sub(1)].to_vec(), 1),
        _ if file.children.contains(first) => (module.to_vec(), 0),
        _ => return None,
    };
    for part in &path[from..] {
        if part == "super" {
            at.pop();
        } else {
            at.push(part.clone());
        }
    }
    Some(at)
}

/// The file that defines what a path names.
fn definer(of: &Crate, path: &[String], depth: usize) -> Option<Names> {
    let longest = (0..=path.len()).rev().find(|&len| of.contains_key(&path[..len]))?;
    let (module, rest) = path.split_at(longest);
    let Some(name) = rest.first().filter(|name| *name != "*") else { return Some(module.to_vec()) };
    let file = &of[module];
    if file.defines.contains(name) || depth > 8 {
        return Some(module.to_vec());
    }
    let named = file.uses.iter().filter(|one| one.name.as_ref() == Some(name));
    let globs = file.uses.iter().filter(|one| one.path.last().is_some_and(|last| last == "*"));
    let through = named.map(|one| one.path.clone()).chain(globs.map(|one| {
        let mut path = one.path.clone();
        path.pop();
        path.push(name.clone());
        path
    }));
    through
        .filter(|next| next != path)
        .find_map(|next| definer(of, &next, depth + 1))
        .or(Some(module.to_vec()))
}

/// Which file uses which.
fn edges(of: &Crate) -> BTreeMap<Names, BTreeSet<Names>> {
    let mut edges = BTreeMap::new();
    for (module, file) in of {
        let mut to = BTreeSet::new();
        for one in &file.uses {
            let used = |name: &String| file.words.get(name).is_some_and(|&times| times > 0);
            if one.exported && !one.name.as_ref().is_some_and(used) {
                continue;
            }
            to.extend(definer(of, &one.path, 0).filter(|to| to != module));
        }
        edges.insert(module.clone(), to);
    }
    edges
}

fn shown(module: &[String]) -> String {
    if module.is_empty() { "lib".to_owned() } else { module.join("/") }
}

/// The files from which one comes back to it, as a way there and back.
fn circle(edges: &BTreeMap<Names, BTreeSet<Names>>, start: &Names) -> Option<Vec<String>> {
    let mut ways = vec![vec![start]];
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop() {
        for next in edges[*way.last()?].iter() {
            if next == start {
                return Some(way.iter().map(|module| shown(module)).collect());
            }
            if seen.insert(next) {
                ways.push([way.as_slice(), &[next]].concat());
            }
        }
    }
    None
}

fn root(of: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(of)
}

#[test]
fn no_file_uses_one_that_uses_it() {
    let mut circles = Vec::new();
    for folder in ["../src", "src"] {
        let edges = edges(&read(&root(folder)));
        assert!(edges.values().map(BTreeSet::len).sum::<usize>() > 100, "{folder} has few uses");
        for start in edges.keys() {
            circles
                .extend(circle(&edges, start).map(|way| format!("{folder}: {}", way.join(" -> "))));
        }
    }
    assert!(circles.is_empty(), "\n{}", circles.join("\n"));
}

#[test]
fn rooms_use_those_below_them_and_the_page_says_which() {
    let mut uses: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    let at = |room: &str| ROOMS.iter().position(|&known| known == room);
    let mut up = Vec::new();
    for (from, to) in edges(&read(&root("../src"))) {
        for to in to {
            let (Some(a), Some(b)) = (from.first(), to.first()) else { continue };
            let (Some(above), Some(below)) = (at(a), at(b)) else {
                panic!("{a} or {b} is no room that this test knows")
            };
            if above > below {
                up.push(format!("{} uses {}", shown(&from), shown(&to)));
            }
            if above != below {
                uses.entry(ROOMS[above]).or_default().insert(below);
            }
        }
    }
    assert!(up.is_empty(), "\n{}", up.join("\n"));
    let page = fs::read_to_string(root("../ARCHITECTURE.md")).expect("the page is there");
    let mut wrong = Vec::new();
    for room in ROOMS {
        let used: Vec<String> =
            uses.get(room).into_iter().flatten().map(|&at| format!("`{}`", ROOMS[at])).collect();
        let row = format!("| `{room}` | {} |", used.join(" "));
        if !page.contains(&row) {
            wrong.push(row);
        }
    }
    assert!(wrong.is_empty(), "ARCHITECTURE.md lacks\n{}", wrong.join("\n"));
}

/// A file of the protocol is read in one go.
#[test]
fn no_file_of_the_protocol_is_long() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src");
    for path in sources(&root) {
        let lines = fs::read_to_string(&path).expect("a file").lines().count();
        assert!(lines <= 250, "{} has {lines} lines", path.display());
    }
}
