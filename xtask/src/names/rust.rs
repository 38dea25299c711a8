//! Reads the names of one Rust file.

use std::path::Path;

use syn::visit::{self, Visit};

use super::{Name, Type};
use crate::sizes::only_for_tests;

/// The names of one file.
pub struct Found {
    /// Types visible outside their module, without those of tests.
    pub types: Vec<Type>,
    /// All types, functions and modules, without those of tests.
    pub names: Vec<Name>,
    path: String,
    home: String,
}

/// Reads one file.
pub fn read(path: &Path, source: &str) -> Result<Found, syn::Error> {
    let file = syn::parse_file(source)?;
    let home: Vec<_> = path.iter().take_while(|part| *part != "src").map(|part| part.to_string_lossy()).collect();
    let mut found =
        Found { types: Vec::new(), names: Vec::new(), path: path.display().to_string(), home: home.join("/") };
    // The names of tests are sentences; types and files of tests are checked by their file's name alone.
    if crate::sizes::is_production(path) || path.starts_with("web") {
        found.visit_file(&file);
    }
    Ok(found)
}

impl Found {
    fn name(&mut self, name: &syn::Ident, is_function: bool) {
        let place = format!("{}:{}", self.path, name.span().start().line);
        self.names.push(Name { name: name.to_string(), is_function, place });
    }

    fn defined(&mut self, visibility: &syn::Visibility, name: &syn::Ident) {
        self.name(name, false);
        if !matches!(visibility, syn::Visibility::Inherited) {
            let place = format!("{}:{}", self.path, name.span().start().line);
            self.types.push(Type { name: name.to_string(), home: self.home.clone(), place });
        }
    }
}

impl<'ast> Visit<'ast> for Found {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        match item {
            syn::Item::Mod(item) if only_for_tests(&item.attrs) => return,
            syn::Item::Fn(item) if only_for_tests(&item.attrs) => return,
            syn::Item::Impl(item) if only_for_tests(&item.attrs) => return,
            syn::Item::Struct(item) if only_for_tests(&item.attrs) => return,
            syn::Item::Enum(item) if only_for_tests(&item.attrs) => return,
            syn::Item::Mod(item) => self.name(&item.ident, false),
            syn::Item::Struct(item) => self.defined(&item.vis, &item.ident),
            syn::Item::Enum(item) => self.defined(&item.vis, &item.ident),
            syn::Item::Union(item) => self.defined(&item.vis, &item.ident),
            syn::Item::Trait(item) => self.defined(&item.vis, &item.ident),
            syn::Item::Type(item) => self.defined(&item.vis, &item.ident),
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.name(&signature.ident, true);
        visit::visit_signature(self, signature);
    }

    /// A type inside a function is local.
    fn visit_block(&mut self, _: &'ast syn::Block) {}
}
