declare const VERIFIER_FILE: string;
declare const VECTORS: string;
