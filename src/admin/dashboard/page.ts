// The dashboard's page and the page for those who are not logged in. Everything stands in the page itself: no build
// step, nothing from elsewhere. The policy admits exactly this style and this script, by their hashes.

import { createHash } from "node:crypto";

import { SCRIPT } from "./script.ts";
import { STYLE } from "./style.ts";

export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>HydraFlow</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<header>
  <h1>HydraFlow</h1>
  <p id="daemon" class="quiet"></p>
  <p id="freshness" class="quiet" role="status"></p>
</header>
<main>
  <p id="only" class="quiet" hidden>Only <strong id="only-name"></strong>. <a href="/">Show all repositories</a></p>
  <p id="alert" class="alert" role="alert" hidden></p>
  <section aria-labelledby="questions-title" id="questions-section">
    <h2 id="questions-title">Open questions <span id="questions-count" class="count"></span></h2>
    <div id="questions"></div>
    <p id="questions-empty" class="quiet">No question waits for an answer.</p>
  </section>
  <section aria-labelledby="repos-title">
    <h2 id="repos-title">Repositories <span id="repos-count" class="count"></span></h2>
    <div class="scroll">
      <table>
        <thead><tr><th>Repository</th><th>State</th><th class="number">Restarts</th><th>Last exit</th><th>Notice</th><th><span class="unseen">Actions</span></th></tr></thead>
        <tbody id="repos"></tbody>
      </table>
    </div>
    <p id="repos-empty" class="quiet">No repository yet. Add one: <code>hydraflow add PATH</code></p>
  </section>
  <section aria-labelledby="pipeline-title">
    <h2 id="pipeline-title">Pipeline <span id="pipeline-count" class="count"></span></h2>
    <div id="pipeline" class="stages"></div>
  </section>
</main>
<script>${SCRIPT}</script>
</body>
</html>
`;

export const PAGE_POLICY = policyOf([STYLE], [SCRIPT]);

/** The page for a visitor without a session; it says how to get one and nothing about this machine. */
export function loginPage(port: number): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>HydraFlow: log in</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<header><h1>HydraFlow</h1></header>
<main>
  <h2>You are not logged in</h2>
  <p>Ask the daemon for a one-time link, then open it in this browser within a minute:</p>
  <pre>hydraflow open</pre>
  <p>or, without the command line tool:</p>
  <pre>curl -X POST http://127.0.0.1:${port}/api/login-codes \\
  -H "Authorization: Bearer $(cat ~/.hydraflow/token)"</pre>
  <p class="quiet">The token stands in the file <code>token</code> of the daemon's state directory; where that is not
  <code>~/.hydraflow</code>, change the path. A link works once. A session ends when this page was closed for eight
  hours, or when the daemon restarts.</p>
</main>
</body>
</html>
`;
}

export const LOGIN_PAGE_POLICY = policyOf([STYLE], []);

function policyOf(styles: readonly string[], scripts: readonly string[]): string {
  return [
    "default-src 'none'",
    `style-src ${hashesOf(styles)}`,
    `script-src ${hashesOf(scripts)}`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

function hashesOf(texts: readonly string[]): string {
  if (texts.length === 0) return "'none'";
  return texts.map((text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`).join(" ");
}
