"""Where the benchmarks keep things, on which port upstream answers; the environment may say otherwise, see README.rst."""

import os
from pathlib import Path

#: Environments of the programs, trees, configurations, logs and results.
ROOT = Path(os.environ.get("BENCH_ROOT", ".bench")).absolute()
#: The mirrors that are made; a folder of its own, which is removed in the end.
TARGETS = Path(os.environ.get("BENCH_TARGETS", ROOT)).absolute() / "pypimirror-mirrors"
#: What nginx keeps while it runs.
RUN = Path(os.environ.get("BENCH_RUN", ROOT / "run")).absolute()
PORT = int(os.environ.get("BENCH_PORT", "8080"))
#: Where redirects to files lead, and a forward proxy.
OTHER_PORT, PROXY_PORT = PORT + 1, PORT + 2
PROXY = f"http://127.0.0.1:{PROXY_PORT}"
URL = f"http://127.0.0.1:{PORT}"
