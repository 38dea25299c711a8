//! The exports and the import of the module: the only unsafe code, and no more of it than the boundary needs.
//!
//! The other side writes `length` bytes where `reserve` points and calls; what it gets is where `output` points until the
//! next call or `wipe`. It calls from one thread, one at a time.
#![expect(unsafe_code, reason = "exports have fixed names, the import is foreign: both are unsafe to declare")]

use std::cell::RefCell;

use briefcase_types::Entropy;
use zeroize::Zeroizing;

use crate::{Machine, Status};

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

struct Door {
    machine: Machine,
    input: Zeroizing<Vec<u8>>,
}

thread_local! {
    static DOOR: RefCell<Door> = RefCell::new(Door { machine: Machine::new(&Browser), input: Zeroizing::default() });
}

/// Room for a message of `length` bytes.
#[unsafe(no_mangle)]
extern "C" fn reserve(length: usize) -> *mut u8 {
    DOOR.with_borrow_mut(|door| {
        door.input = Zeroizing::new(vec![0; length]);
        door.input.as_mut_ptr()
    })
}

/// Begins an operation with the message that was written.
#[unsafe(no_mangle)]
extern "C" fn call(operation: u32, length: usize) -> Status {
    DOOR.with_borrow_mut(|door| {
        let mut input = std::mem::take(&mut door.input);
        input.truncate(length);
        door.machine.call(operation, input)
    })
}

/// Goes on with the answer that was written.
#[unsafe(no_mangle)]
extern "C" fn answer(length: usize) -> Status {
    DOOR.with_borrow_mut(|door| {
        let mut input = std::mem::take(&mut door.input);
        input.truncate(length);
        door.machine.answer(&input)
    })
}

/// Where the last message lies.
#[unsafe(no_mangle)]
extern "C" fn output() -> *const u8 {
    DOOR.with_borrow(|door| door.machine.output().as_ptr())
}

/// How long it is.
#[unsafe(no_mangle)]
extern "C" fn output_len() -> usize {
    DOOR.with_borrow(|door| door.machine.output().len())
}

/// Overwrites the last message.
#[unsafe(no_mangle)]
extern "C" fn wipe() {
    DOOR.with_borrow_mut(|door| door.machine.wipe());
}
