//! The exports of the module: the only unsafe code, and no more of it than the boundary needs.
//!
//! The other side asks for room for each field and writes it there, then calls; the answer is where `output` points until
//! the next call. It calls from one thread, one at a time.
#![expect(unsafe_code, reason = "exports have fixed names, which is unsafe to declare")]

use std::cell::RefCell;

use crate::{Failure, Machine, answer};

/// Longest field.
const MOST: usize = 8 << 20;

#[derive(Default)]
struct Door {
    machine: Machine,
    fields: Vec<Vec<u8>>,
    output: String,
}

thread_local! {
    static DOOR: RefCell<Door> = RefCell::default();
}

/// Room for the next field, of `length` bytes.
#[unsafe(no_mangle)]
extern "C" fn field(length: usize) -> *mut u8 {
    DOOR.with_borrow_mut(|door| {
        door.fields.push(vec![0; length.min(MOST)]);
        door.fields.last_mut().map_or(std::ptr::null_mut(), |field| field.as_mut_ptr())
    })
}

/// Runs an operation over the fields: 0 is an answer, 1 a refusal, 2 a misuse of the door.
#[unsafe(no_mangle)]
extern "C" fn call(operation: u32) -> u32 {
    DOOR.with_borrow_mut(|door| {
        let fields = std::mem::take(&mut door.fields);
        let (status, output) = match door.machine.call(operation, &fields) {
            Ok(answer) => (0, answer),
            Err(Failure::Refused(error)) => (1, answer::refusal(&error)),
            Err(Failure::Misuse) => (2, String::new()),
        };
        door.output = output;
        status
    })
}

/// Where the last answer lies.
#[unsafe(no_mangle)]
extern "C" fn output() -> *const u8 {
    DOOR.with_borrow(|door| door.output.as_ptr())
}

/// How long it is.
#[unsafe(no_mangle)]
extern "C" fn output_len() -> usize {
    DOOR.with_borrow(|door| door.output.len())
}
