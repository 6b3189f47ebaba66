// A WebSocket of browsers' interface against an echo server: undici's, node's own, Chromium's.
//
//   node web_peer.mjs undici|node|chromium URL COUNT        the last line says how it went, as JSON

import { createRequire } from "node:module";
import { makePool, message, octets, same } from "./messages.mjs";

const require = createRequire(`${process.env.INTEROP_MODULES}/`);
const [peer, url, countText] = process.argv.slice(2);
const count = Number(countText);

// Sends what comes back, 16 messages on their way at a time. Stands by itself, for it runs in the browser as well.
function exchange(url, count, { makePool, message, octets, same }, WebSocket) {
  return new Promise((resolve, reject) => {
    const pool = makePool();
    const waiting = [];
    const report = { extensions: "", echoed: 0, plain: 0, pings: 0, pongs: 0 };
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    let next = 0;
    const send = () => {
      const data = message(next, pool);
      socket.send(data);
      report.plain += octets(data);
      waiting.push(data);
      next += 1;
    };
    socket.onopen = () => {
      report.extensions = socket.extensions;
      while (next < Math.min(16, count)) send();
    };
    socket.onmessage = ({ data }) => {
      if (!same(waiting.shift(), typeof data === "string" ? data : new Uint8Array(data))) return reject(new Error(`message ${report.echoed} came back changed`));
      report.echoed += 1;
      if (next < count) send();
      else if (waiting.length === 0) socket.close(1000);
    };
    socket.onclose = ({ code }) => (code === 1000 ? resolve(report) : reject(new Error(`closed with ${code} after ${report.echoed} messages`)));
  });
}

async function inChromium() {
  const { chromium } = require("playwright-core");
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  try {
    const page = await browser.newPage();
    await page.goto(new URL("/", url.replace(/^ws/, "http")).href);
    const helpers = `{ makePool: ${makePool}, message: ${message}, octets: ${octets}, same: ${same} }`;
    return { version: browser.version(), ...(await page.evaluate(`(${exchange})(${JSON.stringify(url)}, ${count}, ${helpers}, WebSocket)`)) };
  } finally {
    await browser.close();
  }
}

const helpers = { makePool, message, octets, same };
let report;
if (peer === "chromium") report = await inChromium();
else if (peer === "node") report = { version: process.versions.node, ...(await exchange(url, count, helpers, globalThis.WebSocket)) };
else report = { version: require("undici/package.json").version, ...(await exchange(url, count, helpers, require("undici").WebSocket)) };
console.log(JSON.stringify(report));
process.exit(0);
