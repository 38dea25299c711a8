//! The `tools/list` cache, and the cache of the other lists.
//!
//! `tools/list` is requested before every call; this cache only recognises an unchanged result, so that what was derived
//! from it is kept. The other lists are served from memory while the server promises to announce changes and announced
//! none.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use briefcase_ports::{Definition, ListKind, Listing, Outbound};
use briefcase_types::Digest;
use bytes::Bytes;
use serde::Deserialize;
use tokio::time::Instant;

use crate::{
    connection::Connection,
    mcp_headers::{self, ParamHeader},
    pagination::{MAX_ITEM_LEN, Page},
    server_messages::{IncomingMessages, ListGenerations},
};

/// A list is requested again after this long even without an announcement, because a notification can be lost.
const MAX_AGE: Duration = Duration::from_secs(60);

/// The newest `tools/list` result.
#[derive(Default)]
pub(crate) struct ToolsListCache(Mutex<Option<ToolsList>>);

struct ToolsList {
    pages: Vec<Arc<Page>>,
    listing: Arc<Listing>,
    param_headers: HashMap<String, Arc<[ParamHeader]>>,
}

impl ToolsListCache {
    /// The pages of the newest result.
    pub(crate) fn pages(&self) -> Vec<Arc<Page>> {
        let list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list.as_ref().map_or_else(Vec::new, |list| list.pages.clone())
    }

    /// Keeps a result. Returns the same listing as before when the items are the same, byte for byte.
    pub(crate) fn update(
        &self,
        pages: Vec<Arc<Page>>,
        note: Option<&'static str>,
        connection: &Connection,
    ) -> Arc<Listing> {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = list.as_mut().filter(|list| list.listing.note == note && list.has_items_of(&pages)) {
            same.pages = pages;
            return Arc::clone(&same.listing);
        }
        let fresh = ToolsList::new(pages, note, connection);
        let listing = Arc::clone(&fresh.listing);
        *list = Some(fresh);
        listing
    }

    /// The arguments of this `tools/call` that its tool's definition wants repeated in headers.
    pub(crate) fn param_headers(&self, request: &Outbound) -> Arc<[ParamHeader]> {
        let list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = name_of(&request.params);
        let rules = list.as_ref().zip(name).and_then(|(list, name)| list.param_headers.get(&name).cloned());
        rules.unwrap_or_default()
    }
}

impl ToolsList {
    fn new(pages: Vec<Arc<Page>>, note: Option<&'static str>, connection: &Connection) -> Self {
        let (mut tools, mut param_headers) = (Vec::new(), HashMap::new());
        let (uses_headers, messages) = (connection.uses_param_headers(), connection.transport.messages());
        for raw in pages.iter().flat_map(|page| &page.items) {
            let Some((definition, rules)) = definition(raw, uses_headers, messages) else { continue };
            if !rules.is_empty() {
                param_headers.insert(definition.name.clone(), rules.into());
            }
            tools.push(definition);
        }
        let parts: Vec<&[u8]> = pages.iter().flat_map(|page| page.items.iter().map(|item| &**item)).collect();
        let digest = Digest::labelled("briefcase/listing/1", &parts);
        Self { listing: Arc::new(Listing { digest, tools, note }), pages, param_headers }
    }

    /// Whether these pages list the same items, byte for byte.
    fn has_items_of(&self, pages: &[Arc<Page>]) -> bool {
        let same_pages = self.pages.len() == pages.len()
            && self.pages.iter().zip(pages).all(|(before, now)| Arc::ptr_eq(before, now));
        let items = |pages: &[Arc<Page>]| pages.iter().flat_map(|page| page.items.clone()).collect::<Vec<_>>();
        same_pages || items(&self.pages) == items(pages)
    }
}

/// One definition; `None` when it breaks the rules for `x-mcp-header`, as the protocol demands. One without a name stays:
/// the person sees why it cannot be used.
fn definition(raw: &Bytes, uses_headers: bool, messages: &IncomingMessages) -> Option<(Definition, Vec<ParamHeader>)> {
    let name = name_of(raw).unwrap_or_default();
    let reads_headers = uses_headers && raw.len() <= MAX_ITEM_LEN;
    let rules = if reads_headers { mcp_headers::param_headers(raw) } else { Ok(Vec::new()) };
    let Ok(rules) = rules else {
        messages.count_dropped("tool definition");
        return None;
    };
    Some((Definition { name, raw: raw.clone() }, rules))
}

fn name_of(raw: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct NameMember {
        name: String,
    }
    serde_json::from_slice::<NameMember>(raw).ok().map(|member| member.name)
}

/// The other lists, as fetched.
#[derive(Default)]
pub(crate) struct ListCache(Mutex<HashMap<ListKind, CachedList>>);

struct CachedList {
    items: Arc<Vec<Bytes>>,
    generation: u64,
    at: Instant,
}

impl ListCache {
    /// The items, while they are current.
    pub(crate) fn get(&self, kind: ListKind, generation: u64) -> Option<Arc<Vec<Bytes>>> {
        let lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let list = lists.get(&kind).filter(|list| list.generation == generation && list.at.elapsed() < MAX_AGE);
        list.map(|list| Arc::clone(&list.items))
    }

    /// Keeps items that were fetched under this generation.
    pub(crate) fn put(&self, kind: ListKind, generation: u64, items: &Arc<Vec<Bytes>>) {
        let list = CachedList { items: Arc::clone(items), generation, at: Instant::now() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(kind, list);
    }
}

/// How often this list changed so far.
pub(crate) fn generation(generations: &ListGenerations, kind: ListKind) -> u64 {
    let counter: &AtomicU64 = match kind {
        ListKind::Resources | ListKind::ResourceTemplates => &generations.resources,
        ListKind::Prompts => &generations.prompts,
    };
    counter.load(Ordering::SeqCst)
}
