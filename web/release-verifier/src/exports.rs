//! The exports of the module: the only unsafe code, and no more of it than the boundary needs.
//!
//! The other side asks for room for each field and writes it there, then calls; the answer is where `output` points until
//! the next call. It calls from one thread, one at a time.
#![expect(unsafe_code, reason = "exports have fixed names, which is unsafe to declare")]

use std::cell::RefCell;

use crate::{Executor, Failure, response};

/// Longest field.
const MAX_FIELD_BYTES: usize = 8 << 20;

#[derive(Default)]
struct State {
    executor: Executor,
    fields: Vec<Vec<u8>>,
    output: String,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

/// Room for the next field, of `length` bytes.
#[unsafe(no_mangle)]
extern "C" fn field(length: usize) -> *mut u8 {
    STATE.with_borrow_mut(|state| {
        state.fields.push(vec![0; length.min(MAX_FIELD_BYTES)]);
        state.fields.last_mut().map_or(std::ptr::null_mut(), |field| field.as_mut_ptr())
    })
}

/// Runs an operation over the fields: 0 is an answer, 1 a refusal, 2 a misuse of the state.
#[unsafe(no_mangle)]
extern "C" fn call(operation: u32) -> u32 {
    STATE.with_borrow_mut(|state| {
        let fields = std::mem::take(&mut state.fields);
        let (status, output) = match state.executor.call(operation, &fields) {
            Ok(answer) => (0, answer),
            Err(Failure::Refused(error)) => (1, response::refusal(&error)),
            Err(Failure::Misuse) => (2, String::new()),
        };
        state.output = output;
        status
    })
}

/// Where the last answer lies.
#[unsafe(no_mangle)]
extern "C" fn output() -> *const u8 {
    STATE.with_borrow(|state| state.output.as_ptr())
}

/// How long it is.
#[unsafe(no_mangle)]
extern "C" fn output_len() -> usize {
    STATE.with_borrow(|state| state.output.len())
}
