#!/usr/bin/env python3
"""Writes rfc7692.txt: compressed messages that another implementation, zlib in C, has made.

    python3 tests/vectors/rfc7692.py > tests/vectors/rfc7692.txt

The plain text is not in the file: `plain` here and in tests/rfc7692/vectors.rs make the same from a seed. Nothing is left
to chance, but another release of zlib may compress otherwise, so the file is kept as it was made.

A line that begins with "stream" says its window and whether there is context takeover. Below it every line is a message: its kind,
the seeds and lengths of its plain text, and its frames in hex, separated by "|".
"""

import zlib

TAIL = b"\x00\x00\xff\xff"
WORDS = [
    "{\"id\":",
    "1024",
    "},",
    "true",
    "\"price\":17.25,\"currency\":\"\u20ac\",\"shop\":\"caf\u00e9\",\"available\":",
    "the quick brown fox jumps over the lazy dog, and then it does it again, ",
    "\"comment\":\"a face \U0001f600 needs four bytes, and so it may be cut in three places\"",
    "https://www.rfc-editor.org/rfc/rfc7692#section-7.2.3.4",
]


class Random:
    """SplitMix64."""

    def __init__(self, seed):
        self.state = seed

    def below(self, bound):
        mask = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        mixed = ((self.state ^ (self.state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & mask
        return (mixed ^ (mixed >> 31)) % bound


def plain(kind, seed, length):
    """At most `length` bytes: words for "text", what does not get shorter for "binary"."""
    random = Random(seed)
    if kind == "binary":
        return bytes(random.below(256) for _ in range(length))
    made = b""
    while True:
        word = WORDS[random.below(len(WORDS))].encode()
        if len(made) + len(word) > length:
            return made
        made += word


def compressor(bits, style):
    level = {"stored": 0, "fixed": 6, "dynamic": 9}[style]
    strategy = zlib.Z_FIXED if style == "fixed" else zlib.Z_DEFAULT_STRATEGY
    return zlib.compressobj(level, zlib.DEFLATED, -bits, 8, strategy)


def messages(bits, style):
    """Lists of plain parts; each part but the last is a fragment of its own, flushed."""
    window = 1 << bits
    noise = 200 if style == "dynamic" else 80
    yield "text", [(1, 40)]
    yield "text", [(2, 200), (1, 40), (2, 200)]
    yield "binary", [(3, noise)]
    yield "binary", [(4, 30), (3, noise)]
    yield "text", [(1, 0)]
    if style == "stored":
        # Longer than the shortest window.
        yield "text", [(6, 600 if bits == 9 else 60)]
    else:
        # Longer than the window.
        yield "text", [(6, window + 1000)]
        # Refers back over most of the window.
        yield "binary", [(4, noise)]
        yield "text", [(9, window * 5 // 8)]
        yield "binary", [(4, noise)]
    yield "text", [(7, 200), (7, 200), (7, 0), (8, 100)]


def frames(stream, parts, final):
    made = [stream.compress(part) + stream.flush(zlib.Z_SYNC_FLUSH if at % 2 == 0 else zlib.Z_FULL_FLUSH)
            for at, part in enumerate(parts[:-1])]
    if final:
        # Marked as the final block, and the byte that section 7.2.3.4 puts behind it.
        return made + [stream.compress(parts[-1]) + stream.flush(zlib.Z_FINISH) + b"\x00"]
    last = stream.compress(parts[-1]) + stream.flush(zlib.Z_SYNC_FLUSH)
    if not last:
        # Nothing new to flush.
        last = b"\x00" + TAIL
    assert last.endswith(TAIL)
    return made + [last[:-4]]


def cut(payload, random):
    """Frames that end anywhere."""
    at = sorted(random.below(len(payload) + 1) for _ in range(2))
    return [payload[:at[0]], payload[at[0]:at[1]], payload[at[1]:]]


def main():
    random = Random(0)
    for bits in range(9, 16):
        for style in ["stored", "fixed", "dynamic"]:
            for takeover in [True, False]:
                print(f"stream {bits} {'takeover' if takeover else 'reset'} {style}")
                stream = compressor(bits, style)
                for at, (kind, parts) in enumerate(messages(bits, style)):
                    if not takeover:
                        stream = compressor(bits, style)
                    made = frames(stream, [plain(kind, *part) for part in parts], not takeover and at % 3 == 1)
                    if len(made) == 1 and at % 2 == 1:
                        made = cut(made[0], random)
                    listed = ",".join(f"{seed}:{length}" for seed, length in parts)
                    print(kind, listed, "|".join(frame.hex() for frame in made))


main()
