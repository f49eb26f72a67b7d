"""Reports of runs: log, terminal, JSON report and metrics."""
