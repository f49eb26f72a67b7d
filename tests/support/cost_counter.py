"""Runs the command line and counts what that costs: python cost_counter.py COUNTS ARGUMENTS ... writes a JSON file.

Counted are modules that are imported; files opened for reading and for writing, and folders listed, in the folder of the
configuration and below; connections made; rows of the state that are written, whether they change or not, and transactions.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections import Counter
from functools import partial
from typing import Any

_COUNTED = {"socket.connect": "connected", "subprocess.Popen": "processes"}


def main() -> int:
    """Count from the start on."""
    counts: Counter[str] = Counter()
    before = set(sys.modules)
    ours = os.path.dirname(sys.argv[2]) or None

    def is_ours(path: Any) -> bool:
        # Folders of the mirror are opened, then what is in them by its name alone.
        return ours is not None and (isinstance(path, int) or not os.path.isabs(path) or os.fsdecode(path).startswith(ours))

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and is_ours(arguments[0]):
            counts["written" if (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR) else "read"] += 1
        elif event in ("os.listdir", "os.scandir"):
            counts["listed"] += is_ours(arguments[0])
        elif event in _COUNTED:
            counts[_COUNTED[event]] += 1

    sys.addaudithook(hook)
    from pypimirror import cli

    if "sync" in sys.argv:
        from pypimirror.state import database

        connect, close = database.State._connect, database.State.close

        def connected(state: database.State) -> None:
            connect(state)
            assert state._connection is not None
            state._connection.set_trace_callback(partial(traced, state._connection))

        def traced(connection: sqlite3.Connection, statement: str) -> None:
            # Outside of a transaction each statement that writes is one by itself, and waits for the disk.
            writes = statement.startswith(("INSERT", "REPLACE", "UPDATE", "DELETE"))
            counts["commits"] += statement == "COMMIT" or (writes and not connection.in_transaction)

        def closed(state: database.State) -> None:
            if state._connection is not None:
                counts["rows"] += state._connection.total_changes
            close(state)

        database.State._connect = connected  # type: ignore[method-assign]
        database.State.close = closed  # type: ignore[method-assign]
    status = 2
    try:
        status = cli.main(None, sys.argv[2:])
    except SystemExit as end:
        status = int(end.code or 0)
    finally:
        figures = {**counts, "modules": sorted(set(sys.modules) - before)}
        with open(sys.argv[1], "w", encoding="utf-8") as stream:
            json.dump(figures, stream)
    return status


if __name__ == "__main__":
    sys.exit(main())
