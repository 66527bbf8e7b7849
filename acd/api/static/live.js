// The live page: one snapshot, then changes. Everything from outside becomes text, never markup.
"use strict";

const TOKEN = "acd-token";
const RECENT = 30; // calls shown at most
const QUEUES_EVERY_MS = 1000; // queue figures are asked for at most this often, after changes
const STATUS_EVERY_MS = 5000;
const RETRY_MS = 3000;

const byId = (id) => document.getElementById(id);
const state = { queues: [], agents: new Map(), nodes: new Map(), calls: new Map(), problems: {}, degraded: {} };
let stream = null;
let clockSkewMs = 0; // the server's clock minus ours
let changed = false;
let refreshedAt = 0;

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined && text !== null) made.textContent = String(text);
  return made;
}

const nowMs = () => Date.now() + clockSkewMs;

function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const pad = (part) => String(part).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const rest = `${pad(Math.floor(whole / 60) % 60)}:${pad(whole % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}

const sinceS = (moment) => (nowMs() - Date.parse(moment)) / 1000;

async function ask(path, method = "GET") {
  const headers = { Authorization: `Bearer ${sessionStorage.getItem(TOKEN) ?? ""}` };
  const answer = await fetch(path, { method, headers, cache: "no-store" });
  const body = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(body.detail ?? answer.statusText), { status: answer.status });
  return body;
}

// --- connection

async function connect() {
  close();
  try {
    await ask("/api/v1/session", "POST"); // the token becomes a short-lived cookie for the stream alone
  } catch (error) {
    if (error.status === 401 || error.status === 403) return signIn(error.message);
    return again();
  }
  byId("sign-in").hidden = true;
  byId("board").hidden = false;
  byId("forget").hidden = false;
  stream = new EventSource("/api/v1/events");
  stream.addEventListener("snapshot", (event) => { linked(true); takeSnapshot(JSON.parse(event.data)); });
  stream.addEventListener("delta", (event) => { linked(true); takeDelta(JSON.parse(event.data)); });
  stream.addEventListener("open", () => linked(true));
  stream.addEventListener("error", () => {
    linked(false);
    if (stream && stream.readyState === EventSource.CLOSED) again(); // refused: the cookie is over, or it is full
  });
}

function again() {
  close();
  linked(false);
  setTimeout(() => { if (stream === null && sessionStorage.getItem(TOKEN)) connect(); }, RETRY_MS);
}

function close() {
  if (stream) stream.close();
  stream = null;
}

function linked(on) {
  const pill = byId("link");
  pill.textContent = on ? "live" : "not connected";
  pill.className = on ? "pill on" : "pill off";
}

function signIn(refusal) {
  close();
  linked(false);
  sessionStorage.removeItem(TOKEN);
  byId("board").hidden = true;
  byId("forget").hidden = true;
  byId("refusal").textContent = refusal;
  byId("sign-in").hidden = false;
  byId("token").focus();
}

// --- what comes in

function takeSnapshot(data) {
  clockSkewMs = Date.parse(data.as_of) - Date.now();
  state.queues = data.queues;
  state.problems = data.problems;
  state.degraded = data.degraded;
  state.agents = new Map(data.agents.map((agent) => [agent.id, agent]));
  state.nodes = new Map(data.nodes.map((node) => [node.name, node]));
  const ended = [...state.calls.values()].filter((call) => call.state === "ended");
  state.calls = new Map([...ended, ...data.calls].map((call) => [call.id, call]));
  if (!ended.length) fetchEnded();
  render();
}

async function fetchEnded() {
  try {
    const page = await ask(`/api/v1/calls?state=ended&limit=${RECENT}`);
    for (const call of page.items) if (!state.calls.has(call.id)) state.calls.set(call.id, call);
    render();
  } catch (error) {
    console.warn("recent calls:", error.message);
  }
}

function takeDelta(delta) {
  if (delta.agent) state.agents.set(delta.agent.id, delta.agent);
  if (delta.node) state.nodes.set(delta.node.name, delta.node);
  if (delta.call) state.calls.set(delta.call.id, delta.call);
  const calls = newestFirst();
  for (const call of calls.slice(RECENT)) if (call.state === "ended") state.calls.delete(call.id);
  changed = true;
  render();
}

// Deltas carry agents, calls and nodes; figures of queues and problems are asked for.
async function refresh() {
  const wait = changed ? QUEUES_EVERY_MS : STATUS_EVERY_MS;
  if (!stream || stream.readyState !== EventSource.OPEN || Date.now() - refreshedAt < wait) return;
  const only = changed;
  refreshedAt = Date.now();
  changed = false;
  try {
    if (only) {
      state.queues = (await ask("/api/v1/queues")).items;
    } else {
      const { queues, problems, degraded } = await ask("/api/v1/status");
      Object.assign(state, { queues, problems, degraded });
    }
    render();
  } catch (error) {
    if (error.status === 401) signIn(error.message);
  }
}

// --- what is shown

let drawing = false;

function render() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => { drawing = false; draw(); });
}

function draw() {
  byId("clock").textContent = new Date(nowMs()).toLocaleTimeString();
  byId("problems").replaceChildren(...problems());
  byId("queues").replaceChildren(...state.queues.map(queueCard));
  const agents = [...state.agents.values()];
  byId("agents").replaceChildren(...agents.map(agentCard));
  byId("agents-count").textContent = `${agents.filter((agent) => agent.state !== "offline").length} of ${agents.length} here`;
  const calls = newestFirst().slice(0, RECENT).map(callRow);
  byId("calls").replaceChildren(...(calls.length ? calls : [element("li", "empty", "No calls yet.")]));
}

function problems() {
  const bad = Object.entries(state.problems).map(([name, text]) => element("li", "", `${name}: ${text}`));
  const mild = Object.entries(state.degraded).map(([name, text]) => element("li", "mild", `${name}: ${text}`));
  const named = new Set(Object.keys(state.problems));
  for (const node of state.nodes.values()) {
    if (!node.connected && !named.has(`asterisk.${node.name}`)) {
      bad.push(element("li", "", `asterisk.${node.name}: ${node.problem ?? "not connected"}`));
    }
  }
  return [...bad, ...mild];
}

function queueCard(queue) {
  const waits = queue.waiting > 0;
  const card = element("article", `queue${waits ? (queue.agents_online ? " waits" : " alone") : ""}`);
  const big = element("p", "big");
  big.append(element("b", "", queue.waiting), element("span", "quiet", waits ? `waiting, longest ${span(queue.longest_wait_s)}` : "waiting"));
  const figures = element("dl");
  const level = queue.today.service_level;
  const pairs = [
    ["Ready", `${queue.agents_ready} of ${queue.agents_online}`],
    ["Service level", level === null ? "–" : `${Math.round(level * 100)} %`],
    ["Offered", queue.today.offered],
    ["Answered", queue.today.answered],
    ["Abandoned", queue.today.abandoned],
  ];
  for (const [name, value] of pairs) {
    const pair = element("div");
    pair.append(element("dt", "", name), element("dd", "", value));
    figures.append(pair);
  }
  card.append(element("h3", "", queue.name), big, figures);
  return card;
}

const words = (name) => name.replaceAll("_", " ");

function agentCard(agent) {
  const card = element("li", agent.state);
  const reason = agent.reason ? ` (${agent.reason})` : "";
  card.append(
    element("span", "time", span(sinceS(agent.since))),
    element("span", "name", agent.name || agent.id),
    element("span", "state", words(agent.state) + reason),
  );
  return card;
}

function newestFirst() {
  const live = (call) => (call.state === "live" ? 1 : 0);
  return [...state.calls.values()].sort(
    (a, b) => live(b) - live(a) || Date.parse(b.entered_at) - Date.parse(a.entered_at),
  );
}

function callRow(call) {
  const ringing = call.offers.find((offer) => offer.result === null);
  const [phase, tone, seconds] = call.state === "ended"
    ? [words(call.outcome ?? "ended"), call.outcome === "answered" ? "ready" : "unreachable", call.talk_s ?? call.wait_s ?? 0]
    : call.talk_ended_at ? ["after the call", "wrap_up", sinceS(call.talk_ended_at)]
    : call.answered_at ? ["talking", "talking", sinceS(call.answered_at)]
    : [ringing ? "ringing" : "waiting", "offered", sinceS(call.queued_at ?? call.entered_at)];
  const row = element("li", tone);
  const who = state.agents.get(call.agent ?? ringing?.agent)?.name ?? call.agent ?? "";
  const number = element("span", "number", call.number || "no number");
  if (call.name) number.append(element("span", "name", call.name));
  row.append(
    element("span", "phase", phase),
    number,
    element("span", "", call.queue ?? ""),
    element("span", "", who),
    element("span", "time", span(seconds)),
  );
  return row;
}

// --- beginning

byId("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN, byId("token").value.trim());
  byId("token").value = "";
  connect();
});
byId("forget").addEventListener("click", () => signIn(""));
setInterval(() => { if (!byId("board").hidden) { render(); refresh(); } }, 1000);
if (sessionStorage.getItem(TOKEN)) connect(); else signIn("");
