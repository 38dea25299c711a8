//! The digest by which change receipts name an authority document.

use briefcase_types::Digest;

/// The digest of a document's bytes. Equals the digest that `Authority::digest` computes.
pub fn document_digest(document: &[u8]) -> Digest {
    Digest::labelled("briefcase/authority/1", &[document])
}
