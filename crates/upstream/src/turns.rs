//! Many callers, one fetch, and nobody is given an answer older than the question.
//!
//! A caller joins the fetch that begins *after* it arrived: while one runs, those who come wait together for the next.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::oneshot;

/// The turn-taking for one thing that is fetched.
pub(crate) struct Turns<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    running: bool,
    waiting: Vec<oneshot::Sender<T>>,
}

impl<T: Clone + Send + 'static> Turns<T> {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(State { running: false, waiting: Vec::new() }) }
    }

    /// Waits for a fetch that begins from now on. `None` only when the runtime stops.
    pub(crate) async fn join<F, Fut>(self: &Arc<Self>, fetch: F) -> Option<T>
    where
        F: Fn() -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        if self.queue(sender) {
            tokio::spawn(Arc::clone(self).run(fetch));
        }
        receiver.await.ok()
    }

    /// Whether the caller has to start the run.
    fn queue(&self, sender: oneshot::Sender<T>) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting.push(sender);
        !std::mem::replace(&mut state.running, true)
    }

    async fn run<F, Fut>(self: Arc<Self>, fetch: F)
    where
        F: Fn() -> Fut,
        Fut: Future<Output = T>,
    {
        while let Some(batch) = self.batch() {
            let value = fetch().await;
            for waiting in batch {
                let _gone = waiting.send(value.clone());
            }
        }
    }

    fn batch(&self) -> Option<Vec<oneshot::Sender<T>>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = std::mem::take(&mut state.waiting);
        state.running = !batch.is_empty();
        state.running.then_some(batch)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn a_caller_never_gets_a_fetch_that_began_before_it_came() {
        let turns = Arc::new(Turns::<usize>::new());
        let (begun, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let fetch = {
            let (begun, gate) = (Arc::clone(&begun), Arc::clone(&gate));
            move || {
                let (begun, gate) = (Arc::clone(&begun), Arc::clone(&gate));
                async move {
                    let number = begun.fetch_add(1, Ordering::SeqCst);
                    gate.acquire().await.unwrap().forget();
                    number
                }
            }
        };
        let spawn = |count: usize| {
            (0..count)
                .map(|_| {
                    let (turns, fetch) = (Arc::clone(&turns), fetch.clone());
                    tokio::spawn(async move { turns.join(fetch).await.unwrap() })
                })
                .collect::<Vec<_>>()
        };
        let first = spawn(1);
        while begun.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        let second = spawn(50);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(begun.load(Ordering::SeqCst), 1, "the second batch waits for the first fetch to end");
        gate.add_permits(2);
        for task in first {
            assert_eq!(task.await.unwrap(), 0);
        }
        for task in second {
            assert_eq!(task.await.unwrap(), 1, "one fetch serves the whole batch");
        }
    }
}
