// The page's module. In a frame it shakes hands once with the host that embedded it; in a window that a host opened it
// takes a gesture for the frame; anywhere else it says what it is.

import { about } from "./about.ts";
import { servePopup } from "./confirmation/popup.ts";
import { embedded } from "./embedded.ts";

/** The name under which the browser loaded this module; SRI made sure that the name is the digest of the bytes. */
const hash = /kms-([0-9a-f]{64})\.mjs$/.exec(import.meta.url)?.[1] ?? "";

if (window.parent !== window) embedded(hash);
else if (window.opener !== null) servePopup(window.opener as Window);
else about(hash);
