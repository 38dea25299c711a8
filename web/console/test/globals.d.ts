/** The address of the console's folder; `run.mjs` fills it in. */
declare const CONSOLE_FOLDER: string;
