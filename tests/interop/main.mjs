// Runs every peer with every policy through the relay and prints what came of it. Called by `run`, which says where
// everything is:
//
//   node main.mjs [--quick] [PEER...]
//
// ECHO_SERVER, CLIENT, PYTHON, CHROMIUM are programs, INTEROP_MODULES has node_modules.

import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { relay } from "./relay.mjs";

const COUNT = 1000;
const RUN_MS = 90_000;
const here = dirname(fileURLToPath(import.meta.url));
const { ECHO_SERVER, CLIENT, PYTHON } = process.env;

// "asks": the client asks for the policy, and so it may in each direction. Elsewhere our server is told its policy, the
// same in both. "sends": whether it compresses what it sends.
const PEERS = {
  websockets: { command: [PYTHON, join(here, "websockets_peer.py"), "client"], asks: true, sends: true },
  ws: { command: ["node", join(here, "ws_peer.mjs"), "client"], asks: true, sends: true },
  undici: { command: ["node", join(here, "web_peer.mjs"), "undici"], asks: false, sends: false },
  node: {
    command: ["node", ...(typeof WebSocket === "undefined" ? ["--experimental-websocket", "--no-warnings"] : []), join(here, "web_peer.mjs"), "node"],
    asks: false,
    sends: false,
  },
  chromium: { command: ["node", join(here, "web_peer.mjs"), "chromium"], asks: false, sends: true },
  "websockets-server": { command: [PYTHON, join(here, "websockets_peer.py"), "server"], serves: true, asks: true, sends: true },
  "ws-server": { command: ["node", join(here, "ws_peer.mjs"), "server"], serves: true, asks: true, sends: true },
};

const policy = (server, client, serverTakeover, clientTakeover) => ({ server, client, serverTakeover, clientTakeover });
const BITS = [9, 10, 11, 12, 13, 14, 15];
function policiesOf(peer, quick) {
  if (quick) return peer.asks ? [policy(15, 15, true, true), policy(9, 11, false, true)] : [policy(15, 15, true, true), policy(9, 9, false, false)];
  if (!peer.asks) return BITS.flatMap((bits) => [policy(bits, bits, true, true), policy(bits, bits, false, false)]);
  return [
    ...BITS.flatMap((bits) => [policy(bits, 24 - bits, true, true), policy(bits, bits, false, false)]),
    ...[9, 15].flatMap((bits) => [policy(bits, bits, true, false), policy(bits, bits, false, true)]),
    policy(15, 15, true, true),
  ];
}

// Ended, whatever happens, by their own process ids.
const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));

function start([program, ...args]) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  const process = { child, lines: [], errors: "", status: undefined };
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    process.lines.push(...lines);
  });
  child.stderr.setEncoding("utf8").on("data", (text) => (process.errors = (process.errors + text).slice(-2000)));
  process.ended = new Promise((resolve) => {
    child.on("error", (error) => (process.errors += error.message));
    child.on("close", (code, signal) => {
      running.delete(child);
      process.status = code ?? signal ?? "no start";
      resolve();
    });
  });
  return process;
}

