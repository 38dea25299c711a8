//! Digests, and the documents that the enclave's keys sign.

use std::time::Duration;

use briefcase_enclave_formats::{
    RawPublicKey,
    approval::SignedDecision,
    audit::{self, AuditEntry, AuditHead},
    vapid::VapidClaims,
};
use briefcase_types::Digest;

use crate::{
    codec::{Fields, MessageBuilder},
    failure::Failure,
};

pub fn digest(mut fields: Fields<'_>) -> Result<MessageBuilder, Failure> {
    let digest = Digest::sha256(fields.bytes()?);
    fields.end()?;
    Ok(MessageBuilder::of(*digest.as_bytes()))
}

pub fn thumbprint(mut fields: Fields<'_>) -> Result<MessageBuilder, Failure> {
    let key = RawPublicKey::from_raw(fields.text()?, fields.bytes()?)?;
    fields.end()?;
    Ok(MessageBuilder::of(key.thumbprint()))
}

pub fn audit_entry(mut fields: Fields<'_>) -> Result<MessageBuilder, Failure> {
    let entry = AuditEntry::draft(fields.bytes()?)?;
    fields.end()?;
    let bytes = entry.to_bytes()?;
    let link = audit::link(&entry.previous, &bytes);
    Ok(MessageBuilder::of(bytes).and(*link.as_bytes()))
}

pub fn audit_link(mut fields: Fields<'_>) -> Result<MessageBuilder, Failure> {
    let link = audit::link(&Digest::from_bytes(*fields.array()?), fields.bytes()?);
    fields.end()?;
    Ok(MessageBuilder::of(*link.as_bytes()))
}

pub fn audit_head(mut fields: Fields<'_>) -> Result<MessageBuilder, Failure> {
    let (kid, host) = (fields.text()?.to_owned(), fields.text()?.to_owned());
    let head = AuditHead::new(kid, host, fields.number()?, Digest::from_bytes(*fields.array()?))?;
    fields.end()?;
    Ok(MessageBuilder::of(head.to_bytes()?))
}

pub fn audit_verify(mut fields: Fields<'_>) -> Result<MessageBuilder, Failure> {
    let key = fields.array()?;
    let head = fields.bytes()?;
    let signature = fields.array()?;
    let previous = Digest::from_bytes(*fields.array()?);
    let entries = fields.rest()?;
    let head = audit::verify(key, head, signature, previous, entries.into_iter())?;
    Ok(MessageBuilder::of(head.kid).and(head.host).number(head.count).and(*head.link.as_bytes()))
}

pub fn vapid_input(mut fields: Fields<'_>) -> Result<MessageBuilder, Failure> {
    let (aud, sub) = (fields.text()?, fields.text()?);
    let claims = VapidClaims::lease(aud, sub, fields.number()?, Duration::from_secs(fields.number()?))?;
    fields.end()?;
    Ok(MessageBuilder::of(claims.signing_input()?).number(claims.expires()))
}

pub fn approval_input(mut fields: Fields<'_>) -> Result<MessageBuilder, Failure> {
    let decision = SignedDecision::draft(fields.bytes()?)?;
    fields.end()?;
    Ok(MessageBuilder::of(decision.to_bytes()?))
}
