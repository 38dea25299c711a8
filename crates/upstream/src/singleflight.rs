//! Single-flight: concurrent callers share one fetch that started after they called.
//!
//! While a fetch runs, new callers wait together for the next one. So no caller gets a result that is older than its
//! call.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::oneshot;

/// Shares the fetches of one value.
pub(crate) struct SingleFlight<T> {
    state: Mutex<FlightState<T>>,
}

struct FlightState<T> {
    running: bool,
    waiting: Vec<oneshot::Sender<T>>,
}

impl<T: Clone + Send + 'static> SingleFlight<T> {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(FlightState { running: false, waiting: Vec::new() }) }
    }

    /// Waits for a fetch that starts after this call. `None` only when the runtime stops.
    pub(crate) async fn run<F, Fut>(self: &Arc<Self>, fetch: F) -> Option<T>
    where
        F: Fn() -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
    {
        match self.enter() {
            None => {
                let first = fetch();
                let _leader = Leader { flight: Arc::clone(self), fetch: Some(fetch) };
                Some(first.await)
            }
            Some(next) => next.await.ok(),
        }
    }

    /// The next fetch to wait for; `None` when no fetch runs, so that the caller does its own.
    fn enter(&self) -> Option<oneshot::Receiver<T>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut state.running, true) {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        state.waiting.push(sender);
        Some(receiver)
    }

    async fn serve<F, Fut>(self: Arc<Self>, fetch: F, first: Vec<oneshot::Sender<T>>)
    where
        F: Fn() -> Fut,
        Fut: Future<Output = T>,
    {
        let mut batch = Some(first);
        while let Some(waiting) = batch {
            let value = fetch().await;
            for caller in waiting {
                let _gave_up = caller.send(value.clone());
            }
            batch = self.next_batch();
        }
    }

    /// The callers that wait for the next fetch. `None` when there are none; then no fetch runs any more.
    fn next_batch(&self) -> Option<Vec<oneshot::Sender<T>>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = std::mem::take(&mut state.waiting);
        state.running = !batch.is_empty();
        state.running.then_some(batch)
    }
}

/// A caller that does its own fetch. When it ends or is dropped, the callers that came meanwhile get a fetch of their own.
struct Leader<T, F, Fut>
where
    T: Clone + Send + 'static,
    F: Fn() -> Fut + Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    flight: Arc<SingleFlight<T>>,
    fetch: Option<F>,
}

impl<T, F, Fut> Drop for Leader<T, F, Fut>
where
    T: Clone + Send + 'static,
    F: Fn() -> Fut + Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    fn drop(&mut self) {
        let (Some(fetch), Some(batch)) = (self.fetch.take(), self.flight.next_batch()) else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(Arc::clone(&self.flight).serve(fetch, batch));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn a_caller_never_gets_a_fetch_that_started_before_its_call() {
        let flight = Arc::new(SingleFlight::<usize>::new());
        let (started, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let fetch = {
            let (started, gate) = (Arc::clone(&started), Arc::clone(&gate));
            move || {
                let (started, gate) = (Arc::clone(&started), Arc::clone(&gate));
                async move {
                    let number = started.fetch_add(1, Ordering::SeqCst);
                    gate.acquire().await.unwrap().forget();
                    number
                }
            }
        };
        let spawn = |count: usize| {
            (0..count)
                .map(|_| {
                    let (flight, fetch) = (Arc::clone(&flight), fetch.clone());
                    tokio::spawn(async move { flight.run(fetch).await.unwrap() })
                })
                .collect::<Vec<_>>()
        };
        let first = spawn(1);
        while started.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        let second = spawn(50);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(started.load(Ordering::SeqCst), 1, "the second batch waits for the first fetch to end");
        gate.add_permits(2);
        for task in first {
            assert_eq!(task.await.unwrap(), 0);
        }
        for task in second {
            assert_eq!(task.await.unwrap(), 1, "one fetch serves the whole batch");
        }
    }

    #[tokio::test]
    async fn a_caller_that_gives_up_leaves_the_others_a_fetch() {
        let flight = Arc::new(SingleFlight::<usize>::new());
        let started = Arc::new(AtomicUsize::new(0));
        let fetch = move || {
            let number = started.fetch_add(1, Ordering::SeqCst);
            async move {
                if number == 0 {
                    std::future::pending::<()>().await;
                }
                number
            }
        };
        let timeout = std::time::Duration::from_millis(5);
        let given_up = tokio::time::timeout(timeout, flight.run(fetch.clone()));
        let (first, second) = tokio::join!(given_up, flight.run(fetch));
        assert!(first.is_err());
        assert_eq!(second, Some(1), "a caller that waited for the next fetch gets it");
    }
}