async function firstLine(process, what) {
  for (let round = 0; round < 200 && process.lines.length === 0 && process.status === undefined; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  if (process.lines.length === 0) throw new Error(`${what} does not say where it listens: ${process.errors}`);
  return process.lines[0];
}

async function toItsEnd(process, what) {
  const timer = setTimeout(() => process.child.kill("SIGKILL"), RUN_MS);
  await process.ended;
  clearTimeout(timer);
  if (process.status !== 0) throw new Error(`${what} ended with ${process.status}: ${process.errors.trim()}`);
}

function expect(condition, message) {
  if (!condition) throw new Error(message);
}

// Their client, our server.
async function againstOurServer(peer, wanted) {
  const flags = peer.asks ? [] : ["--deflate-window", String(wanted.server), ...(wanted.serverTakeover ? [] : ["--no-context-takeover"])];
  const server = start([ECHO_SERVER, "127.0.0.1:0", ...flags]);
  let between;
  try {
    const port = (await firstLine(server, "the echo server")).match(/:(\d+)$/)[1];
    between = await relay(Number(port));
    const url = `ws://127.0.0.1:${between.port}/echo`;
    const client = start([...peer.command, url, ...(peer.asks ? [JSON.stringify(wanted)] : []), String(COUNT)]);
    await toItsEnd(client, "the client");
    expect(server.status === undefined, `the echo server ended with ${server.status}`);
    expect(server.errors === "", `the echo server wrote: ${server.errors}`);
    return { report: JSON.parse(client.lines.at(-1)), seen: between.seen("/echo") };
  } finally {
    between?.close();
    server.child.kill();
    await server.ended;
  }
}

// Their server, our client: the report comes from the server, which ends after /updateReports.
async function againstOurClient(peer, wanted) {
  const server = start([...peer.command, JSON.stringify(wanted), String(COUNT)]);
  let between;
  try {
    between = await relay(Number(await firstLine(server, "the server")));
    const client = start([CLIENT, "--autobahn", `ws://127.0.0.1:${between.port}`, ...(wanted.clientTakeover ? ["--keep-context"] : [])]);
    await toItsEnd(client, "our client");
    expect(client.lines.at(-1).startsWith("1 cases: 1 closed cleanly"), `our client says: ${client.lines.at(-1)}`);
    between.close();
    await toItsEnd(server, "the server");
    return { report: JSON.parse(server.lines.at(-1)), seen: between.seen("/runCase") };
  } finally {
    between?.close();
    server.child.kill();
    await server.ended;
  }
}

// What has to hold, whoever it was. `theirs` and `ours` are what each side sent.
function judge(peer, wanted, report, { up, down, agreed }) {
  const [theirs, ours] = peer.serves ? [down, up] : [up, down];
  expect(agreed?.name === "permessage-deflate", `agreed on ${JSON.stringify(agreed)}`);
  for (const [key, value] of Object.entries(wanted)) expect(agreed[key] === value, `${key}: wanted ${value}, agreed on ${agreed[key]}`);
  expect(/permessage-?deflate/i.test(report.extensions), `the peer says that its extensions are "${report.extensions}"`);
  expect(report.echoed === COUNT, `${report.echoed} came back`);
  for (const [name, direction] of Object.entries({ theirs, ours })) expect(direction.messages === COUNT, `${name}: ${direction.messages} messages`);
  expect(ours.compressed === COUNT, `${ours.compressed} of ours were compressed`);
  expect(ours.bytes < report.plain * 0.7, `ours took ${ours.bytes} bytes for ${report.plain}`);
  if (peer.sends) {
    expect(theirs.compressed === COUNT, `${theirs.compressed} of theirs were compressed`);
    expect(theirs.bytes < report.plain * 0.7, `theirs took ${theirs.bytes} bytes for ${report.plain}`);
  }
  if (peer.asks) expect(theirs.fragments > 200 && theirs.pings > 200, `${theirs.fragments} fragments and ${theirs.pings} Pings of theirs`);
  expect(report.pings === theirs.pings && report.pongs === theirs.pings, `${theirs.pings} Pings sent, ${report.pongs} Pongs came back`);
}

const names = process.argv.slice(2).filter((arg) => arg !== "--quick");
const quick = process.argv.includes("--quick");
const chosen = names.length > 0 ? names : Object.keys(PEERS).filter((name) => !quick || name !== "chromium");
for (const name of chosen) {
  if (!(name in PEERS)) {
    console.error(`no peer ${name}; there are ${Object.keys(PEERS).join(", ")}`);
    process.exit(2);
  }
}

const percent = (bytes, plain) => `${((100 * bytes) / plain).toFixed(1)}%`;
const takeover = (wanted) => ["serverTakeover", "clientTakeover"].map((side) => (wanted[side] ? "on" : "off")).join("/");
const row = (...cells) => console.log(cells.map((cell, at) => String(cell).padEnd([17, 13, 6, 8, 11, 10, 14, 5][at] ?? 0)).join(" ").trimEnd());

console.log("windows and takeover: server/client; sent and wire: theirs/ours, wire as a part of the plain bytes\n");
row("peer", "version", "window", "takeover", "sent", "compressed", "wire", "s", "result");
let failed = 0;
let passed = 0;
for (const name of chosen) {
  const peer = PEERS[name];
  for (const wanted of policiesOf(peer, quick)) {
    const began = performance.now();
    const policyCells = [`${wanted.server}/${wanted.client}`, takeover(wanted)];
    const seconds = () => ((performance.now() - began) / 1000).toFixed(1);
    let report;
    let seen;
    try {
      ({ report, seen } = await (peer.serves ? againstOurClient : againstOurServer)(peer, wanted));
      judge(peer, wanted, report, seen);
      passed += 1;
    } catch (error) {
      failed += 1;
      if (seen === undefined) {
        row(name, "?", ...policyCells, "", "", "", seconds(), `FAIL  ${error.message}`);
        continue;
      }
      report.failure = error.message;
    }
    const [theirs, ours] = peer.serves ? [seen.down, seen.up] : [seen.up, seen.down];
    const both = (value) => `${value(theirs)}/${value(ours)}`;
    row(name, report.version, ...policyCells, both((side) => side.messages), both((side) => side.compressed), both((side) => percent(side.bytes, report.plain)),
      seconds(), report.failure ? `FAIL  ${report.failure}` : "ok");
  }
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
