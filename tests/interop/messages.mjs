// The messages that go each way. What is in here is given to Chromium as source, so each function stands by itself.

// Message number `n`, always the same: ASCII and multi-byte text, bytes that repeat and bytes that do not, of 0 to
// 65,536 bytes, four of 1 MiB. `pool` is what they are made of.
export function message(n, pool) {
  let state = Math.imul(n + 1, 2_654_435_761) >>> 0;
  const random = (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  for (let round = 0; round < 4; round += 1) random(1);
  const kind = n % 4;
  const edges = [0, 1, 2, 125, 126, 127, 65_535, 65_536];
  let size = n < 4 * edges.length ? edges[n >> 2] : Math.floor(2 ** random(17) * (1 - random(1000) / 2000));
  if ([250, 501, 752, 999].includes(n)) size = 1 << 20;
  const bytes = new Uint8Array(size);
  if (kind < 2) {
    let at = 0;
    while (at < size) {
      const word = pool.words[kind][random(pool.words[kind].length)];
      if (word.length > size - at) break;
      bytes.set(word, at);
      at += word.length;
    }
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.fill(0x7a, at));
  }
  for (let at = 0; at < size; ) {
    // Pieces that came before, at every distance up to and beyond the largest window; or nothing that ever came.
    const length = kind === 2 ? Math.min(size - at, 16 + random(512)) : 1;
    const from = random(pool.bytes.length - length);
    if (kind === 2) bytes.set(pool.bytes.subarray(from, from + length), at);
    else bytes[at] = random(256);
    at += length;
  }
  return bytes;
}

export function makePool() {
  // No text begins with U+FEFF, which undici takes away.
  let state = 1;
  const bytes = Uint8Array.from({ length: 40_000 }, () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 24);
  const words = ["the quick brown fox jumps over a lazy dog and 0123456789 times \u0000\u007f\n", "naïve Größe 水 данные 🦀 \u07ff \uffff \u{10ffff} ελληνικά x\ufeff"]
    .map((line) => line.split(" ").map((word) => new TextEncoder().encode(`${word} `)));
  return { bytes, words };
}

export const octets = (data) => (typeof data === "string" ? new TextEncoder().encode(data).length : data.length);

export function same(sent, received) {
  if (typeof sent === "string" || typeof received === "string") return sent === received;
  return sent.length === received.length && sent.every((byte, at) => byte === received[at]);
}
