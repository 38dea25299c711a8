declare const VERIFIER_FILE: string;
declare const VECTORS: string;
/** Folders of crates, each with a trailing slash. */
declare const SHIPPED: Readonly<Record<"sigstore-trust-root" | "sigstore-verify", string>>;
