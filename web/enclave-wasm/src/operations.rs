//! Operations by number; `bindings.ts` has the same numbers and fields.

use std::rc::Rc;

use briefcase_types::Entropy;
use zeroize::Zeroizing;

use crate::{
    codec::{Fields, MessageBuilder},
    documents,
    failure::{Code, Failure},
    host_calls::HostCalls,
    sessions,
};

/// The resources of an operation.
pub struct Context {
    pub host_calls: Rc<HostCalls>,
    pub entropy: &'static dyn Entropy,
}

pub async fn run(
    operation: u32,
    input: Zeroizing<Vec<u8>>,
    host_calls: Rc<HostCalls>,
    entropy: &'static dyn Entropy,
) -> Result<MessageBuilder, Failure> {
    let context = Context { host_calls, entropy };
    let fields = Fields::read(&input)?;
    match operation {
        1 => documents::digest(fields),
        3 => documents::thumbprint(fields),
        4 => documents::audit_entry(fields),
        5 => documents::audit_link(fields),
        6 => documents::audit_head(fields),
        7 => documents::audit_verify(fields),
        8 => documents::vapid_input(fields),
        9 => documents::approval_input(fields),
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
        _ => Err(Failure::new(Code::Malformed, "unknown operation")),
    }
}
