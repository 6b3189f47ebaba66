// npm's `ws` as client of an echo server, and as a fuzzing server of one case.
//
//   node ws_peer.mjs client URL POLICY COUNT        exchanges messages; the last line says how it went, as JSON
//   node ws_peer.mjs server POLICY COUNT            prints its port first, ends after /updateReports

import { createRequire } from "node:module";
import { makePool, message, octets, same } from "./messages.mjs";

const require = createRequire(`${process.env.INTEROP_MODULES}/`);
const { WebSocket, WebSocketServer } = require("ws");
const { version } = require("ws/package.json");

const [role, ...args] = process.argv.slice(2);
const [policyText, countText] = args.slice(-2);
const [policy, count] = [JSON.parse(policyText), Number(countText)];
const perMessageDeflate = {
  serverMaxWindowBits: policy.server,
  clientMaxWindowBits: policy.client,
  serverNoContextTakeover: !policy.serverTakeover,
  clientNoContextTakeover: !policy.clientTakeover,
  threshold: 0,
};
const pool = makePool();

// Sends what comes back: 16 messages are on their way at a time, every eighth in fragments with a Ping after each.
function exchange(socket) {
  return new Promise((resolve, reject) => {
    const waiting = [];
    const report = { version, extensions: socket.extensions, echoed: 0, plain: 0, pings: 0, pongs: 0 };
    let next = 0;
    const send = () => {
      const data = message(next, pool);
      if (next % 8 < 7) {
        socket.send(data);
      } else {
        // Bytes also where it is text: the cuts are in the middle of characters.
        const bytes = Buffer.from(data);
        const part = Math.max(1, Math.ceil(bytes.length / 4));
        for (let at = 0; at < bytes.length || at === 0; at += part) {
          socket.send(bytes.subarray(at, at + part), { binary: typeof data !== "string", fin: at + part >= bytes.length });
          socket.ping(String(report.pings));
          report.pings += 1;
        }
      }
      report.plain += octets(data);
      waiting.push(data);
      next += 1;
    };
    socket.on("pong", (payload) => {
      if (String(payload) === String(report.pongs)) report.pongs += 1;
    });
    socket.on("message", (bytes, isBinary) => {
      if (!same(waiting.shift(), isBinary ? bytes : bytes.toString())) return reject(new Error(`message ${report.echoed} came back changed`));
      report.echoed += 1;
      if (next < count) send();
      else if (waiting.length === 0) socket.close(1000);
    });
    socket.on("error", reject);
    socket.on("close", (code) => (code === 1000 ? resolve(report) : reject(new Error(`closed with ${code} after ${report.echoed} messages`))));
    while (next < Math.min(16, count)) send();
  });
}

if (role === "client") {
  const socket = new WebSocket(args[0], { perMessageDeflate, maxPayload: 2 << 20 });
  await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
  console.log(JSON.stringify(await exchange(socket)));
} else {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate, maxPayload: 2 << 20 });
  server.on("listening", () => console.log(server.address().port));
  server.on("connection", async (socket, request) => {
    socket.on("error", (error) => console.error(error));
    if (request.url.startsWith("/runCase")) {
      console.log(JSON.stringify(await exchange(socket)));
    } else {
      if (request.url.startsWith("/getCaseCount")) socket.send("1");
      socket.close(1000);
      if (request.url.startsWith("/updateReports")) server.close();
    }
  });
}
