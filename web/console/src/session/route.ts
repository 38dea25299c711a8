/** The current page. The address holds only paths, set through the History API, and never grants access. */

export const PAGES = ["approvals", "servers", "receipts", "budgets", "policy", "security"] as const;
export type Page = (typeof PAGES)[number];

export interface Route {
  page: Page;
  query: URLSearchParams;
  /** The approval request that the address names. The address grants nothing. */
  request?: string;
}

const REQUEST_ID = /^[\w-]{22}$/;

/** Removes the one-time code from the address, so that neither history nor a screenshot contains it. */
export function takeCode(): string | undefined {
  const code = new URLSearchParams(location.hash.slice(1)).get("code") ?? undefined;
  if (code !== undefined) history.replaceState(null, "", location.pathname + location.search);
  return code;
}

export function current(): Route {
  const [name, id = ""] = location.pathname.slice(1).split("/");
  const page = PAGES.find(known => known === name) ?? "approvals";
  const request = page === "approvals" && REQUEST_ID.test(id) ? { request: id } : {};
  return { page, query: new URLSearchParams(location.search), ...request };
}

export function address(page: Page, query: Record<string, string> = {}): string {
  const search = new URLSearchParams(query).toString();
  return `/${page}${search === "" ? "" : `?${search}`}`;
}

const MOVED = "briefcase:moved";

export function go(to: string): void {
  history.pushState(null, "", to);
  dispatchEvent(new Event(MOVED));
}

/** Calls `listener` on each change of page, also by the browser's buttons. Returns a function that unsubscribes. */
export function onMove(listener: () => void): () => void {
  addEventListener(MOVED, listener);
  addEventListener("popstate", listener);
  return () => {
    removeEventListener(MOVED, listener);
    removeEventListener("popstate", listener);
  };
}
