//! The modules of one crate and their uses of each other, from the paths in its source.
//!
//! Only edges between siblings count: a module uses another when code anywhere below it names an item below the other.
//! A name that a parent re-exports counts as its home, so passing through the parent hides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

use crate::failure::Failure;
use crate::sizes::only_for_tests;
use crate::workspace;

/// A module's path below the root of its crate; the root is empty.
pub type Module = Vec<String>;

/// The modules of one crate's source.
#[derive(Default)]
pub struct Modules {
    known: BTreeSet<Module>,
    /// The using module and the named path.
    uses: BTreeSet<(Module, Vec<String>)>,
    /// A module and a re-exported name → the path of its definition.
    exports: BTreeMap<(Module, String), Vec<String>>,
}

/// Reads the crate with these files.
pub fn read(source: &Path, files: &[PathBuf]) -> Result<Modules, Failure> {
    let mut modules = Modules::default();
    for path in files {
        let Some(module) = path.strip_prefix(source).ok().and_then(module_of) else { continue };
        let text = std::fs::read_to_string(workspace::root().join(path))?;
        let file = syn::parse_file(&text).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
        modules.add(module, &file);
    }
    Ok(modules)
}

/// Returns the module of a file below `src`. Separate programs of the crate are left out.
fn module_of(path: &Path) -> Option<Module> {
    let mut parts: Module = path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if parts.first().is_some_and(|first| first == "bin") {
        return None;
    }
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        parts.pop();
    }
    Some(parts)
}

impl Modules {
    /// Adds the source of one module.
    pub fn add(&mut self, module: Module, file: &syn::File) {
        self.known.insert(module.clone());
        Reader { modules: self, at: module }.visit_file(file);
    }

    /// Returns the edges between siblings: the parent, the user and the used, each with one place in the source.
    pub fn edges(&self) -> BTreeMap<Module, BTreeMap<(String, String), String>> {
        let mut edges: BTreeMap<Module, BTreeMap<(String, String), String>> = BTreeMap::new();
        for (user, path) in &self.uses {
            let used = self.home(path, 0);
            let shared = user.iter().zip(&used).take_while(|(a, b)| a == b).count();
            let (Some(from), Some(to)) = (user.get(shared), used.get(shared)) else { continue };
            let parent = user.iter().take(shared).cloned().collect();
            let place = format!("{} uses {}", user.join("::"), path.join("::"));
            edges.entry(parent).or_default().entry((from.clone(), to.clone())).or_insert(place);
        }
        edges
    }

    /// Returns the module of a path, through re-exports.
    fn home(&self, path: &[String], depth: usize) -> Module {
        let known =
            (0..=path.len()).rev().filter_map(|length| path.get(..length)).find(|part| self.known.contains(*part));
        let module = known.map(<[String]>::to_vec).unwrap_or_default();
        let Some(name) = path.get(module.len()) else { return module };
        // Re-exports form circles only in source that does not compile.
        if depth > 8 {
            return module;
        }
        if let Some(home) = self.exports.get(&(module.clone(), name.clone())) {
            let rest = path.iter().skip(module.len() + 1).cloned();
            return self.home(&home.iter().cloned().chain(rest).collect::<Vec<_>>(), depth + 1);
        }
        module
    }
}

/// A visitor of one file.
struct Reader<'a> {
    modules: &'a mut Modules,
    at: Module,
}

impl Reader<'_> {
    /// Returns the path from the root of the crate, if it begins with `crate`, `self` or `super`, or with a child
    /// module.
    fn absolute(&self, path: &[String]) -> Option<Vec<String>> {
        let mut base = self.at.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => {
                base.clear();
                rest = path.get(1..)?;
            }
            "self" => rest = path.get(1..)?,
            "super" => {
                while rest.first().is_some_and(|part| part == "super") {
                    base.pop();
                    rest = rest.get(1..)?;
                }
            }
            child => {
                let mut module = base.clone();
                module.push(child.to_owned());
                if !self.modules.known.contains(&module) {
                    return None;
                }
            }
        }
        base.extend(rest.iter().cloned());
        Some(base)
    }

    fn used(&mut self, path: &[String]) {
        if let Some(path) = self.absolute(path) {
            self.modules.uses.insert((self.at.clone(), path));
        }
    }

    /// Returns the leaves of a `use`: the whole path and its local name.
    fn leaves(tree: &syn::UseTree, above: &mut Vec<String>, found: &mut Vec<(Vec<String>, Option<String>)>) {
        match tree {
            syn::UseTree::Path(path) => {
                above.push(path.ident.to_string());
                Self::leaves(&path.tree, above, found);
                above.pop();
            }
            syn::UseTree::Name(name) if name.ident == "self" => {
                found.push((above.clone(), above.last().cloned()));
            }
            syn::UseTree::Name(name) => {
                let path = above.iter().cloned().chain([name.ident.to_string()]).collect();
                found.push((path, Some(name.ident.to_string())));
            }
            syn::UseTree::Rename(rename) => {
                let path = above.iter().cloned().chain([rename.ident.to_string()]).collect();
                found.push((path, Some(rename.rename.to_string())));
            }
            syn::UseTree::Glob(_) => found.push((above.clone(), None)),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| Self::leaves(tree, above, found)),
        }
    }
}

/// Collects child modules before the paths of their parent.
fn children(items: &[syn::Item]) -> impl Iterator<Item = &syn::ItemMod> {
    items.iter().filter_map(|item| match item {
        syn::Item::Mod(item) if !only_for_tests(&item.attrs) => Some(item),
        _ => None,
    })
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_file(&mut self, file: &'ast syn::File) {
        for child in children(&file.items) {
            let mut module = self.at.clone();
            module.push(child.ident.to_string());
            self.modules.known.insert(module);
        }
        visit::visit_file(self, file);
    }

    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attrs = match item {
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            syn::Item::Struct(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !only_for_tests(attrs) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.at.push(item.ident.to_string());
        for child in item.content.iter().flat_map(|(_, items)| children(items)) {
            let mut module = self.at.clone();
            module.push(child.ident.to_string());
            self.modules.known.insert(module);
        }
        visit::visit_item_mod(self, item);
        self.at.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let mut found = Vec::new();
        Self::leaves(&item.tree, &mut Vec::new(), &mut found);
        for (path, name) in found {
            self.used(&path);
            // A private `use` is visible to children too: `super::Name` in a child means its definition.
            if let (Some(path), Some(name)) = (self.absolute(&path), name) {
                self.modules.exports.insert((self.at.clone(), name), path);
            }
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if parts.len() > 1 {
            self.used(&parts);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        // Arguments of a macro are not parsed; their paths are read from the tokens.
        let text = call.tokens.to_string().replace(' ', "");
        for start in ["crate::", "super::"] {
            for (at, _) in text.match_indices(start) {
                let rest = text.get(at..).unwrap_or_default();
                let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(rest.len());
                let parts: Vec<String> = rest
                    .get(..end)
                    .unwrap_or_default()
                    .split("::")
                    .filter(|part| !part.is_empty())
                    .map(str::to_owned)
                    .collect();
                if !text.get(..at).unwrap_or_default().ends_with(':') {
                    self.used(&parts);
                }
            }
        }
        visit::visit_macro(self, call);
    }
}
