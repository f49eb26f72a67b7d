"""Where the benchmarks keep things, on which port upstream answers; the environment may say otherwise, see README.rst."""

import os
from pathlib import Path

#: Environments of the programs, trees, configurations, logs and results.
ROOT = Path(os.environ.get("BENCH_ROOT", ".bench")).absolute()
#: The mirrors that are made.
TARGETS = Path(os.environ.get("BENCH_TARGETS", ROOT / "targets")).absolute()
#: What nginx keeps while it runs.
RUN = Path(os.environ.get("BENCH_RUN", ROOT / "run")).absolute()
PORT = int(os.environ.get("BENCH_PORT", "8080"))
URL = f"http://127.0.0.1:{PORT}"
