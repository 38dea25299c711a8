//! The exports and the import of the module: the only unsafe code, and no more of it than the boundary needs.
//!
//! The other side writes `length` bytes where `reserve` points and calls; what it gets is where `output` points until the
//! next call or `wipe`. It calls from one thread, one at a time.
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
        // SAFETY: the import writes `length` bytes from `pointer` on, and they are ours for as long as it runs.
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

/// Room for a message of `length` bytes.
#[unsafe(no_mangle)]
extern "C" fn reserve(length: usize) -> *mut u8 {
    STATE.with_borrow_mut(|state| {
        state.input = Zeroizing::new(vec![0; length]);
        state.input.as_mut_ptr()
    })
}

/// Begins an operation with the message that was written.
#[unsafe(no_mangle)]
extern "C" fn call(operation: u32, length: usize) -> Status {
    STATE.with_borrow_mut(|state| {
        let mut input = std::mem::take(&mut state.input);
        input.truncate(length);
        state.executor.call(operation, input)
    })
}

/// Goes on with the answer that was written.
#[unsafe(no_mangle)]
extern "C" fn answer(length: usize) -> Status {
    STATE.with_borrow_mut(|state| {
        let mut input = std::mem::take(&mut state.input);
        input.truncate(length);
        state.executor.answer(&input)
    })
}

/// Where the last message lies.
#[unsafe(no_mangle)]
extern "C" fn output() -> *const u8 {
    STATE.with_borrow(|state| state.executor.output().as_ptr())
}

/// How long it is.
#[unsafe(no_mangle)]
extern "C" fn output_len() -> usize {
    STATE.with_borrow(|state| state.executor.output().len())
}

/// Overwrites the last message.
#[unsafe(no_mangle)]
extern "C" fn wipe() {
    STATE.with_borrow_mut(|state| state.executor.wipe());
}
