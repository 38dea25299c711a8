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
        match self.enter() {
            None => {
                let first = fetch();
                let _lead = Lead { turns: Arc::clone(self), fetch: Some(fetch) };
                Some(first.await)
            }
            Some(next) => next.await.ok(),
        }
    }

    /// The next fetch to wait for; `None` when none runs, so that the caller fetches for itself.
    fn enter(&self) -> Option<oneshot::Receiver<T>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut state.running, true) {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        state.waiting.push(sender);
        Some(receiver)
    }

    async fn run<F, Fut>(self: Arc<Self>, fetch: F, first: Vec<oneshot::Sender<T>>)
    where
        F: Fn() -> Fut,
        Fut: Future<Output = T>,
    {
        let mut batch = Some(first);
        while let Some(waiting) = batch {
            let value = fetch().await;
            for caller in waiting {
                let _gone = caller.send(value.clone());
            }
            batch = self.batch();
        }
    }

    /// Those who wait for the next fetch; `None`, and nothing runs any more, when there are none.
    fn batch(&self) -> Option<Vec<oneshot::Sender<T>>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = std::mem::take(&mut state.waiting);
        state.running = !batch.is_empty();
        state.running.then_some(batch)
    }
}

/// A caller that fetches for itself. When it is done, or gives up, those who came meanwhile get a fetch of their own.
struct Lead<T, F, Fut>
where
    T: Clone + Send + 'static,
    F: Fn() -> Fut + Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    turns: Arc<Turns<T>>,
    fetch: Option<F>,
}

impl<T, F, Fut> Drop for Lead<T, F, Fut>
where
    T: Clone + Send + 'static,
    F: Fn() -> Fut + Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    fn drop(&mut self) {
        let (Some(fetch), Some(batch)) = (self.fetch.take(), self.turns.batch()) else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(Arc::clone(&self.turns).run(fetch, batch));
        }
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

    #[tokio::test]
    async fn a_caller_that_gives_up_leaves_nobody_behind() {
        let turns = Arc::new(Turns::<usize>::new());
        let begun = Arc::new(AtomicUsize::new(0));
        let fetch = move || {
            let number = begun.fetch_add(1, Ordering::SeqCst);
            async move {
                if number == 0 {
                    std::future::pending::<()>().await;
                }
                number
            }
        };
        let patience = std::time::Duration::from_millis(5);
        let given_up = tokio::time::timeout(patience, turns.join(fetch.clone()));
        let (first, second) = tokio::join!(given_up, turns.join(fetch));
        assert!(first.is_err());
        assert_eq!(second, Some(1), "who waited for the next fetch gets it");
    }
}
