//! Keys, prekeys and sessions. Every state enters and leaves as bytes; the worker stores them sealed.

use std::rc::Rc;

use briefcase_ratchet::{
    AgreementMode, AgreementPublic, HandshakeOptions, IdentityCard, KemPublic, KemSecret, LastResort, LocalIdentity,
    PrekeyBundle, Prekeys, PublishedPrekeys, RatchetError, RatchetSession, ResponderPolicy, SigningPublic, Step,
    accept as accept_first, initiate as begin,
};
use zeroize::Zeroizing;

use crate::{
    codec::{Fields, MessageBuilder},
    failure::Failure,
    host_calls::HostKeys,
    operations::Context,
};

const MAKE: u32 = 34;
const ROTATE: u32 = 35;

pub fn kem_generate(fields: Fields<'_>, context: &Context) -> Result<MessageBuilder, Failure> {
    fields.end()?;
    let secret = KemSecret::generate(context.entropy);
    let seed = secret.expose(|seed| Zeroizing::new(seed.to_vec()));
    Ok(MessageBuilder::default().secret(seed).and(secret.public().to_bytes()))
}

pub fn kem_encapsulate(mut fields: Fields<'_>, context: &Context) -> Result<MessageBuilder, Failure> {
    let key = KemPublic::from_bytes(fields.bytes()?)?;
    fields.end()?;
    let (ciphertext, shared) = key.encapsulate(context.entropy);
    Ok(MessageBuilder::of(ciphertext).secret(shared.expose(|secret| Zeroizing::new(secret.to_vec()))))
}

pub fn kem_decapsulate(mut fields: Fields<'_>) -> Result<MessageBuilder, Failure> {
    let secret = KemSecret::from_seed(fields.array()?);
    let shared = secret.decapsulate(fields.bytes()?)?;
    fields.end()?;
    Ok(MessageBuilder::default().secret(shared.expose(|secret| Zeroizing::new(secret.to_vec()))))
}

pub async fn identity_card(mut fields: Fields<'_>, context: &Context) -> Result<MessageBuilder, Failure> {
    let signing_key = fields.text()?.to_owned();
    let signing = SigningPublic::from_bytes(*fields.array()?);
    let agreement_key = fields.text()?.to_owned();
    let agreement = AgreementPublic::from_bytes(*fields.array()?);
    fields.end()?;
    let holder = host_keys(context, signing_key, agreement_key);
    Ok(MessageBuilder::of(IdentityCard::make(signing, agreement, &holder).await?.to_bytes()))
}

pub fn safety_number(mut fields: Fields<'_>) -> Result<MessageBuilder, Failure> {
    let one = IdentityCard::from_bytes(fields.bytes()?)?;
    let other = IdentityCard::from_bytes(fields.bytes()?)?;
    fields.end()?;
    Ok(MessageBuilder::of(briefcase_ratchet::safety_number(&one, &other)))
}

pub async fn prekeys(operation: u32, mut fields: Fields<'_>, context: &Context) -> Result<MessageBuilder, Failure> {
    let identity = identity(&mut fields, context)?;
    let count = usize::try_from(fields.number()?).unwrap_or(usize::MAX);
    let step = if operation == MAKE || operation == ROTATE {
        let last_resort = last_resort(fields.text()?, fields.bytes()?)?;
        if operation == MAKE {
            fields.end()?;
            Prekeys::make(&identity, count, last_resort, context.entropy).await?
        } else {
            let prekeys = Prekeys::from_bytes(fields.bytes()?)?;
            fields.end()?;
            prekeys.rotate(&identity, count, last_resort, context.entropy).await?
        }
    } else {
        let prekeys = Prekeys::from_bytes(fields.bytes()?)?;
        fields.end()?;
        prekeys.refill(&identity, count, context.entropy).await?
    };
    Ok(published(step))
}

fn last_resort(key: &str, public: &[u8]) -> Result<LastResort, Failure> {
    if key.is_empty() && public.is_empty() {
        return Ok(LastResort::Made);
    }
    Ok(LastResort::Held { key: key.to_owned(), public: KemPublic::from_bytes(public)? })
}

