#!/usr/bin/env python3
"""What a mirror of all of PyPI takes: time, requests, space, money.

all_of_pypi.py [--projects N] [--files N] [--bytes N] ...        every input is an option, see --help

A sample of requests goes through a simulation, in the proportions of the
whole: each waits for the network, then for its turn on the link, then for a
processor; as many are under way as ``workers`` says.  What the sample takes
is scaled up.  Costs of the product are measured ones (docs/all-of-pypi.rst);
what PyPI holds and what suppliers ask are rounded inputs: give your own.

Prints the tables that the document shows.
"""

import argparse
import heapq
import math
import random
import statistics
from typing import NamedTuple

#: Requests in a sample.
SAMPLE = 40_000
DAY = 86_400.0


class Machines(NamedTuple):
    """What does the work."""

    count: int
    cores: int
    #: Bits a second, all machines together.
    link: float
    #: ``workers``: requests under way at once, all machines together.
    workers: int


class Work(NamedTuple):
    """What there is to do."""

    pages: int
    files: int
    bytes: float

    @property
    def requests(self):
        return self.pages + self.files


class Taken(NamedTuple):
    """What a simulation found."""

    seconds: float
    #: Shares of that time in which the link, the processors and the places for requests were taken.
    link: float
    processors: float
    places: float

    @property
    def held_up_by(self):
        if max(self.link, self.processors) > 0.75:
            return "the link" if self.link > self.processors else "the processors"
        # Places are taken also by what waits for the link or a processor.
        return "upstream's distance" if self.places > 0.75 else "nothing in particular"


def sizes(count, total, median, largest):
    """Give sizes of files: lognormal, of that median, none above the largest, and of that sum."""
    mean = total / count
    sigma = math.sqrt(2 * math.log(max(mean / median, 1.01)))
    normal = statistics.NormalDist()
    drawn = [min(median * math.exp(sigma * normal.inv_cdf((place + 0.5) / count)), largest) for place in range(count)]
    scale = total / sum(drawn)
    return [size * scale for size in drawn]


def simulated(work, machines, given):
    """Send a sample of requests through network, link and processors; give what all would take."""
    count = min(SAMPLE, work.requests)
    share = count / work.requests
    files = max(1, round(work.files * share))
    pages = count - files
    per_file, per_page, per_byte = given.cpu_file / 1e3, given.cpu_project / 1e3, given.cpu_gigabyte / 1e9
    jobs = [(size, per_file + size * per_byte) for size in sizes(files, work.bytes * share, given.median, given.largest)]
    jobs += [(given.page_bytes, per_page)] * pages
    random.Random(0).shuffle(jobs)
    cores = [0.0] * (machines.count * machines.cores)
    places = min(machines.workers, count)
    rate = machines.link / 8
    began = link_free = link_used = core_used = place_used = end = 0.0
    # Moments at which something happens: when, which place for a request, what comes next, its size and its cost.
    moments = [(0.0, place, "ask", 0.0, 0.0) for place in range(places)]
    asked = [0.0] * places
    waiting = iter(jobs)
    while moments:
        now, place, step, size, cpu = heapq.heappop(moments)
        if step == "ask":
            place_used += now - asked[place]
            end = max(end, now)
            size, cpu = next(waiting, (None, None))
            if size is not None:
                began = asked[place] = now
                heapq.heappush(moments, (now + given.latency / 1e3, place, "receive", size, cpu))
        elif step == "receive":
            link_free = max(now, link_free) + size / rate
            link_used += size / rate
            heapq.heappush(moments, (max(link_free, now + 8 * size / given.connection), place, "work", size, cpu))
        else:
            done = max(now, heapq.heappop(cores)) + cpu
            heapq.heappush(cores, done)
            core_used += cpu
            heapq.heappush(moments, (done, place, "ask", 0.0, 0.0))
    # What is under way when nothing is left to begin comes to its end once, however much there is to do.
    seconds = began / share + end - began
    return Taken(seconds, link_used / share / seconds, core_used / share / seconds / len(cores),
                 place_used / share / seconds / places)


