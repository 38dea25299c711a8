//! Attacks 47–50: documents, schemas, compression and connections that want everything.
