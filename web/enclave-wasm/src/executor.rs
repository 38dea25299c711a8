//! Runs one operation at a time: polled by hand, pending only at a foreign key.

use std::{
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use briefcase_types::Entropy;
use zeroize::Zeroizing;

use crate::{
    codec::Message,
    failure::{Code, Failure},
    host_calls::HostCalls,
    operations,
};

type Running = Pin<Box<dyn Future<Output = Result<Message, Failure>>>>;

/// What a call ended in: 0 done, 1 a foreign operation is needed, else the number of a failure.
pub type Status = u32;

/// The operation under way, and the message that goes out.
pub struct Executor {
    entropy: &'static dyn Entropy,
    host_calls: Rc<HostCalls>,
    running: Option<Running>,
    output: Zeroizing<Vec<u8>>,
}

impl Executor {
    /// A executor with this randomness.
    #[must_use]
    pub fn new(entropy: &'static dyn Entropy) -> Self {
        Self { entropy, host_calls: Rc::default(), running: None, output: Zeroizing::default() }
    }

    /// Begins an operation; one that was waiting is dropped.
    pub fn call(&mut self, operation: u32, input: Zeroizing<Vec<u8>>) -> Status {
        self.host_calls.clear();
        self.running = Some(Box::pin(operations::run(operation, input, Rc::clone(&self.host_calls), self.entropy)));
        self.step()
    }

    /// Goes on with the answer of a foreign operation: one field, or none when there is no answer.
    pub fn answer(&mut self, message: &[u8]) -> Status {
        self.host_calls.answer(message);
        self.step()
    }

    /// The message of the last call: a result, a question, or the sentence of a failure.
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
            return self.fail(&Failure::new(Code::Refused, "no operation is waiting"));
        };
        match running.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => {
                self.running = None;
                match result {
                    Ok(answer) => {
                        self.output = answer.to_bytes();
                        0
                    }
                    Err(failure) => self.fail(&failure),
                }
            }
            Poll::Pending => match self.host_calls.question() {
                Some(question) => {
                    self.output = question;
                    1
                }
                None => self.fail(&Failure::new(Code::Refused, "the operation waits for nothing")),
            },
        }
    }

    fn fail(&mut self, failure: &Failure) -> Status {
        self.running = None;
        self.output = Message::of(failure.message.as_bytes()).to_bytes();
        failure.code.number()
    }
}
