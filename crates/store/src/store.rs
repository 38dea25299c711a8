//! The store of a running daemon: opening, the engine's journal, and closing.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use briefcase_ports::{Durable, Entry, Journal, JournalError, Overlap, Record, Urgency};
use briefcase_private_fs::FolderLock;
use briefcase_receipts::Receipt;
use briefcase_types::ReceiptIndex;
use bytes::Bytes;
use tokio::sync::oneshot;

use crate::{
    OpenOptions, Opened, Reader, StoreError,
    head::Heads,
    overlap::OverlapFile,
    queue::Queue,
    state_dir::StateDir,
    writer::{self, WriterContext},
    writer_state::{Document, Keys, LedgerSnapshot, Work, WriterState},
};

/// The record and the state that it covers, open for writing by one process at a time.
pub struct Store {
    queue: Arc<Queue>,
    keys: Arc<Keys>,
    heads: Arc<Heads>,
    overlap: Arc<OverlapFile>,
    reader: Reader,
    thread: Mutex<Option<JoinHandle<Result<(), StoreError>>>>,
    _lock: FolderLock,
}

impl Store {
    /// Opens the state in a folder, and starts the writer.
    ///
    /// # Errors
    /// [`StoreError::AlreadyRunning`] when another process serves the folder; [`StoreError::RolledBack`],
    /// [`StoreError::Forked`], [`StoreError::HeadMissing`] or [`StoreError::StateTampered`] when the state differs from
    /// the last signed one.
    pub fn open(path: &Path, options: OpenOptions) -> Result<(Self, Opened), StoreError> {
        let folder = StateDir::for_writing(path)?;
        let lock = folder.lock()?;
        let OpenOptions { origin, key, signer, seal, expect, durability, log_limit } = options;
        let keys = Arc::new(Keys { origin, key, signer, seal, durability, log_limit });
        let heads = Arc::new(Heads::default());
        let overlap = Arc::new(OverlapFile::default());
        let (state, opened) = WriterState::load(&folder, &keys, &heads, &overlap, expect)?;
        let queue = Arc::new(Queue::default());
        let reader = Reader::live(&folder, key, Arc::clone(&keys.seal), Arc::clone(&heads));
        let context = WriterContext {
            folder,
            keys: Arc::clone(&keys),
            heads: Arc::clone(&heads),
            overlap: Arc::clone(&overlap),
            queue: Arc::clone(&queue),
        };
        let thread = std::thread::Builder::new().name("record".into()).spawn(move || writer::run(state, &context));
        let thread = Mutex::new(Some(thread.map_err(StoreError::io("start the writer"))?));
        Ok((Self { queue, keys, heads, overlap, reader, thread, _lock: lock }, opened))
    }

    /// Returns the reader. It is cheap to clone, and each use has its own connection.
    #[must_use]
    pub const fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Reads the state back from the disk after a failed write, and accepts entries again.
    ///
    /// # Errors
    /// As [`Store::open`]. The store then stays stopped, and the caller may try again.
    pub fn reopen(&self) -> Result<Opened, StoreError> {
        let (reply, opened) = std::sync::mpsc::channel();
        self.queue.reopen(reply);
        opened.recv().unwrap_or(Err(StoreError::Journal(JournalError::Closed)))
    }

    /// Returns the reason why nothing can be recorded any more; `None` while the store works.
    #[must_use]
    pub fn failure(&self) -> Option<JournalError> {
        self.queue.failure()
    }

    /// Commits the waiting entries, empties the write-ahead log, and stops. Later entries fail with
    /// [`JournalError::Closed`]. Dropping the store does the same.
    ///
    /// # Errors
    /// The last write failed.
    pub fn close(&self) -> Result<(), StoreError> {
        self.queue.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        match thread.map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(StoreError::Journal(JournalError::Closed)),
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(%error, "the record was not closed cleanly; it is checked on the next start");
        }
    }
}

impl Journal for Store {
    fn append(&self, entry: Entry, urgency: Urgency) -> Durable {
        let (reply, durable) = oneshot::channel();
        drop(self.queue.push(Work::Append(entry), urgency, reply));
        durable
    }

    /// The slot is written before the queue accepts the intent, so a read that runs beside its commit is never lost.
    fn append_beside(&self, entry: Entry) -> Overlap {
        let slot = match entry.receipt.encode() {
            Ok(body) => self.overlap.take(self.keys.seal.as_ref(), self.heads.size(), &body),
            Err(_) => None,
        };
        let Some(slot) = slot else { return Overlap::First(self.append(entry, Urgency::Now)) };
        let (reply, durable) = oneshot::channel();
        if let Some(Work::Beside(_, slot)) = self.queue.push(Work::Beside(entry, slot), Urgency::Lazy, reply) {
            self.overlap.clear(slot);
            return Overlap::First(durable);
        }
        Overlap::Beside(durable)
    }

    fn failure(&self) -> Option<JournalError> {
        self.queue.failure()
    }

    fn change(&self, receipt: Receipt, document: Bytes, records: Vec<Record>) -> Durable {
        let (reply, durable) = oneshot::channel();
        drop(self.queue.push(Work::Change(receipt, Document { bytes: document, records }), Urgency::Now, reply));
        durable
    }

    fn change_decided(&self, decision: Receipt, receipt: Receipt, document: Bytes, records: Vec<Record>) -> Durable {
        let (reply, durable) = oneshot::channel();
        let document = Document { bytes: document, records };
        drop(self.queue.push(Work::Decided(Box::new(decision), receipt, document), Urgency::Now, reply));
        durable
    }

    fn snapshot(&self, ledger: Bytes, upto: ReceiptIndex) {
        self.queue.snapshot(LedgerSnapshot { state: ledger, upto });
    }
}
