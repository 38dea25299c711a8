//! The exports of the module. All unsafe code is in this file.
//!
//! The caller writes each field at the address that `field` returned, then calls. The response is at `output` until the
//! next call. The caller uses one thread and makes one call at a time.
#![expect(unsafe_code, reason = "exports have fixed names, which is unsafe to declare")]

use std::cell::RefCell;

use crate::{Failure, VerifierExecutor, response};

/// The length limit of a field.
const MAX_FIELD_BYTES: usize = 8 << 20;

#[derive(Default)]
struct State {
    executor: VerifierExecutor,
    fields: Vec<Vec<u8>>,
    output: String,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

/// Allocates the buffer of the next field, `length` bytes.
#[unsafe(no_mangle)]
extern "C" fn field(length: usize) -> *mut u8 {
    STATE.with_borrow_mut(|state| {
        state.fields.push(vec![0; length.min(MAX_FIELD_BYTES)]);
        state.fields.last_mut().map_or(std::ptr::null_mut(), |field| field.as_mut_ptr())
    })
}

/// Runs an operation over the fields. Returns 0 for a response, 1 for a refusal, 2 for an invalid call.
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

/// Returns the address of the last response.
#[unsafe(no_mangle)]
extern "C" fn output() -> *const u8 {
    STATE.with_borrow(|state| state.output.as_ptr())
}

/// Returns the length of the last response.
#[unsafe(no_mangle)]
extern "C" fn output_len() -> usize {
    STATE.with_borrow(|state| state.output.len())
}
