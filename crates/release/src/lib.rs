//! The one path from bytes to "this is a release".
