// The dashboard's script, as the browser gets it. It shows data through text nodes only: an issue's title is written by
// strangers. Rows are kept by key and changed in place, so that a half-typed answer survives the next poll.

export const SCRIPT = String.raw`"use strict";
const POLL_MS = 2000;
const REFUSAL_SHOWN_MS = 15000;
const ISSUES_SHOWN_MAX = 50;
const STAGES = ["triage", "plan", "implement", "review", "hitl"];
const STAGE_TITLES = { triage: "Triage", plan: "Plan", implement: "Implement", review: "Review", hitl: "Waits for a person" };

const byId = (id) => document.getElementById(id);
const only = new URLSearchParams(location.search).get("repo");
const isShown = (slug) => only === null || slug === only;
let stopped = false;
let refusal = { text: "", untilMs: 0 };

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Keeps one child per item, in order, and builds or drops only what came or went. */
function reconcile(parent, items, keyOf, build) {
  const kept = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let next = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let node = kept.get(key);
    kept.delete(key);
    if (!node) {
      node = build(item);
      node.dataset.key = key;
    }
    if (node === next) next = next.nextElementSibling;
    else parent.insertBefore(node, next);
    node.update(item);
  }
  for (const node of kept.values()) node.remove();
}

async function call(method, path, body) {
  const init = { method, headers: { "x-hydraflow": "1" }, credentials: "same-origin", cache: "no-store" };
  if (body !== undefined) {
    init.headers["content-type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  const response = await fetch(path, init);
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const refusal = new Error(answer.detail || "the daemon answered with status " + response.status);
  refusal.status = response.status;
  throw refusal;
}

function say(text) {
  setText(byId("alert"), text);
  byId("alert").hidden = text === "";
}

function ago(iso) {
  const seconds = Math.max(0, (Date.now() - Date.parse(iso)) / 1000);
  if (Number.isNaN(seconds)) return "";
  if (seconds < 90) return Math.round(seconds) + " s ago";
  if (seconds < 5400) return Math.round(seconds / 60) + " min ago";
  if (seconds < 172800) return Math.round(seconds / 3600) + " h ago";
  return Math.round(seconds / 86400) + " days ago";
}

function exitText(exit) {
  if (!exit) return ["", ""];
  const how = exit.signal ? "signal " + exit.signal : exit.code === null ? "" : "code " + exit.code;
  return [exit.reason, [how, ago(exit.at)].filter(Boolean).join(", ")];
}

function buildRepo(entry) {
  const row = element("tr");
  const name = element("td", "name");
  const repo = element("span");
  const path = element("span", "quiet");
  name.append(repo, path);
  const stateCell = element("td");
  const state = element("span", "state");
  stateCell.append(state);
  const restarts = element("td", "number");
  const exit = element("td");
  const exitReason = element("span");
  const exitHow = element("span", "quiet");
  const said = element("details", "said");
  const saidTitle = element("summary", "", "Last lines");
  saidTitle.setAttribute("aria-label", "Last lines of " + entry.slug);
  const lines = element("pre");
  said.append(saidTitle, lines);
  exit.append(exitReason, exitHow, said);
  const notice = element("td");
  const actions = element("td", "actions");
  const buttons = {};
  for (const action of ["start", "stop", "restart"]) {
    const button = element("button", "", action[0].toUpperCase() + action.slice(1));
    button.type = "button";
    button.setAttribute("aria-label", button.textContent + " " + entry.slug);
    button.onclick = () => act(button, entry.slug, action);
    buttons[action] = button;
    actions.append(button);
  }
  row.append(name, stateCell, restarts, exit, notice, actions);
  row.update = (now) => {
    setText(repo, now.repo);
    setText(path, now.path);
    setText(state, now.draining ? "draining" : now.state);
    state.dataset.state = now.state;
    setText(restarts, String(now.restarts));
    const [reason, how] = exitText(now.last_exit);
    setText(exitReason, reason);
    setText(exitHow, how);
    setText(lines, now.last_exit ? now.last_exit.last_lines.join("\n") : "");
    said.hidden = lines.textContent === "";
    setText(notice, now.notice || "");
    const idle = now.state === "stopped" || now.state === "quarantined";
    buttons.start.disabled = !(idle || now.state === "backing-off");
    buttons.stop.disabled = now.state === "stopped" || now.state === "stopping";
    buttons.restart.disabled = now.state === "stopped" || now.state === "stopping";
  };
  return row;
}

async function act(button, slug, action) {
  button.disabled = true;
  try {
    await call("POST", "/api/repos/" + encodeURIComponent(slug) + "/" + action);
    await refresh();
  } catch (error) {
    refusal = { text: slug + ": " + error.message, untilMs: Date.now() + REFUSAL_SHOWN_MS };
    say(refusal.text);
    button.disabled = false;
  }
}

/** Makes a link only where the address is one: anything else stays text. */
function issueTitle(row) {
  const label = row.repo + " #" + numberOf(row);
  const isAddress = typeof row.url === "string" && /^https?:\/\//.test(row.url);
  const node = element(isAddress ? "a" : "span", "", label);
  if (isAddress) {
    node.href = row.url;
    node.rel = "noreferrer";
    node.target = "_blank";
  }
  return node;
}

const numberOf = (row) => row.issue ?? row.number;
const issueKey = (row) => row.repo + "#" + numberOf(row);

function buildStage(stage) {
  const node = element("div", "stage");
  const title = element("h3");
  const list = element("ul");
  const more = element("p", "quiet");
  node.append(title, list, more);
  node.update = ({ rows }) => {
    setText(title, STAGE_TITLES[stage.stage] + " (" + rows.length + ")");
    reconcile(list, rows.slice(0, ISSUES_SHOWN_MAX), issueKey, buildIssue);
    const hidden = rows.length - ISSUES_SHOWN_MAX;
    more.hidden = hidden <= 0;
    setText(more, "and " + hidden + " more");
  };
  return node;
}

function buildIssue(row) {
  const node = element("li");
  const text = element("div");
  const state = element("div", "quiet");
  node.append(issueTitle(row), text, state);
  node.update = (now) => {
    setText(text, String(now.title ?? ""));
    setText(state, String(now.status ?? now.state ?? ""));
  };
  return node;
}

function buildQuestion(row) {
  const node = element("article", "question");
  const head = element("h3");
  const title = element("span");
  head.append(issueTitle(row), " ", title);
  const cause = element("p", "quiet");
  const text = element("p", "text");
  const box = element("textarea");
  box.setAttribute("aria-label", "Answer for " + issueKey(row));
  box.placeholder = "Your answer, or the reason to skip or close";
  const result = element("span", "result");
  const buttons = element("div", "row");
  for (const [label, action, field] of [["Answer", "correct", "text"], ["Skip", "skip", "reason"], ["Close issue", "close", "reason"]]) {
    const button = element("button", action === "correct" ? "main" : "", label);
    button.type = "button";
    button.onclick = () => answer({ row, action, field, box, result, buttons });
    buttons.append(button);
  }
  buttons.append(result);
  node.append(head, cause, text, box, buttons);
  node.update = (now) => {
    setText(title, String(now.title ?? ""));
    setText(cause, [now.cause, now.askedAt && "asked " + ago(now.askedAt)].filter(Boolean).join(", "));
    setText(text, String(now.question ?? ""));
  };
  return node;
}

async function answer({ row, action, field, box, result, buttons }) {
  const text = box.value.trim();
  if (text === "") {
    setText(result, "Write an answer or a reason first.");
    box.focus();
    return;
  }
  for (const button of buttons.querySelectorAll("button")) button.disabled = true;
  try {
    const path = "/api/repos/" + encodeURIComponent(row.repo) + "/worker/hitl/" + encodeURIComponent(numberOf(row)) + "/" + action;
    await call("POST", path, { [field]: text });
    box.value = "";
    setText(result, "");
    await refresh();
  } catch (error) {
    setText(result, error.message);
  }
  for (const button of buttons.querySelectorAll("button")) button.disabled = false;
}

function showRepos(ping, repos) {
  setText(byId("daemon"), "version " + ping.version + ", up " + ago(new Date(Date.now() - ping.uptime_s * 1000)).replace(" ago", "") + (ping.ready ? "" : ", not ready"));
  reconcile(byId("repos"), repos.filter((entry) => isShown(entry.slug)), (entry) => entry.slug, buildRepo);
  byId("repos-empty").hidden = repos.length > 0;
  setText(byId("repos-count"), String(byId("repos").childElementCount));
}

function showWork(pipeline, hitl) {
  const issues = pipeline.items.filter((row) => isShown(row.repo));
  const stages = STAGES.map((stage) => ({ stage, rows: issues.filter((row) => row.stage === stage) }));
  reconcile(byId("pipeline"), stages, ({ stage }) => stage, buildStage);
  setText(byId("pipeline-count"), String(issues.length));
  const questions = hitl.items.filter((row) => isShown(row.repo));
  reconcile(byId("questions"), questions, issueKey, buildQuestion);
  byId("questions-empty").hidden = questions.length > 0;
  setText(byId("questions-count"), String(questions.length));
}

/** A stopped worker is silent because somebody wanted it so; its state stands in the table. */
function showTrouble(ping, repos, errors) {
  const running = new Set(repos.filter((entry) => entry.running && isShown(entry.slug)).map((entry) => entry.slug));
  const silent = errors.filter((error) => running.has(error.repo)).map((error) => error.repo + ": " + error.message);
  const refused = Date.now() < refusal.untilMs ? [refusal.text] : [];
  const drain = ping.draining ? ["No new issue is taken: the daemon drains. hydraflow drain --cancel takes it back"] : [];
  say([...refused, ...drain, ...ping.problems, ...new Set(silent)].join("; "));
}

async function refresh() {
  try {
    // A slow worker delays what comes from the workers, and not what the daemon knows by itself.
    const work = Promise.all([call("GET", "/api/pipeline"), call("GET", "/api/hitl")]);
    work.catch(() => undefined);
    const [ping, { repos }] = await Promise.all([call("GET", "/api/ping"), call("GET", "/api/repos")]);
    showRepos(ping, repos);
    const [pipeline, hitl] = await work;
    showWork(pipeline, hitl);
    showTrouble(ping, repos, [...pipeline.errors, ...hitl.errors]);
    setText(byId("freshness"), "as of " + new Date().toLocaleTimeString());
  } catch (error) {
    stopped = error.status === 401;
    say(stopped ? "Your session has ended. Ask for a new link to log in: hydraflow open" : "The daemon does not answer; trying again. " + error.message);
  }
}

async function poll() {
  if (!document.hidden) await refresh();
  if (!stopped) setTimeout(poll, POLL_MS);
}

setText(byId("only-name"), only ?? "");
byId("only").hidden = only === null;
void poll();
`;
