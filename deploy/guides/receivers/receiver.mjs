// A receiver to start from, for a LAS: Node's own http, the official Standard Webhooks library, a file of state.
//
// It takes signed messages, keeps the newest state of each unit, reports what it did, and finds what it missed.
// OSR_API (the hub, with /v1), OSR_TOKEN or OSR_TOKEN_URL and OSR_CLIENT ("id:secret", for client credentials),
// OSR_SECRETS (a file, one whsec_… per line: two while a secret is replaced), OSR_STATE (the file), OSR_PORT.

import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const { OSR_API, OSR_CLIENT, OSR_ORIGIN = "*", OSR_PORT = "8000", OSR_SECRETS, OSR_TOKEN_URL } = process.env;
const file = process.env.OSR_STATE ?? "receiver.json";
const state = existsSync(file) ? JSON.parse(readFileSync(file)) : { messages: {}, lanes: {}, units: {}, due: {} };
const token = { value: process.env.OSR_TOKEN ?? "", until: 0 };
const KINDS = ["granted", "amended", "started", "withdrawn", "expired"];
let isBehind = true; // at the start: nobody knows how long this process was away

/** Write the state, whole or not at all. With many schools a database takes the place of this. */
function save() {
  writeFileSync(`${file}.new`, JSON.stringify(state), { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
}

/** Take a message once; a repeat changes nothing, of an unknown type only the id is kept. */
function take(event) {
  if (event.id in state.messages) return;
  state.messages[event.id] = new Date().toISOString();
  const kind = event.type.replace(/^nl\.osr\.mandate\.(\w+)\.v1$/, "$1");
  if (KINDS.includes(kind) && event.data.serviceCode === "VVA") {
    const lane = `${event.ledgerepoch} ${event.partitionkey}`;
    const complete = state.lanes[lane] ?? 0; // up to which number nothing about the school is missing
    if (Number(event.previoussequence ?? 0) > complete) isBehind = true;
    else state.lanes[lane] = Math.max(complete, Number(event.sequence));
    const unit = `${event.data.mandateId} ${event.branch ?? ""}`;
    const isOver = ["withdrawn", "expired"].includes(kind);
    if (event.data.mandateVersion > (state.units[unit]?.version ?? 0)) { // an older version never replaces a newer one
      state.units[unit] = { version: event.data.mandateVersion, isOver, data: event.data };
    }
    if (["granted", "amended"].includes(kind)) state.due[event.id] = state.messages[event.id];
  }
  try {
    save();
  } catch (error) {
    delete state.messages[event.id]; // not stored is not taken: the hub comes again
    throw error;
  }
}

/** Call the hub, with a token that is renewed a minute before it ends; throw for an answer that is none of 2xx. */
async function call(method, path, body) {
  if (OSR_TOKEN_URL && Date.now() > token.until - 60_000) {
    const headers = { authorization: `Basic ${btoa(OSR_CLIENT)}` };
    const form = new URLSearchParams({ grant_type: "client_credentials" });
    const got = await (await fetch(OSR_TOKEN_URL, { method: "POST", headers, body: form })).json();
    Object.assign(token, { value: got.access_token, until: Date.now() + (got.expires_in ?? 300) * 1000 });
  }
  const headers = { authorization: `Bearer ${token.value}`, "content-type": "application/json" };
  const options = { method, headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(30_000) };
  const answer = await fetch(OSR_API + path, options);
  if (!answer.ok) throw Object.assign(new Error(`${method} ${path}: ${answer.status}`), { status: answer.status });
  return answer.json();
}

/** Yield all items of a list. */
async function* pages(path, query = {}) {
  for (let cursor = ""; cursor !== null; ) {
    const page = await call("GET", `${path}?${new URLSearchParams(cursor ? { ...query, cursor } : query)}`);
    yield* page.items;
    cursor = page.next;
  }
}

/** Fetch what lanes have beyond what is here; then say what is held here, and take over exactly what differs. */
async function compare() {
  for await (const { destination } of pages("/subscriptions")) {
    for await (const { brin } of pages("/lanes", { destination })) {
      const lanes = Object.keys(state.lanes).filter((lane) => lane.endsWith(` ${brin}`));
      const afterSequence = state.lanes[lanes.sort((a, b) => parseInt(b) - parseInt(a))[0]] ?? 0;
      for await (const one of pages("/deliveries", { destination, brin, afterSequence })) {
        if (!["cancelled", "held"].includes(one.status)) take((await call("GET", `/deliveries/${one.id}`)).message);
      }
    }
  }
  const units = Object.entries(state.units).filter(([, unit]) => !unit.isOver).map(([key, { version }]) => {
    const [mandateId, branch] = key.split(" ");
    return { mandateId, branch: branch || null, mandateVersion: version };
  });
  const found = await call("POST", "/reconciliation", { serviceCode: "VVA", units });
  for (const message of [...found.missing, ...found.outdated]) take(message);
  for (const unit of found.unknown) delete state.units[`${unit.mandateId} ${unit.branch ?? ""}`];
  save();
}

/** Report `activated`; a LAS does its own work first, and waits for the school where it has a step to do. */
async function report() {
  for (const [delivery, reportedAt] of Object.entries(state.due)) {
    try {
      await call("POST", `/deliveries/${delivery}/reports`, { status: "activated", reportedAt });
    } catch (error) {
      if (error.status !== 404) throw error; // 404: the hub has no such delivery, and never will
    }
    delete state.due[delivery];
    save();
  }
}

/** Compare at the start and at a gap; report what came. */
async function work() {
  try {
    if (isBehind) {
      isBehind = false;
      await compare();
    }
    await report();
  } catch (error) {
    isBehind = true;
    console.log(`not done, tried again soon: ${error}`);
  }
  setTimeout(work, 1000);
}

/** Verify the bytes as they came, store, answer; the work comes afterwards. */
function receive(request, body) {
  const secrets = readFileSync(OSR_SECRETS, "utf8").split(/\s+/).filter(Boolean);
  for (const secret of secrets) {
    const event = attempt(() => new Webhook(secret).verify(body, request.headers));
    if (event) return take(event) ?? 204;
  }
  return 401;
}

const attempt = (step) => { try { return step(); } catch { return null; } };


createServer(async (request, response) => {
  if (request.method === "OPTIONS") {
    const rate = request.headers["webhook-request-rate"] ?? "*";
    return response.writeHead(200, { "WebHook-Allowed-Origin": OSR_ORIGIN, "WebHook-Allowed-Rate": rate }).end();
  }
  try {
    const parts = [];
    for await (const part of request) parts.push(part);
    response.writeHead(request.method === "POST" ? receive(request, Buffer.concat(parts)) : 405).end();
  } catch (error) {
    console.log(`not taken, the hub comes again: ${error}`);
    response.writeHead(500).end();
  }
}).listen(Number(OSR_PORT), "127.0.0.1", () => console.log(`listening on ${OSR_PORT}`));
work();
