// A real browser against the echo server: its own WebSocket first, then the demo page as a person would use it.
//
//   node echo.mjs http://127.0.0.1:PORT/ [--screenshot FILE]
//
// CHROMIUM names the browser's program (/usr/bin/chromium). Exit status 0 only if every check passed.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const { values: options, positionals } = parseArgs({ options: { screenshot: { type: "string" } }, allowPositionals: true });
const [pageUrl] = positionals;
if (!pageUrl) {
  console.error("usage: node echo.mjs http://127.0.0.1:PORT/ [--screenshot FILE]");
  process.exit(2);
}
const wsUrl = pageUrl.replace(/^http/, "ws");
const SIZES = [0, 1, 125, 126, 65_535, 65_536, 1_048_576];
const STEP_MS = 15_000;

let passed = 0;
let failed = 0;
const problems = []; // what the page itself complained of

function equal(actual, expected, what = "value") {
  if (!isDeepStrictEqual(actual, expected)) {
    throw new Error(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
  }
}

async function check(name, body) {
  let timer;
  try {
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done within ${STEP_MS / 1000} s`)), STEP_MS);
    });
    await Promise.race([body(), late]);
    passed += 1;
    console.log(`ok    ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}\n      ${error.message.split("\n").slice(0, 12).join("\n      ")}`);
  } finally {
    clearTimeout(timer);
  }
}

// Runs in the page: what its checks share, as `window.test`.
function helpers() {
  const open = (url, protocols) => new Promise((resolve, reject) => {
    const socket = new WebSocket(url, protocols);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => resolve(socket);
    socket.onclose = (event) => reject(new Error(`closed before it was open: ${event.code} ${event.reason}`));
  });
  const message = (socket) => new Promise((resolve, reject) => {
    socket.onmessage = (event) => resolve(event.data);
    socket.onclose = (event) => reject(new Error(`closed instead of echoing: ${event.code} ${event.reason}`));
  });
  const closed = (socket) => new Promise((resolve) => {
    socket.onclose = ({ code, reason, wasClean }) => resolve({ code, reason, wasClean });
  });
  // `size` bytes of UTF-8 in characters of one to four bytes, or of ASCII; no two neighbours alike.
  const text = (size, multiByte) => {
    const alphabet = multiByte ? ["a", "ß", "水", "🦀", "\u0000", "\u07ff", "\uffff", "\u{10ffff}"] : ["a", "b", "c", "\u0000", "\u007f"];
    const widths = alphabet.map((c) => new TextEncoder().encode(c).length);
    const parts = [];
    for (let at = 0, left = size; left > 0; at += 1) {
      const next = at % alphabet.length;
      const fits = widths[next] <= left;
      parts.push(fits ? alphabet[next] : "z");
      left -= fits ? widths[next] : 1;
    }
    return parts.join("");
  };
  const bytes = (size) => {
    const data = new Uint8Array(size);
    for (let at = 0, state = size + 1; at < size; at += 1) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      data[at] = state >>> 24;
    }
    return data;
  };
  const differenceOf = (sent, received) => {
    if (typeof received === "string" || typeof sent === "string") {
      if (typeof received !== typeof sent) return `sent a ${typeof sent}, received a ${typeof received}`;
      if (received === sent) return null;
    }
    if (received.length !== sent.length) return `sent ${sent.length}, received ${received.length}`;
    for (let at = 0; at < sent.length; at += 1) if (sent[at] !== received[at]) return `differs at ${at}`;
    return null;
  };
  const echo = async (url, kind, size) => {
    const data = kind === "binary" ? bytes(size) : text(size, kind === "multi-byte text");
    const octets = kind === "binary" ? data.length : new TextEncoder().encode(data).length;
    if (octets !== size) return `the test made ${octets} bytes`;
    const socket = await open(url, []);
    const answer = message(socket);
    socket.send(data);
    const received = await answer;
    const difference = differenceOf(data, typeof received === "string" ? received : new Uint8Array(received));
    const end = closed(socket);
    socket.close(1000);
    await end;
    return difference;
  };
  window.test = { open, message, closed, echo };
}

async function ownWebSocket(page) {
  await check('the offer ["chat", "superchat"] gets chat', async () => {
    const protocol = await page.evaluate(async (url) => {
      const socket = await test.open(url, ["chat", "superchat"]);
      socket.close();
      return socket.protocol;
    }, wsUrl);
    equal(protocol, "chat", "protocol");
  });
  await check("the offer of an unknown name and echo gets echo", async () => {
    const protocol = await page.evaluate(async (url) => {
      const socket = await test.open(url, ["unknown.example", "echo"]);
      socket.close();
      return socket.protocol;
    }, wsUrl);
    equal(protocol, "echo", "protocol");
  });
  await check('no offer gets the protocol ""', async () => {
    const protocol = await page.evaluate(async (url) => {
      const socket = await test.open(url, []);
      socket.close();
      return socket.protocol;
    }, wsUrl);
    equal(protocol, "", "protocol");
  });

  for (const kind of ["text", "multi-byte text", "binary"]) {
    for (const size of SIZES) {
      await check(`${kind} of ${size} bytes comes back as it was`, async () => {
        equal(await page.evaluate(([url, ...what]) => test.echo(url, ...what), [wsUrl, kind, size]), null, "difference");
      });
    }
  }
  await check("64 messages sent at once come back in order", async () => {
    const answers = await page.evaluate(async (url) => {
      const socket = await test.open(url, []);
      const received = [];
      const all = new Promise((resolve, reject) => {
        socket.onmessage = ({ data }) => received.push(data) === 64 && resolve();
        socket.onclose = ({ code }) => reject(new Error(`closed with ${code} after ${received.length}`));
      });
      for (let n = 0; n < 64; n += 1) socket.send(`message ${n} ${"x".repeat(n * 37)}`);
      await all;
      socket.close();
      return received.map((data) => data.split(" ").slice(0, 2).join(" "));
    }, wsUrl);
    equal(answers, Array.from({ length: 64 }, (_, n) => `message ${n}`), "echoes");
  });

  // The server answers a Close with its status code, and without its reason.
  for (const [code, reason] of [[1000], [3000, "fertig – done"], [4999, "ä".repeat(61)]]) {
    await check(`close ${code}${reason ? ` with a reason of ${Buffer.byteLength(reason)} bytes` : ""} is answered`, async () => {
      const event = await page.evaluate(async ([url, ...close]) => {
        const socket = await test.open(url, []);
        const end = test.closed(socket);
        socket.close(...close);
        return end;
      }, reason ? [wsUrl, code, reason] : [wsUrl, code]);
      equal({ code: event.code, wasClean: event.wasClean }, { code, wasClean: true }, "CloseEvent");
    });
  }
  await check("a close without a code is answered without one", async () => {
    const event = await page.evaluate(async (url) => {
      const socket = await test.open(url, []);
      const end = test.closed(socket);
      socket.close();
      return end;
    }, wsUrl);
    equal(event, { code: 1005, reason: "", wasClean: true }, "CloseEvent");
  });
  await check("the server's own close brings its code and reason", async () => {
    const event = await page.evaluate(async (url) => test.closed(await test.open(url, [])), `${wsUrl}close?code=4001&reason=hej%20d%C3%A5`);
    equal(event, { code: 4001, reason: "hej då", wasClean: true }, "CloseEvent");
  });
}

// One log row as the page shows it.
const lastRow = (page, kind, direction) => page.locator(`#rows tr[data-kind="${kind}"][data-direction="${direction}"]`).last();
async function rowOf(page, kind, direction) {
  const row = lastRow(page, kind, direction);
  await row.waitFor({ timeout: 10_000 });
  const cells = await row.locator("td").allTextContents();
  return Object.fromEntries(["time", "direction", "kind", "size", "roundTrip", "content"].map((name, at) => [name, cells[at]]));
}
const expectState = (page, state) => page.waitForFunction((wanted) => document.getElementById("status").dataset.state === wanted, state, { timeout: 10_000 });
function matches(text, pattern, what) {
  if (!pattern.test(text)) throw new Error(`${what}: ${JSON.stringify(text)} does not match ${pattern}`);
}

async function demoPage(page, directory) {
  await check("page: the address defaults to the server it came from", async () => {
    equal(await page.inputValue("#url"), wsUrl, "address");
    equal(await page.isDisabled("#send-text"), true, "send is off while closed");
  });
  await check("page: connect logs the protocol and extensions", async () => {
    await page.selectOption("#protocols", "chat, superchat");
    await page.click("#connect");
    await expectState(page, "open");
    const row = await rowOf(page, "open", "local");
    matches(row.time, /^\d\d:\d\d:\d\d\.\d{3}$/, "time");
    matches(row.content, /^protocol chat, extensions \S/, "content");
  });
  await check("page: text is sent, echoed and timed", async () => {
    await page.fill("#text", "Grüße, 世界 🦀");
    await page.click("#send-text");
    const sent = await rowOf(page, "text", "out");
    const row = await rowOf(page, "text", "in");
    equal([sent.size, sent.content, sent.roundTrip], ["20", "Grüße, 世界 🦀", ""], "sent row");
    equal([row.size, row.content], ["20", "Grüße, 世界 🦀"], "echoed row");
    matches(row.roundTrip, /^\d+\.\d ms$/, "round trip");
  });
  await check("page: Enter sends too, and an empty text is a message", async () => {
    await page.fill("#text", "");
    await page.press("#text", "Enter");
    await page.waitForFunction(() => [...document.querySelectorAll('#rows tr[data-kind="text"][data-direction="in"]')].at(-1)?.querySelector(".size").textContent === "0");
    equal(await page.locator('#rows tr[data-kind="text"][data-direction="in"]').count(), 2, "echoes");
  });
  await check("page: a file is sent as binary, echoed and timed", async () => {
    const file = join(directory, "all-bytes.bin");
    await writeFile(file, Uint8Array.from({ length: 70_000 }, (_, at) => (at * 7) & 0xff));
    await page.setInputFiles("#file", file);
    await page.click("#send-file");
    const row = await rowOf(page, "binary", "in");
    equal(row.size, "70000", "size");
    matches(row.content, /^00 07 0e 15 ([0-9a-f]{2} ){20}…$/, "preview");
    matches(row.roundTrip, /^\d+\.\d ms$/, "round trip");
  });
  await check("page: a code that browsers refuse shows their exception", async () => {
    await page.fill("#close-code", "1001");
    await page.click("#close");
    const row = await rowOf(page, "error", "local");
    matches(row.content, /1001|3000/, "message");
    await expectState(page, "open");
  });
  if (options.screenshot) {
    // The picture is of a connected page with rows in its log.
    await page.setViewportSize({ width: 1100, height: 820 });
    await page.screenshot({ path: options.screenshot });
    console.log(`wrote ${options.screenshot}`);
  }
  await check("page: close 3000 with a reason ends cleanly", async () => {
    await page.fill("#close-code", "3000");
    await page.fill("#close-reason", "fertig – done");
    await page.click("#close");
    await expectState(page, "closed");
    equal((await rowOf(page, "close", "out")).content, "code 3000, reason fertig – done", "sent row");
    matches((await rowOf(page, "close", "in")).content, /^code 3000, reason .*, clean \(wasClean true\)$/, "received row");
  });
  await check("page: a connection that the server closes shows its code and reason", async () => {
    await page.fill("#url", `${wsUrl}close?code=4001&reason=hej%20d%C3%A5`);
    await page.click("#connect");
    await page.waitForFunction(() => [...document.querySelectorAll('#rows tr[data-kind="close"][data-direction="in"]')].at(-1)?.textContent.includes("4001"));
    matches((await rowOf(page, "close", "in")).content, /^code 4001, reason “hej då”, clean/, "received row");
    await expectState(page, "closed");
  });
  await check("page: disconnect closes without a code; clear empties the log", async () => {
    await page.fill("#url", wsUrl);
    await page.click("#connect");
    await expectState(page, "open");
    await page.click("#disconnect");
    await expectState(page, "closed");
    matches((await rowOf(page, "close", "in")).content, /^code 1005, reason none, clean/, "received row");
    await page.click("#clear");
    equal(await page.locator("#rows tr").count(), 0, "rows");
  });
  await check("page: nothing is wider than a phone", async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    const [content, view] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    if (content > view) throw new Error(`the page is ${content} px wide in ${view} px`);
  });
}

const directory = await mkdtemp(join(tmpdir(), "browser-test-"));
let context;
try {
  context = await chromium.launchPersistentContext(join(directory, "profile"), {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    timeout: 60_000,
  });
  const { version } = JSON.parse(await readFile(createRequire(import.meta.url).resolve("playwright-core/package.json"), "utf8"));
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(10_000);
  const requests = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (entry) => entry.type() === "error" && problems.push(entry.text()));
  page.on("request", (request) => requests.push(request.url()));

  const browserVersion = context.browser()?.version() ?? (await page.evaluate(() => navigator.userAgent.match(/Chrom\S+/)?.[0]));
  console.log(`browser ${browserVersion}, node ${process.version}, playwright-core ${version}`);

  await check("the server's page opens", async () => {
    const response = await page.goto(pageUrl);
    equal(response.status(), 200, "status");
    matches(response.headers()["content-type"] ?? "", /^text\/html/, "content type");
  });
  await check("any other path is a 404", async () => {
    equal((await context.request.get(`${pageUrl}nothing-here`)).status(), 404, "status");
  });
  await page.evaluate(helpers);
  await ownWebSocket(page);
  await demoPage(page, directory);
  await check("the page asked for nothing but itself and had no errors", async () => {
    equal(requests.filter((url) => /^https?:/.test(url)), [pageUrl], "requests");
    equal(problems, [], "errors");
  });
} catch (error) {
  failed += 1;
  console.log(`FAIL  ${error.stack}`);
} finally {
  await context?.close();
  await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
