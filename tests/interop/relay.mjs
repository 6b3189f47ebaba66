// Stands between a client and a server on loopback, passes every byte on and reads along: what was agreed on, how many
// messages went each way, how many of them compressed, in how many bytes.

import { connect, createServer } from "node:net";

// One direction of a connection.
class Direction {
  head = "";
  messages = 0;
  compressed = 0;
  fragments = 0; // frames that continue a message
  pings = 0;
  pongs = 0;
  bytes = 0; // of data frames, their headers included
  #header = Buffer.alloc(0);
  #payload = 0;

  read(bytes) {
    if (!this.head.includes("\r\n\r\n")) {
      const text = this.head + bytes.toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      const had = this.head.length;
      this.head = end < 0 ? text : text.slice(0, end + 4);
      if (end < 0) return;
      bytes = bytes.subarray(end + 4 - had);
    }
    while (bytes.length > 0) {
      const skipped = Math.min(bytes.length, this.#payload);
      this.#payload -= skipped;
      bytes = bytes.subarray(skipped);
      if (bytes.length === 0) return;
      this.#header = Buffer.concat([this.#header, bytes.subarray(0, 1)]);
      bytes = bytes.subarray(1);
      this.#frame(this.#header);
    }
  }

  #frame(header) {
    if (header.length < 2) return;
    const [first, second] = header;
    const short = second & 0x7f;
    const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
    if (header.length < 2 + extended + (second & 0x80 ? 4 : 0)) return;
    this.#payload = extended === 0 ? short : extended === 2 ? header.readUInt16BE(2) : Number(header.readBigUInt64BE(2));
    const opcode = first & 0x0f;
    if (opcode < 8) this.bytes += header.length + this.#payload;
    if (opcode === 0) this.fragments += 1;
    if (opcode === 1 || opcode === 2) this.messages += 1;
    if ((opcode === 1 || opcode === 2) && first & 0x40) this.compressed += 1;
    if (opcode === 9) this.pings += 1;
    if (opcode === 10) this.pongs += 1;
    this.#header = Buffer.alloc(0);
  }
}

// The parameters of permessage-deflate in a response, with what is meant where nothing is said; null if it was declined.
function agreement(head) {
  const field = head.match(/^sec-websocket-extensions: *(.*?) *\r$/im)?.[1];
  if (field === undefined) return null;
  const [name, ...params] = field.split(";").map((part) => part.trim());
  const value = (wanted) => params.map((param) => param.split("=")).find(([param]) => param === wanted)?.[1]?.replaceAll('"', "");
  return {
    name,
    server: Number(value("server_max_window_bits") ?? 15),
    client: Number(value("client_max_window_bits") ?? 15),
    serverTakeover: !params.includes("server_no_context_takeover"),
    clientTakeover: !params.includes("client_no_context_takeover"),
  };
}

// A relay to a port: its own port, what went through the one connection whose target begins so, and its end.
export async function relay(port) {
  const connections = [];
  const sockets = new Set();
  const server = createServer((client) => {
    const [up, down] = [new Direction(), new Direction()];
    connections.push({ up, down });
    const upstream = connect(port, "127.0.0.1");
    for (const [from, to, direction] of [[client, upstream, up], [upstream, client, down]]) {
      from.setNoDelay(true);
      sockets.add(from);
      from.on("data", (bytes) => direction.read(bytes));
      from.on("error", () => to.destroy());
      from.on("close", () => sockets.delete(from));
      from.pipe(to);
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: server.address().port,
    seen(target) {
      const found = connections.filter(({ up }) => up.head.startsWith(`GET ${target}`));
      if (found.length !== 1) throw new Error(`${found.length} connections to ${target}`);
      return { ...found[0], agreed: agreement(found[0].down.head) };
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
