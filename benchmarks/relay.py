"""Relays connections on loopback as a distant network would: each byte arrives later, and so many bytes a second at most.

    python3 relay.py PORT TARGET_PORT --rtt-ms 20 [--mbit 100] [--connect]

--connect: it is a proxy for CONNECT, and each tunnel ends at the target. Prints a line when it listens; ends with its standard
input.
"""

import argparse
import asyncio
import contextlib
import sys
import time

#: Bytes under way in one direction of a connection, beyond which it is not read from.
_MOST = 4 << 20


class Line:
    """One direction of the network, shared by all connections."""

    def __init__(self, delay, bytes_per_second):
        self.delay = delay
        self._rate = bytes_per_second
        self._free = 0.0

    def arrival(self, size, now):
        """Return when so many bytes that are sent now have arrived."""
        if self._rate:
            self._free = max(self._free, now) + size / self._rate
        return max(self._free, now) + self.delay


async def carry(reader, writer, line, first=0.0):
    """Pass on what a connection sends. first: seconds by which its first bytes are late, as the connection has to be opened."""
    loop, queue, under_way = asyncio.get_running_loop(), asyncio.Queue(), 0
    room = asyncio.Event()
    room.set()

    async def deliver():
        nonlocal under_way
        while (item := await queue.get()) is not None:
            due, block = item
            await asyncio.sleep(due - loop.time())
            writer.write(block)
            await writer.drain()
            under_way -= len(block)
            room.set()

    delivery = asyncio.create_task(deliver())
    earliest = loop.time() + first + line.delay if first else 0.0
    try:
        while block := await reader.read(1 << 16):
            under_way += len(block)
            queue.put_nowait((max(earliest, line.arrival(len(block), loop.time())), block))
            if under_way > _MOST:
                room.clear()
                await room.wait()
    except OSError:
        pass
    queue.put_nowait(None)
    with contextlib.suppress(OSError):
        await delivery
        writer.write_eof()


async def serve(options):
    delay, rate = options.rtt_ms / 2000, options.mbit * 125_000
    up, down = Line(delay, rate), Line(delay, rate)

    async def connected(reader, writer):
        opening = 2 * delay
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            if options.connect:
                await reader.readuntil(b"\r\n\r\n")
                await asyncio.sleep(2 * delay + opening)
                opening = 0.0
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            reading, writing = await asyncio.open_connection("127.0.0.1", options.target)
            await asyncio.gather(carry(reader, writing, up, opening), carry(reading, writer, down))
            writing.close()
        writer.close()

    await asyncio.start_server(connected, "127.0.0.1", options.port, backlog=1024)
    print("listens", time.monotonic(), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("target", type=int)
    parser.add_argument("--rtt-ms", type=float, default=0)
    parser.add_argument("--mbit", type=float, default=0, help="0: no limit")
    parser.add_argument("--connect", action="store_true")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
