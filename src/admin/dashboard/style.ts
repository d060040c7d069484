// The dashboard's style sheet. Two palettes, by what the browser prefers; every state is a word too, never colour
// alone.

export const STYLE = `
:root {
  --page: #f6f7f9; --panel: #ffffff; --line: #d9dde3; --text: #1b2028; --quiet: #5b6472;
  --accent: #1f5fbf; --good: #1a7f37; --warn: #9a5b00; --bad: #b42318; --bad-soft: #fdecea;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171c; --panel: #1c2026; --line: #333a44; --text: #e6e9ee; --quiet: #9aa4b2;
    --accent: #79b0ff; --good: #5ac77a; --warn: #e3a84a; --bad: #ff8a7d; --bad-soft: #3a1f1d;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; gap: 4px 20px; align-items: baseline; padding: 14px 24px; background: var(--panel); border-bottom: 1px solid var(--line); }
header p { margin: 0; }
#freshness { margin-left: auto; }
main { max-width: 1280px; margin: 0 auto; padding: 8px 24px 48px; }
h1 { margin: 0; font-size: 20px; }
h2 { margin: 28px 0 10px; font-size: 16px; }
[hidden] { display: none !important; }
.quiet { color: var(--quiet); }
.count { color: var(--quiet); font-weight: 400; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.alert { margin: 16px 0 0; padding: 10px 14px; border: 1px solid var(--bad); border-radius: 6px; background: var(--bad-soft); color: var(--text); overflow-wrap: anywhere; }
.scroll { overflow-x: auto; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; }
.scroll:has(tbody:empty) { display: none; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 9px 14px; text-align: left; vertical-align: top; }
th { color: var(--quiet); font-weight: 500; font-size: 13px; white-space: nowrap; }
tbody tr { border-top: 1px solid var(--line); }
td { overflow-wrap: anywhere; }
td.name { min-width: 180px; }
td.actions { white-space: nowrap; text-align: right; }
td .quiet { display: block; font-size: 13px; }
.said summary { color: var(--accent); font-size: 13px; cursor: pointer; }
.said pre { margin: 4px 0 0; font-size: 12px; white-space: pre-wrap; }
.state { white-space: nowrap; }
.state::before { content: "\\25CF"; margin-right: 6px; color: var(--quiet); }
.state[data-state="running"]::before { color: var(--good); }
.state[data-state="starting"]::before, .state[data-state="stopping"]::before, .state[data-state="backing-off"]::before { color: var(--warn); }
.state[data-state="quarantined"]::before { color: var(--bad); }
button { font: inherit; font-size: 13px; padding: 3px 10px; margin-left: 6px; color: var(--text); background: var(--panel); border: 1px solid var(--line); border-radius: 6px; cursor: pointer; }
button:hover:enabled { border-color: var(--accent); color: var(--accent); }
button:disabled { opacity: .4; cursor: default; }
button.main { color: var(--panel); background: var(--accent); border-color: var(--accent); margin-left: 0; }
button.main:hover:enabled { color: var(--panel); filter: brightness(1.1); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
.stages { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 12px; align-items: start; }
.stage { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 10px 12px; min-width: 0; }
.stage h3 { margin: 0 0 4px; font-size: 14px; }
.stage ul { list-style: none; margin: 0; padding: 0; max-height: 60vh; overflow-y: auto; }
.stage li { padding: 8px 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
.stage li .quiet { font-size: 13px; }
.question { background: var(--panel); border: 1px solid var(--line); border-left: 4px solid var(--warn); border-radius: 8px; padding: 12px 16px; margin-bottom: 12px; }
.question h3 { margin: 0; font-size: 15px; overflow-wrap: anywhere; }
.question > .quiet { margin: 0; }
.question .text { white-space: pre-wrap; overflow-wrap: anywhere; margin: 8px 0; max-height: 320px; overflow-y: auto; }
.question textarea { width: 100%; min-height: 64px; padding: 8px 10px; font: inherit; color: var(--text); background: var(--page); border: 1px solid var(--line); border-radius: 6px; resize: vertical; }
.question .row { display: flex; flex-wrap: wrap; gap: 6px; align-items: baseline; margin-top: 8px; }
.question .row button { margin-left: 0; }
.question .result { margin-left: 8px; color: var(--bad); font-size: 13px; }
a { color: var(--accent); }
pre { padding: 12px 14px; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; overflow-x: auto; }
code { font-family: ui-monospace, monospace; font-size: 13px; }
`;
