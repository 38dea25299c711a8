//! Attack 18: a secret leaves only in the header it was declared for, to the server it was declared for.
