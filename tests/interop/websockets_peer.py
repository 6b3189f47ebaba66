"""PyPI's `websockets` as client of an echo server, and as a fuzzing server of one case.

    python websockets_peer.py client URL POLICY COUNT   exchanges messages; the last line says how it went, as JSON
    python websockets_peer.py server POLICY COUNT       prints its port first, ends after /updateReports
"""

import asyncio
import json
import random
import sys

import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory

EDGES = [0, 1, 2, 125, 126, 127, 65_535, 65_536]
WORDS = [
    "the quick brown fox jumps over a lazy dog and 0123456789 times \0\x7f\n".split(" "),
    "naïve Größe 水 данные 🦀 \u07ff \uffff \U0010ffff ελληνικά x\ufeff".split(" "),
]
POOL = random.Random(1).randbytes(40_000)


def message(n):
    """Message number n, always the same: ASCII and multi-byte text, bytes that repeat and bytes that do not."""
    source = random.Random(n)
    kind = n % 4
    size = EDGES[n // 4] if n < 4 * len(EDGES) else int(2 ** source.uniform(0, 16))
    if n in (250, 501, 752, 999):
        size = 1 << 20
    if kind == 3:
        return source.randbytes(size)
    made, left = [], size
    while left > 0:
        if kind == 2:
            at = source.randrange(len(POOL) - 512)
            part = POOL[at : at + min(left, source.randrange(16, 512))]
        else:
            part = (source.choice(WORDS[kind]) + " ").encode()
            if len(part) > left:
                part = b"z" * left
        made.append(part)
        left -= len(part)
    return b"".join(made) if kind == 2 else b"".join(made).decode()


def octets(data):
    return len(data.encode()) if isinstance(data, str) else len(data)


async def exchange(ws, count):
    """Sends what comes back, 16 messages on their way at a time, every eighth in fragments with a Ping before each."""
    waiting, places, pongs = [], asyncio.Semaphore(16), []

    async def fragments(data):
        part = max(1, -(-len(data) // 4))
        for at in range(0, max(1, len(data)), part):
            pongs.append(await ws.ping(str(len(pongs))))
            yield data[at : at + part]

    async def send():
        for n in range(count):
            await places.acquire()
            data = message(n)
            waiting.append(data)
            if n % 8 < 7:
                await ws.send(data)
            else:
                # Bytes also where it is text: the cuts are in the middle of characters.
                is_text = isinstance(data, str)
                await ws.send(fragments(data.encode() if is_text else data), text=is_text)

    sending = asyncio.create_task(send())
    plain = 0
    for n in range(count):
        receiving = asyncio.ensure_future(ws.recv())
        await asyncio.wait([receiving] if sending.done() else [receiving, sending], return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            sending.result()
        data = await receiving
        if data != waiting.pop(0):
            raise ValueError(f"message {n} came back changed")
        plain += octets(data)
        places.release()
    await sending
    await asyncio.gather(*pongs)
    await ws.close(1000)
    if ws.close_code != 1000:
        raise ValueError(f"closed with {ws.close_code}")
    print(
        json.dumps(
            {
                "version": websockets.__version__,
                "extensions": "; ".join(map(str, ws.protocol.extensions)),
                "echoed": count,
                "plain": plain,
                "pings": len(pongs),
                "pongs": sum(pong.done() for pong in pongs),
            }
        ),
        flush=True,
    )


async def client(url, extension, count):
    async with connect(url, compression=None, extensions=[extension], max_size=2 << 20) as ws:
        await exchange(ws, count)


async def server(extension, count):
    finished = asyncio.Event()

    async def handler(ws):
        path = ws.request.path
        if path.startswith("/runCase"):
            await exchange(ws, count)
        elif path.startswith("/getCaseCount"):
            await ws.send("1")
        else:
            finished.set()

    async with serve(handler, "127.0.0.1", 0, compression=None, extensions=[extension], max_size=2 << 20) as listening:
        print(listening.sockets[0].getsockname()[1], flush=True)
        await finished.wait()


role, *where, policy, count = sys.argv[1:]
policy = json.loads(policy)
factory = ClientPerMessageDeflateFactory if role == "client" else ServerPerMessageDeflateFactory
extension = factory(
    server_max_window_bits=policy["server"],
    client_max_window_bits=policy["client"],
    server_no_context_takeover=not policy["serverTakeover"],
    client_no_context_takeover=not policy["clientTakeover"],
)
if role == "client":
    asyncio.run(client(*where, extension, int(count)))
else:
    asyncio.run(server(extension, int(count)))
