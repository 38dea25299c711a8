// The page's module. In a frame it performs one handshake with the embedding host. In a popup it confirms for the
// frame. Otherwise it describes itself.

import { about } from "./about.ts";
import { servePopup } from "./confirmation/popup.ts";
import { embedded } from "./embedded.ts";

/**
 * The name by which the browser loaded this module. Subresource integrity guarantees that the name is the digest of the
 * bytes.
 */
const hash = /kms-([0-9a-f]{64})\.mjs$/.exec(import.meta.url)?.[1] ?? "";

if (window.parent !== window) embedded(hash);
else if (window.opener !== null) servePopup(window.opener as Window);
else about(hash);
