//! Runs one operation at a time. The future is polled by hand and waits only for a key operation of the host.

use std::{
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use briefcase_types::Entropy;
use zeroize::Zeroizing;

use crate::{
    codec::MessageBuilder,
    failure::{Code, Failure},
    host_calls::HostCalls,
    operations,
};

type Running = Pin<Box<dyn Future<Output = Result<MessageBuilder, Failure>>>>;

/// The result of a call: 0 done, 1 a key operation of the host is needed, otherwise the number of a failure.
pub type Status = u32;

/// The running operation, and the outgoing message.
pub struct Executor {
    entropy: &'static dyn Entropy,
    host_calls: Rc<HostCalls>,
    running: Option<Running>,
    output: Zeroizing<Vec<u8>>,
}

impl Executor {
    /// Creates an executor with this source of randomness.
    #[must_use]
    pub fn new(entropy: &'static dyn Entropy) -> Self {
        Self { entropy, host_calls: Rc::default(), running: None, output: Zeroizing::default() }
    }

    /// Starts an operation and drops a waiting one.
    pub fn call(&mut self, operation: u32, input: Zeroizing<Vec<u8>>) -> Status {
        self.host_calls.clear();
        self.running = Some(Box::pin(operations::run(operation, input, Rc::clone(&self.host_calls), self.entropy)));
        self.step()
    }

    /// Resumes with the result of a host call: one field, or an empty message if the call failed.
    pub fn answer(&mut self, message: &[u8]) -> Status {
        self.host_calls.set_response(message);
        self.step()
    }

    /// The message of the last call: a result, a host call, or the message of a failure.
    #[must_use]
    pub fn output(&self) -> &[u8] {
        &self.output
    }

    /// Overwrites the last message.
    pub fn wipe(&mut self) {
        self.output = Zeroizing::default();
    }

    fn step(&mut self) -> Status {
        let Some(running) = self.running.as_mut() else {
            return self.fail(&Failure::new(Code::Refused, "no operation is pending"));
        };
        match running.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => {
                self.running = None;
                match result {
                    Ok(message) => {
                        self.output = message.to_bytes();
                        0
                    }
                    Err(failure) => self.fail(&failure),
                }
            }
            Poll::Pending => match self.host_calls.take_request() {
                Some(request) => {
                    self.output = request;
                    1
                }
                None => self.fail(&Failure::new(Code::Refused, "the operation is pending without a host call")),
            },
        }
    }

    fn fail(&mut self, failure: &Failure) -> Status {
        self.running = None;
        self.output = MessageBuilder::of(failure.message.as_bytes()).to_bytes();
        failure.code.number()
    }
}
