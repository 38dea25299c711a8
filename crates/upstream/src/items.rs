//! Lists: all pages, within limits, one bad item at a time.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use briefcase_mcp::method;
use briefcase_ports::{Reply, UpstreamFailure};
use bytes::Bytes;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};

use crate::{
    inbound::Inbound,
    params::{Members, quoted},
};

const MOST_PAGES: usize = 100;
const MOST_BYTES: usize = 8 << 20;
/// Items of one page that are looked at.
const MOST_SEEN: usize = 4096;
/// The longest item that is used.
pub(crate) const LONGEST_ITEM: usize = 64 << 10;
const LONGEST_CURSOR: usize = 8 << 10;
/// JSON-RPC's "method not found": the server has no such list.
const NO_SUCH_METHOD: i64 = -32601;

/// Which list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListKind {
    /// `resources/list`.
    Resources,
    /// `resources/templates/list`.
    Templates,
    /// `prompts/list`.
    Prompts,
}

impl ListKind {
    pub(crate) const fn method(self) -> &'static str {
        match self {
            Self::Resources => method::RESOURCES_LIST,
            Self::Templates => method::RESOURCES_TEMPLATES_LIST,
            Self::Prompts => method::PROMPTS_LIST,
        }
    }

    /// The member of a page that holds the items.
    pub(crate) const fn member(self) -> &'static str {
        match self {
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
            Self::Prompts => "prompts",
        }
    }

    /// The capability that a server declares when it has the list.
    pub(crate) const fn capability(self) -> &'static str {
        match self {
            Self::Resources | Self::Templates => "resources",
            Self::Prompts => "prompts",
        }
    }

    pub(crate) const fn most(self) -> usize {
        4096
    }
}

/// One page as the server sent it.
#[derive(Debug)]
pub(crate) struct Page {
    raw: Bytes,
    pub(crate) items: Vec<Bytes>,
    /// Items after those.
    more: usize,
    next: Option<String>,
}

impl Page {
    fn read(raw: Bytes, listed: &Listed<'_>) -> Result<Self, UpstreamFailure> {
        const MALFORMED: UpstreamFailure = UpstreamFailure::Protocol("malformed_list");
        let Members(members) = serde_json::from_slice(&raw).map_err(|_| MALFORMED)?;
        let part =
            |name: &str| members.iter().find(|(found, _)| found == name).map_or("null", |(_, value)| value.get());
        let all: Items<'_> = serde_json::from_str(part(listed.member)).map_err(|_| MALFORMED)?;
        let next: Option<String> = serde_json::from_str(part("nextCursor")).map_err(|_| MALFORMED)?;
        let next = next.filter(|next| !next.is_empty());
        if next.as_ref().is_some_and(|next| next.len() > LONGEST_CURSOR) {
            return Err(UpstreamFailure::Protocol("cursor_too_long"));
        }
        let usable = |item: &&&RawValue| {
            let usable = item.get().starts_with('{') && (listed.keeps_surplus || item.get().len() <= LONGEST_ITEM);
            if !usable {
                listed.inbound.drop_one("list item");
            }
            usable
        };
        let items = all.first.iter().filter(usable).map(|item| raw.slice_ref(item.get().as_bytes())).collect();
        let more = all.more;
        Ok(Self { raw, items, more, next })
    }
}

/// The first items of a page, and how many follow.
struct Items<'a> {
    first: Vec<&'a RawValue>,
    more: usize,
}

impl<'de: 'a, 'a> Deserialize<'de> for Items<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct First<'a>(std::marker::PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for First<'a> {
            type Value = Items<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Items<'a>, A::Error> {
                let mut items = Items { first: Vec::new(), more: 0 };
                while items.first.len() < MOST_SEEN {
                    let Some(item) = list.next_element()? else { return Ok(items) };
                    items.first.push(item);
                }
                while list.next_element::<IgnoredAny>()?.is_some() {
                    items.more = items.more.saturating_add(1);
                }
                Ok(items)
            }
        }
        deserializer.deserialize_seq(First(std::marker::PhantomData))
    }
}

/// Asks for one page.
pub(crate) trait Pager: Sync {
    fn page(&self, params: Bytes, timeout: Duration) -> impl Future<Output = Result<Reply, UpstreamFailure>> + Send;
}

/// What bounds a list.
pub(crate) struct Listed<'a> {
    /// The member of a page that holds the items.
    pub(crate) member: &'static str,
    /// At most so many items.
    pub(crate) most: usize,
    /// Whether items that are too long or too many are handed on, to be set aside by name, instead of spoiling the list. No
    /// page after the one that goes past `most` is asked for.
    pub(crate) keeps_surplus: bool,
    /// All pages together within this time.
    pub(crate) time: Duration,
    /// Where drops are counted.
    pub(crate) inbound: &'a Inbound,
}

impl Listed<'_> {
    /// Fetches all pages; a page that equals the one of `before` is not read again.
    pub(crate) async fn fetch(
        &self,
        pager: &impl Pager,
        before: &[Arc<Page>],
    ) -> Result<Vec<Arc<Page>>, UpstreamFailure> {
        let deadline = Instant::now() + self.time;
        let (mut pages, mut cursor) = (Vec::<Arc<Page>>::new(), None::<String>);
        let (mut bytes, mut items) = (0_usize, 0_usize);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let asked = timeout_at(deadline, pager.page(cursor_params(cursor.as_deref()), left)).await;
            let raw = match asked.map_err(|_| UpstreamFailure::TimedOut)?? {
                Reply::Result(raw) => raw,
                Reply::Error(error) if error.code == NO_SUCH_METHOD && pages.is_empty() => return Ok(pages),
                Reply::Error(_) => return Err(UpstreamFailure::Protocol("list_refused")),
            };
            bytes = bytes.saturating_add(raw.len());
            let page = match before.get(pages.len()) {
                Some(same) if same.raw == raw => Arc::clone(same),
                _ => Arc::new(Page::read(raw, self)?),
            };
            items = items.saturating_add(page.items.len()).saturating_add(page.more);
            self.check(bytes, items, pages.len())?;
            let next = page.next.clone();
            pages.push(page);
            match next {
                None => return Ok(pages),
                Some(_) if items > self.most => return Ok(pages),
                same if same == cursor => return Err(UpstreamFailure::Protocol("cursor_loop")),
                next => cursor = next,
            }
        }
    }

    fn check(&self, bytes: usize, items: usize, pages: usize) -> Result<(), UpstreamFailure> {
        match () {
            () if bytes > MOST_BYTES => Err(UpstreamFailure::Protocol("list_too_large")),
            () if items > self.most && !self.keeps_surplus => Err(UpstreamFailure::Protocol("too_many_items")),
            () if pages >= MOST_PAGES => Err(UpstreamFailure::Protocol("too_many_pages")),
            () => Ok(()),
        }
    }
}

fn cursor_params(cursor: Option<&str>) -> Bytes {
    let Some(cursor) = cursor else { return Bytes::from_static(b"{}") };
    [br#"{"cursor":"#.as_slice(), &quoted(cursor), b"}"].concat().into()
}
