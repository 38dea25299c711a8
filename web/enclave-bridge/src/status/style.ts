// The element's style, as a constructed sheet: it works under a policy without inline styles.

const TEXT = `
:host { display: block; color-scheme: light dark; font: 15px/1.45 system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif;
  --ink: #1b1e1d; --soft: #565c5a; --ground: #fff; --sunken: #f4f3ee; --line: #d9d6cc; --strong: #78766f; --accent: #1f5c57;
  --good: #17643a; --warn: #7a4600; --bad: #9a1f1a; --plain: #565c5a; color: var(--ink); }
:host([hidden]) { display: none; }
@media (prefers-color-scheme: dark) { :host { --ink: #e8ebe9; --soft: #a6aeab; --ground: #1a1e1d; --sunken: #121514; --line: #343b38;
  --strong: #8a928f; --accent: #84cfc4; --good: #80d3a0; --warn: #f0c069; --bad: #ff9d92; --plain: #a6aeab; } }
section { background: var(--ground); border: 1px solid var(--line); border-inline-start: 4px solid var(--tone); border-radius: 10px;
  padding: 14px 16px; overflow-wrap: anywhere; }
section[data-tone=good] { --tone: var(--good); } section[data-tone=warn] { --tone: var(--warn); }
section[data-tone=bad] { --tone: var(--bad); } section[data-tone=plain] { --tone: var(--plain); }
.state { display: flex; gap: 9px; align-items: baseline; }
.sign { color: var(--tone); font-weight: 700; }
h2 { font-size: 15px; margin: 0; color: var(--tone); }
p { margin: 4px 0 0; color: var(--soft); font-size: 14px; } p:empty { display: none; }
dl { display: grid; align-items: baseline; grid-template-columns: max-content 1fr; gap: 3px 14px; margin: 12px 0 0; font-size: 14px; }
dt { color: var(--soft); } dd { margin: 0; min-width: 0; }
[hidden] { display: none !important; }
code { font: 13px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.row { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 12px; }
button, a { font: inherit; font-size: 14px; color: var(--accent); background: none; border: 1px solid var(--strong); border-radius: 7px;
  padding: 5px 12px; min-height: 32px; box-sizing: border-box; cursor: pointer; text-decoration: none; }
button.small { padding: 0 8px; min-height: 24px; font-size: 13px; margin-inline-start: 6px; }
button.first { background: var(--accent); color: var(--ground); border-color: var(--accent); }
button:hover, a:hover { text-decoration: underline; }
button:focus-visible, a:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
button[aria-disabled=true] { opacity: .65; cursor: default; }
@media (max-width: 420px) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 6px; } }
@media (forced-colors: active) { section { border-inline-start-color: CanvasText; }
  button.first { forced-color-adjust: none; background: Highlight; color: HighlightText; border-color: Highlight; } }
`;

let sheet: CSSStyleSheet | undefined;

export function style(): CSSStyleSheet {
  if (sheet === undefined) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(TEXT);
  }
  return sheet;
}
