/** The path of the built module. */
declare const CORE_FILE: string;
/** The folder `vectors/`. */
declare const VECTORS: string;
