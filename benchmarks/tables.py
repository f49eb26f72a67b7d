"""Tables of what was measured (compare.py), and of what it was measured on."""

import os
import platform
import statistics
import subprocess
from datetime import date

import upstream
from measure import spread
from places import TARGETS


def about(size, rounds, peers):
    """Tell on what, when and with what is measured."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30)
    nginx = subprocess.run([upstream.program(), "-v"], capture_output=True, text=True).stderr.strip().rpartition("/")[2]
    TARGETS.mkdir(parents=True, exist_ok=True)
    disk = subprocess.run(["stat", "-f", "-c", "%T", TARGETS], capture_output=True, text=True).stdout.strip()
    head = (f"{date.today()}, {len(os.sched_getaffinity(0))} processors ({_processor()}), {memory:.0f} GiB, "
            f"{platform.system()} {platform.release()}, mirrors on {disk}, nginx {nginx}; size {size}, "
            f"{rounds} rounds or more, in turns.")
    return head + "\n\n" + "\n".join(f"* ``{peer.name}``: {peer.version()}" for peer in peers)


def _processor():
    with open("/proc/cpuinfo") as stream:
        models = {line.partition(":")[2].strip() for line in stream if line.startswith("model name")}
    return ", ".join(sorted(models)) or platform.machine()


def compared(found, base):
    """Give a table of all kinds of work but those that grow. base: the name of the program that others are compared with."""
    rows = [("Work", "Program", "Seconds", "Times as fast", "MB", "MB in all", "Requests")]
    for case, samples in found:
        groups = _by_name(samples) if not case.projects else {}
        for number, (name, group) in enumerate(groups.items()):
            ratios = [one["wall"] / other["wall"] for one, other in zip(groups.get(base, ()), group, strict=False)]
            rows.append((case.title if not number else "\\", name, spread([each["wall"] for each in group]),
                         f"{statistics.median(ratios):.1f}" if ratios else "-", *_memory(group),
                         f"{statistics.median(each['requests'] for each in group):.0f}"))
    return table(rows)


def grown(found):
    """Give a table of how time and memory grow with the number of projects."""
    rows = [("First fetch", "Program", "Seconds", "Milliseconds a project", "MB", "MB in all")]
    for case, samples in found:
        for name, group in _by_name(samples).items() if case.projects else ():
            walls = [each["wall"] for each in group]
            rows.append((case.title, name, spread(walls), f"{1000 * statistics.median(walls) / case.projects:.2f}",
                         *_memory(group)))
    return table(rows)


def _memory(group):
    return [f"{statistics.median(each[key] for each in group):.0f}" for key in ("rss_mb", "pss_mb")]


def _by_name(samples):
    groups = {}
    for sample in samples:
        groups.setdefault(sample["name"], []).append(sample)
    return groups


def table(rows):
    if len(rows) == 1:
        return ""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = "  ".join("=" * width for width in widths)
    head, *rest = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join((rule, head, rule, *rest, rule))