fn published(step: Step<Prekeys, PublishedPrekeys>) -> MessageBuilder {
    let (prekeys, published) = step.into_parts();
    let answer = MessageBuilder::default().secret(prekeys.to_bytes()).and(published.last_resort.to_bytes());
    published.bundles.iter().fold(answer, |answer, bundle| answer.and(bundle.to_bytes()))
}

pub fn prekeys_left(mut fields: Fields<'_>) -> Result<MessageBuilder, Failure> {
    let prekeys = Prekeys::from_bytes(fields.bytes()?)?;
    fields.end()?;
    Ok(MessageBuilder::default().number(u64::try_from(prekeys.left()).unwrap_or(u64::MAX)))
}

pub fn bundle_verify(mut fields: Fields<'_>) -> Result<MessageBuilder, Failure> {
    let bundle = PrekeyBundle::verify(fields.bytes()?)?;
    fields.end()?;
    Ok(MessageBuilder::of(bundle.card().to_bytes()).flag(bundle.is_one_time()))
}

pub async fn initiate(mut fields: Fields<'_>, context: &Context) -> Result<MessageBuilder, Failure> {
    let identity = identity(&mut fields, context)?;
    let bundle = PrekeyBundle::verify(fields.bytes()?)?;
    let mode = match fields.text()? {
        "pqxdh" => AgreementMode::Pqxdh,
        "x3dh" => AgreementMode::X3dh,
        _ => return Err(RatchetError::Malformed("the mode").into()),
    };
    let options = HandshakeOptions { mode, hide_headers: fields.flag()? };
    fields.end()?;
    let session = begin(&identity, &bundle, options, context.entropy).await?;
    Ok(MessageBuilder::default().secret(session.to_bytes()).and(session.peer().to_bytes()))
}

pub async fn accept(mut fields: Fields<'_>, context: &Context) -> Result<MessageBuilder, Failure> {
    let identity = identity(&mut fields, context)?;
    let prekeys = Prekeys::from_bytes(fields.bytes()?)?;
    let message = fields.bytes()?;
    let policy = ResponderPolicy { allow_x3dh: fields.flag()? };
    let associated = fields.bytes()?;
    fields.end()?;
    let step = accept_first(&identity, &prekeys, message, associated, policy, context.entropy).await?;
    let (accepted, plaintext) = step.into_parts();
    let answer = MessageBuilder::default().secret(accepted.prekeys.to_bytes()).secret(accepted.session.to_bytes());
    Ok(answer.secret(plaintext).and(accepted.session.peer().to_bytes()))
}

pub fn encrypt(mut fields: Fields<'_>, context: &Context) -> Result<MessageBuilder, Failure> {
    let session = RatchetSession::from_bytes(fields.bytes()?)?;
    let (plaintext, associated) = (fields.bytes()?, fields.bytes()?);
    fields.end()?;
    let (next, message) = session.encrypt(plaintext, associated, context.entropy)?.into_parts();
    Ok(MessageBuilder::default().secret(next.to_bytes()).and(message))
}

pub fn decrypt(mut fields: Fields<'_>, context: &Context) -> Result<MessageBuilder, Failure> {
    let session = RatchetSession::from_bytes(fields.bytes()?)?;
    let (message, associated) = (fields.bytes()?, fields.bytes()?);
    fields.end()?;
    let (next, plaintext) = session.decrypt(message, associated, context.entropy)?.into_parts();
    Ok(MessageBuilder::default().secret(next.to_bytes()).secret(plaintext))
}

pub fn facts(mut fields: Fields<'_>) -> Result<MessageBuilder, Failure> {
    let session = RatchetSession::from_bytes(fields.bytes()?)?;
    fields.end()?;
    let answer = MessageBuilder::of(session.peer().to_bytes()).and(session.mode().name());
    Ok(answer.flag(session.hides_headers()).flag(session.is_answered()))
}

fn identity(fields: &mut Fields<'_>, context: &Context) -> Result<LocalIdentity<HostKeys>, Failure> {
    let card = IdentityCard::from_bytes(fields.bytes()?)?;
    let (signing, agreement) = (fields.text()?.to_owned(), fields.text()?.to_owned());
    Ok(LocalIdentity::new(card, host_keys(context, signing, agreement)))
}

fn host_keys(context: &Context, signing: String, agreement: String) -> HostKeys {
    HostKeys { host_calls: Rc::clone(&context.host_calls), signing, agreement }
}