def table(head, rows):
    """Give a table as reStructuredText has it."""
    lines = [head, *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    rule = " ".join("=" * width for width in widths)
    told = [" ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join((rule, told[0], rule, *told[1:], rule))


def rounded(value):
    """Give a number as people say it: two digits that matter, with commas."""
    if value == 0:
        return "0"
    digits = 1 - math.floor(math.log10(abs(value)))
    return f"{round(value, digits):,.{max(0, digits)}f}"


def first_fetch(given):
    """Give the table of the first fetch."""
    work = Work(given.projects, given.files, given.bytes)
    rows = []
    for machines in (Machines(1, 2, 0.1e9, 50), Machines(1, 4, 1e9, 50), Machines(1, 4, 10e9, 50), Machines(1, 4, 10e9, 400),
                     Machines(4, 4, 10e9, 400)):
        taken = simulated(work, machines, given)
        days = taken.seconds / DAY
        rows.append((machines.count, machines.cores, f"{machines.link / 1e9:g} Gbit/s", machines.workers,
                     rounded(work.requests / taken.seconds), rounded(days), taken.held_up_by,
                     rounded(days * machines.count * machines.cores * given.core_day)))
    return table(["Machines", "Cores of each", "Link", "``workers``", "Requests a second", "Days", "Held up by",
                  "Machines' price"], rows)


def updates(given):
    """Give the table of a day of updates, by one small machine."""
    machines = Machines(1, 2, 1e9, 50)
    rows = []
    for runs in (4, 24, 48):
        # The more often, the more often the same project changed again.
        pages = round(given.changed * (1 + 0.2 * math.log2(runs / 4)))
        work = Work(pages // runs, given.new_files // runs, given.new_bytes / runs)
        taken = simulated(work, machines, given)
        whole = taken.seconds + given.list_seconds + given.list_bytes * 8 / machines.link
        come = given.new_bytes + runs * given.list_bytes
        rows.append((runs, rounded(runs * (work.requests + 1)), f"{rounded(come / 1e9)} GB", f"{whole:.0f} s",
                     f"{rounded(100 * whole * runs / DAY)} %", f"{rounded(runs * given.root_bytes / 1e9)} GB"))
    return table(["Runs a day", "Requests", "From upstream", "One run takes", "Of the day", "Pages about all, written"], rows)


def money(given):
    """Give the table of what an object store asks."""
    beside = given.files * given.metadata_share
    pages = given.projects * given.pages_each
    first = given.files + beside + pages
    daily = given.new_files * (1 + given.metadata_share) + given.changed * given.pages_each + 2 * 24
    month = 30 * daily
    grown = given.bytes + 365 * given.new_bytes
    price = given.price_million / 1e6
    rows = [("Space, a month", f"{rounded(given.bytes / 1e12)} TB", rounded(given.bytes / 1e12 * given.price_terabyte)),
            ("The same a year later", f"{rounded(grown / 1e12)} TB", rounded(grown / 1e12 * given.price_terabyte)),
            ("Objects put, first fetch", rounded(first), rounded(first * price)),
            ("Objects put, a month of updates", rounded(month), rounded(month * price))]
    return table(["What", "How much", "Price"], rows)


def parser():
    """Give the parser of the command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default, what in (
            ("projects", 750_000, "projects that upstream lists"),
            ("files", 17_000_000, "files in all"),
            ("bytes", 30e12, "bytes in all"),
            ("median", 60e3, "bytes of the file in the middle"),
            ("largest", 1e9, "bytes of the largest file"),
            ("page-bytes", 8e3, "bytes of a project's page, as it is sent"),
            ("changed", 7_000, "projects that change in a day"),
            ("new-files", 25_000, "files that come in a day"),
            ("new-bytes", 50e9, "bytes that come in a day"),
            ("list-bytes", 10e6, "bytes of the list of all names, as it is sent"),
            ("root-bytes", 76e6, "bytes of the pages about all projects"),
            ("latency", 60, "milliseconds from a request to its answer"),
            ("connection", 100e6, "bits a second that one connection brings"),
            ("cpu-project", 3.0, "milliseconds of a processor for a project: its page read, its pages written"),
            ("cpu-file", 2.5, "milliseconds of a processor for a file, whatever its size"),
            ("cpu-gigabyte", 3.5, "seconds of a processor for 1e9 bytes: received, hashed, written"),
            ("list-seconds", 8.0, "seconds that a run takes for the list and the pages about all projects"),
            ("metadata-share", 0.6, "files that have core metadata beside them"),
            ("pages-each", 3.3, "objects that the pages of a project are"),
            ("price-terabyte", 23.0, "price of 1e12 bytes in an object store for a month"),
            ("price-million", 5.0, "price of a million objects put"),
            ("core-day", 0.5, "price of a processor for a day")):
        made.add_argument(f"--{name}", type=type(default), default=default, help=f"{what}; {default:,g} unless given")
    return made


def told(arguments=None):
    """Yield the tables, each under its title. arguments: those of the command line."""
    given = parser().parse_args(arguments)
    for title, made in (("The first fetch", first_fetch), ("A day of updates", updates), ("An object store", money)):
        yield f"**{title}**\n\n{made(given)}\n"


if __name__ == "__main__":
    print("\n".join(told()))
