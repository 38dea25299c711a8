//! What a server offers: looked at before every call, or kept until it says that something changed.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use briefcase_mcp::method;
use briefcase_ports::{ClientProfile, Definition, Listing, Outbound, UpstreamFailure};
use briefcase_types::{Digest, Era};
use bytes::Bytes;
use serde::Deserialize;
use tokio::time::Instant;

use super::Slot;
use crate::{
    ListKind,
    inbound::Inbound,
    items::{LONGEST_ITEM, Listed, Page},
    link::{Link, LinkPager, Wire},
    mirror::{self, Mirrored},
};

const MOST_TOOLS: usize = 512;
/// A list is asked for again after this long even when nothing was said, as a notice can be lost.
const FRESH: Duration = Duration::from_secs(60);

/// The last look.
pub(super) struct Looked {
    pages: Vec<Arc<Page>>,
    listing: Arc<Listing>,
    mirrored: HashMap<String, Arc<[Mirrored]>>,
}

/// A list that was fetched.
pub(super) struct Cached {
    items: Arc<Vec<Bytes>>,
    generation: u64,
    at: Instant,
}

impl Slot {
    /// The server's tools, from a look that begins after this call does.
    pub(crate) async fn look(self: &Arc<Self>, client: &Arc<ClientProfile>) -> Result<Arc<Listing>, UpstreamFailure> {
        let (slot, client) = (Arc::clone(self), Arc::clone(client));
        let fetch = move || {
            let (slot, client) = (Arc::clone(&slot), Arc::clone(&client));
            async move { slot.fetch_tools(&client).await }
        };
        self.looks.join(fetch).await.unwrap_or_else(|| Err(UpstreamFailure::Unreachable("shutting down".into())))
    }

    async fn fetch_tools(&self, client: &ClientProfile) -> Result<Arc<Listing>, UpstreamFailure> {
        let before: Vec<Arc<Page>> = match &*self.looked.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(looked) => looked.pages.clone(),
            None => Vec::new(),
        };
        let (link, pages) = self.pages(client, method::TOOLS_LIST, "tools", MOST_TOOLS, &before).await?;
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = looked.as_mut().filter(|looked| looked.holds(&pages)) {
            same.pages = pages;
            return Ok(Arc::clone(&same.listing));
        }
        let fresh = Looked::new(pages, &link);
        let listing = Arc::clone(&fresh.listing);
        *looked = Some(fresh);
        Ok(listing)
    }

    /// All pages of a list; asked for again once when the server had dropped the session.
    async fn pages(
        &self,
        client: &ClientProfile,
        method: &'static str,
        member: &'static str,
        most: usize,
        before: &[Arc<Page>],
    ) -> Result<(Arc<Link>, Vec<Arc<Page>>), UpstreamFailure> {
        let time = self.common.directory.spec(&self.server)?.limits.list;
        let mut again = true;
        loop {
            let link = self.link(client).await?;
            let gone = AtomicBool::new(false);
            let pager = LinkPager { link: &link, client, method, gone: &gone };
            let keeps_surplus = method == briefcase_mcp::method::TOOLS_LIST;
            let listed = Listed { member, most, keeps_surplus, time, inbound: link.wire.inbound() };
            match listed.fetch(&pager, before).await {
                Err(_) if gone.load(Ordering::SeqCst) && std::mem::take(&mut again) => link.wire.close("session_ended"),
                outcome => {
                    let pages = outcome?;
                    return Ok((link, pages));
                }
            }
        }
    }

    /// Any other list: from memory while the server promises to tell of changes and has told of none.
    pub(crate) async fn list(
        &self,
        client: &ClientProfile,
        kind: ListKind,
    ) -> Result<Arc<Vec<Bytes>>, UpstreamFailure> {
        let link = self.link(client).await?;
        if !link.greeting.has(kind.capability()) {
            return Ok(Arc::default());
        }
        let generation = self.generation(kind);
        let keep = link.greeting.announces_changes(kind.capability());
        if let Some(cached) = self.lists.lock().unwrap_or_else(PoisonError::into_inner).get(&kind)
            && keep
            && cached.generation == generation
            && cached.at.elapsed() < FRESH
        {
            return Ok(Arc::clone(&cached.items));
        }
        let (_, pages) = self.pages(client, kind.method(), kind.member(), kind.most(), &[]).await?;
        let items = Arc::new(pages.iter().flat_map(|page| page.items.iter().cloned()).collect::<Vec<_>>());
        let cached = Cached { items: Arc::clone(&items), generation, at: Instant::now() };
        self.lists.lock().unwrap_or_else(PoisonError::into_inner).insert(kind, cached);
        Ok(items)
    }

    fn generation(&self, kind: ListKind) -> u64 {
        let counter = match kind {
            ListKind::Resources | ListKind::Templates => &self.generations.resources,
            ListKind::Prompts => &self.generations.prompts,
        };
        counter.load(Ordering::SeqCst)
    }

    /// The arguments of this call that its tool's definition wants repeated in headers.
    pub(super) fn mirrored(&self, link: &Link, request: &Outbound) -> Arc<[Mirrored]> {
        if request.method != method::TOOLS_CALL || !mirrors(link) {
            return Arc::default();
        }
        let looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let name = name_of(&request.params);
        let rules = looked.as_ref().zip(name).and_then(|(looked, name)| looked.mirrored.get(&name).cloned());
        rules.unwrap_or_default()
    }
}

impl Looked {
    fn new(pages: Vec<Arc<Page>>, link: &Link) -> Self {
        let (mut tools, mut mirrored) = (Vec::new(), HashMap::new());
        for raw in pages.iter().flat_map(|page| &page.items) {
            let Some((definition, rules)) = definition(raw, mirrors(link), link.wire.inbound()) else { continue };
            if !rules.is_empty() {
                mirrored.insert(definition.name.clone(), rules.into());
            }
            tools.push(definition);
        }
        let parts: Vec<&[u8]> = pages.iter().flat_map(|page| page.items.iter().map(|item| &**item)).collect();
        let digest = Digest::labelled("briefcase/listing/1", &parts);
        Self { listing: Arc::new(Listing { digest, tools }), pages, mirrored }
    }

    /// Whether these pages list the same items, byte for byte.
    fn holds(&self, pages: &[Arc<Page>]) -> bool {
        let same_pages = self.pages.len() == pages.len()
            && self.pages.iter().zip(pages).all(|(before, now)| Arc::ptr_eq(before, now));
        let items = |pages: &[Arc<Page>]| pages.iter().flat_map(|page| page.items.clone()).collect::<Vec<_>>();
        same_pages || items(&self.pages) == items(pages)
    }
}

/// One definition; `None` when it has no name or breaks the rules for mirrored arguments.
fn definition(raw: &Bytes, mirrors: bool, inbound: &Inbound) -> Option<(Definition, Vec<Mirrored>)> {
    let name = name_of(raw);
    let rules = if mirrors && raw.len() <= LONGEST_ITEM { mirror::rules(raw) } else { Ok(Vec::new()) };
    let (Some(name), Ok(rules)) = (name, rules) else {
        inbound.drop_one("tool definition");
        return None;
    };
    Some((Definition { name, raw: raw.clone() }, rules))
}

fn name_of(raw: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    serde_json::from_slice::<Named>(raw).ok().map(|named| named.name)
}

fn mirrors(link: &Link) -> bool {
    link.greeting.era == Era::Modern && matches!(link.wire, Wire::Http(_))
}
