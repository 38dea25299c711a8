//! Pagination: all pages of a list, within limits. An unusable item is dropped alone.

use std::{collections::BTreeSet, fmt, future::Future, sync::Arc, time::Duration};

use briefcase_json::raw::{RawObject, object, quote};
use briefcase_ports::{Reply, UpstreamFailure};
use bytes::Bytes;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};

use crate::server_messages::IncomingMessages;

const MAX_PAGES: usize = 100;
/// The most bytes of all pages together.
const MAX_BYTES: usize = 8 << 20;
/// The most items of one page that are read.
const MAX_ITEMS_PER_PAGE: usize = 4096;
/// The longest item that is used.
pub(crate) const MAX_ITEM_LEN: usize = 64 << 10;
const MAX_CURSOR_LEN: usize = 8 << 10;
/// JSON-RPC's "method not found": the server has no such list.
const METHOD_NOT_FOUND: i64 = -32601;

/// One page as the server sent it.
#[derive(Debug)]
pub(crate) struct Page {
    raw: Bytes,
    pub(crate) items: Vec<Bytes>,
    /// How many further items the page has.
    further: usize,
    next_cursor: Option<String>,
}

impl Page {
    fn read(raw: Bytes, pagination: &Pagination<'_>) -> Result<Self, UpstreamFailure> {
        const MALFORMED: UpstreamFailure = UpstreamFailure::Protocol("malformed_list");
        let members = RawObject::from_slice(&raw).ok_or(MALFORMED)?;
        let member = |name: &str| members.get(name).unwrap_or("null");
        let all: PageItems<'_> = serde_json::from_str(member(pagination.member)).map_err(|_| MALFORMED)?;
        let next: Option<String> = serde_json::from_str(member("nextCursor")).map_err(|_| MALFORMED)?;
        let next_cursor = next.filter(|next| !next.is_empty());
        if next_cursor.as_ref().is_some_and(|next| next.len() > MAX_CURSOR_LEN) {
            return Err(UpstreamFailure::Protocol("cursor_too_long"));
        }
        let usable = |item: &&&RawValue| {
            let usable = item.get().starts_with('{') && (pagination.keep_surplus || item.get().len() <= MAX_ITEM_LEN);
            if !usable {
                pagination.messages.count_dropped("list item");
            }
            usable
        };
        let items = all.first.iter().filter(usable).map(|item| raw.slice_ref(item.get().as_bytes())).collect();
        let further = all.further;
        Ok(Self { raw, items, further, next_cursor })
    }
}

/// The first items of a page, and how many follow.
struct PageItems<'a> {
    first: Vec<&'a RawValue>,
    further: usize,
}

impl<'de: 'a, 'a> Deserialize<'de> for PageItems<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct First<'a>(std::marker::PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for First<'a> {
            type Value = PageItems<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<PageItems<'a>, A::Error> {
                let mut items = PageItems { first: Vec::new(), further: 0 };
                while items.first.len() < MAX_ITEMS_PER_PAGE {
                    let Some(item) = list.next_element()? else { return Ok(items) };
                    items.first.push(item);
                }
                while list.next_element::<IgnoredAny>()?.is_some() {
                    items.further = items.further.saturating_add(1);
                }
                Ok(items)
            }
        }
        deserializer.deserialize_seq(First(std::marker::PhantomData))
    }
}

/// Requests one page.
pub(crate) trait PageSource: Sync {
    fn page(&self, params: Bytes, timeout: Duration) -> impl Future<Output = Result<Reply, UpstreamFailure>> + Send;
}

/// All pages of a list.
#[derive(Debug, Default)]
pub(crate) struct AllPages {
    pub(crate) pages: Vec<Arc<Page>>,
    /// Why the list may be incomplete.
    pub(crate) note: Option<&'static str>,
}

/// The note of a list whose cursor repeats.
const CURSOR_LOOP: &str = "the server's list cursor repeats, so the list ends with what was read before the repetition";

/// The limits of a list.
pub(crate) struct Pagination<'a> {
    /// The member of a page that holds the items.
    pub(crate) member: &'static str,
    /// The most items.
    pub(crate) max_items: usize,
    /// Whether items that are too long or too many are kept, to be quarantined by name, instead of failing the list. No page
    /// after the one that exceeds `max_items` is requested.
    pub(crate) keep_surplus: bool,
    /// The time for all pages together.
    pub(crate) timeout: Duration,
    /// The connection, which counts dropped items.
    pub(crate) messages: &'a IncomingMessages,
}

impl Pagination<'_> {
    /// Fetches all pages. A page that equals the one of `previous` is not parsed again.
    pub(crate) async fn fetch(
        &self,
        source: &impl PageSource,
        previous: &[Arc<Page>],
    ) -> Result<AllPages, UpstreamFailure> {
        let deadline = Instant::now() + self.timeout;
        let (mut pages, mut cursor) = (Vec::<Arc<Page>>::new(), None::<String>);
        let mut cursors = BTreeSet::new();
        let (mut bytes, mut items) = (0_usize, 0_usize);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let reply = timeout_at(deadline, source.page(cursor_params(cursor.as_deref()), left)).await;
            let raw = match reply.map_err(|_| UpstreamFailure::TimedOut)?? {
                Reply::Result(raw) => raw,
                Reply::Error(error) if error.code == METHOD_NOT_FOUND && pages.is_empty() => {
                    return Ok(AllPages::default());
                }
                Reply::Error(_) => return Err(UpstreamFailure::Protocol("list_refused")),
            };
            bytes = bytes.saturating_add(raw.len());
            let page = match previous.get(pages.len()) {
                Some(same) if same.raw == raw => Arc::clone(same),
                _ => Arc::new(Page::read(raw, self)?),
            };
            items = items.saturating_add(page.items.len()).saturating_add(page.further);
            self.check(bytes, items, pages.len())?;
            let next = page.next_cursor.clone();
            pages.push(page);
            match next {
                Some(next) if items <= self.max_items => {
                    if !cursors.insert(next.clone()) {
                        drop_repetition(&mut pages);
                        tracing::warn!(server = %self.messages.sink.server, list = self.member, "{CURSOR_LOOP}");
                        return Ok(AllPages { pages, note: Some(CURSOR_LOOP) });
                    }
                    cursor = Some(next);
                }
                _ => return Ok(AllPages { pages, note: None }),
            }
        }
    }

    fn check(&self, bytes: usize, items: usize, pages: usize) -> Result<(), UpstreamFailure> {
        match () {
            () if bytes > MAX_BYTES => Err(UpstreamFailure::Protocol("list_too_large")),
            () if items > self.max_items && !self.keep_surplus => Err(UpstreamFailure::Protocol("too_many_items")),
            () if pages >= MAX_PAGES => Err(UpstreamFailure::Protocol("too_many_pages")),
            () => Ok(()),
        }
    }
}

/// Removes the last page if an earlier one has the same items: a server that ignores the cursor sends its first page again.
fn drop_repetition(pages: &mut Vec<Arc<Page>>) {
    if let Some((last, earlier)) = pages.split_last()
        && earlier.iter().any(|page| page.items == last.items)
    {
        pages.pop();
    }
}

fn cursor_params(cursor: Option<&str>) -> Bytes {
    let Some(cursor) = cursor else { return Bytes::from_static(b"{}") };
    object([("cursor", quote(cursor).as_str())]).into()
}
