/** The address of the console's folder, set by `run.mjs`. */
declare const CONSOLE_FOLDER: string;
