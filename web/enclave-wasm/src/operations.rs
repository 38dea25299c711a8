//! Operations by number; `door.ts` has the same numbers and fields.

use std::rc::Rc;

use briefcase_types::Entropy;
use zeroize::Zeroizing;

use crate::{
    exchange::Exchange,
    failure::{Code, Failure},
    forms, sessions,
    wire::{Answer, Fields},
};

/// What an operation may use.
pub struct Context {
    pub exchange: Rc<Exchange>,
    pub entropy: &'static dyn Entropy,
}

pub async fn run(
    operation: u32,
    input: Zeroizing<Vec<u8>>,
    exchange: Rc<Exchange>,
    entropy: &'static dyn Entropy,
) -> Result<Answer, Failure> {
    let context = Context { exchange, entropy };
    let fields = Fields::read(&input)?;
    match operation {
        1 => forms::digest(fields),
        3 => forms::thumbprint(fields),
        4 => forms::audit_entry(fields),
        5 => forms::audit_link(fields),
        6 => forms::audit_head(fields),
        7 => forms::audit_verify(fields),
        8 => forms::vapid_input(fields),
        9 => forms::approval_input(fields),
        16 => sessions::kem_generate(fields, &context),
        17 => sessions::kem_encapsulate(fields, &context),
        18 => sessions::kem_decapsulate(fields),
        32 => sessions::identity_card(fields, &context).await,
        33 => sessions::safety_number(fields),
        34..=36 => sessions::prekeys(operation, fields, &context).await,
        37 => sessions::prekeys_left(fields),
        38 => sessions::bundle_verify(fields),
        39 => sessions::initiate(fields, &context).await,
        40 => sessions::accept(fields, &context).await,
        41 => sessions::encrypt(fields, &context),
        42 => sessions::decrypt(fields, &context),
        43 => sessions::facts(fields),
        _ => Err(Failure::new(Code::Malformed, "there is no such operation")),
    }
}
