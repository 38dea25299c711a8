//! Everything that is merely broken: each has a clear error with a next step, and loses nothing.
