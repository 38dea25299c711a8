declare const VERIFIER_FILE: string;
declare const VECTORS: string;
/** Folders of crates, each with a slash at its end. */
declare const SHIPPED: Readonly<Record<"sigstore-trust-root" | "sigstore-verify", string>>;
