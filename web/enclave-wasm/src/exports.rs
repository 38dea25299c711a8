//! The exports and the import of the module. All unsafe code is in this file.
//!
//! The caller writes `length` bytes at the address that `reserve` returned, then calls. The response is at `output`
//! until the next call or `wipe`. The caller uses one thread and makes one call at a time.
#![expect(unsafe_code, reason = "exports have fixed names, the import is foreign: both are unsafe to declare")]

use std::cell::RefCell;

use briefcase_types::Entropy;
use zeroize::Zeroizing;

use crate::{Executor, Status};

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn random(pointer: *mut u8, length: usize);
}

/// `crypto.getRandomValues` of the browser.
struct Browser;

impl Entropy for Browser {
    fn fill(&self, bytes: &mut [u8]) {
        // SAFETY: the import writes `length` bytes from `pointer` on; this function borrows them mutably while it runs.
        unsafe { random(bytes.as_mut_ptr(), bytes.len()) }
    }
}

struct State {
    executor: Executor,
    input: Zeroizing<Vec<u8>>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::new(State { executor: Executor::new(&Browser), input: Zeroizing::default() });
}

/// Allocates the buffer for a message of `length` bytes.
#[unsafe(no_mangle)]
extern "C" fn reserve(length: usize) -> *mut u8 {
    STATE.with_borrow_mut(|state| {
        state.input = Zeroizing::new(vec![0; length]);
        state.input.as_mut_ptr()
    })
}

/// Starts an operation with the written message.
#[unsafe(no_mangle)]
extern "C" fn call(operation: u32, length: usize) -> Status {
    STATE.with_borrow_mut(|state| {
        let mut input = std::mem::take(&mut state.input);
        input.truncate(length);
        state.executor.call(operation, input)
    })
}

/// Resumes the operation with the written response.
#[unsafe(no_mangle)]
extern "C" fn answer(length: usize) -> Status {
    STATE.with_borrow_mut(|state| {
        let mut input = std::mem::take(&mut state.input);
        input.truncate(length);
        state.executor.answer(&input)
    })
}

/// Returns the address of the last message.
#[unsafe(no_mangle)]
extern "C" fn output() -> *const u8 {
    STATE.with_borrow(|state| state.executor.output().as_ptr())
}

/// Returns the length of the last message.
#[unsafe(no_mangle)]
extern "C" fn output_len() -> usize {
    STATE.with_borrow(|state| state.executor.output().len())
}

/// Overwrites the last message.
#[unsafe(no_mangle)]
extern "C" fn wipe() {
    STATE.with_borrow_mut(|state| state.executor.wipe());
}
