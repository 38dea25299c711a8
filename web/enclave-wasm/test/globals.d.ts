/** Path of the module that was just built. */
declare const CORE_FILE: string;
/** The folder vectors/. */
declare const VECTORS: string;
