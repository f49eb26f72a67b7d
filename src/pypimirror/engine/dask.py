"""The work on a Dask cluster, by the futures of ``distributed``; the coordinator alone keeps the state."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Any

from zope.interface import implementer

from .. import __version__
from ..errors import ConfigurationError, MirrorError
from ..interfaces import IEngine, IRunContext, ISettings
from .here import Here
from .teams import Scheduler, Step

#: Loggers that print on their own what is told here in one line.
_LOUD = ("distributed", "distributed.client", "distributed.core", "tornado", "tornado.application")
#: Seconds to take leave of a scheduler that may be gone.
_GOODBYE = 2


@implementer(IEngine)
class Dask:
    """Runs tasks in the workers of a cluster; this process does them only if the cluster is gone."""

    def __init__(self, mirror: IRunContext):
        """Raises ConfigurationError where there is no scheduler, or no workers of it; ImportError without the extra."""
        self._mirror = mirror
        self._client = _connected(mirror.settings)
        self._teams = Scheduler(lambda arrived: Here(mirror, arrived))

    def run(self, step: Step, tasks: Iterable[Any]) -> Iterator[Any]:
        if not self._teams.members:
            from .cluster import Cluster

            self._teams.members.append(Cluster(self._mirror, self._client, self._teams.arrived))
        yield from self._teams.run(step, tasks, self._mirror.needs)

    def close(self) -> None:
        self._teams.close()
        self._client.close(timeout=_GOODBYE)


def _connected(settings: ISettings) -> Any:
    """Return a client of the scheduler, which has workers. Raises ConfigurationError, ImportError."""
    address = settings["scheduler"]
    if not address:
        raise ConfigurationError("scheduler: engine = dask needs the address of one, such as tcp://scheduler.example.com:8786")
    from distributed import Client

    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=settings["timeout"], name="pypimirror", set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ConfigurationError(f"scheduler = {address}: there is no scheduler to be reached") from error
    try:
        client.wait_for_workers(1, timeout=settings["timeout"])
        _check(client, f"scheduler = {address}")
    except (OSError, TimeoutError) as error:
        client.close()
        raise ConfigurationError(f"scheduler = {address}: it has no workers") from error
    except BaseException:
        client.close()
        raise
    return client


def _check(client: Any, what: str) -> None:
    """Raise ConfigurationError if the scheduler, which unpacks tasks, or a worker has another version of ours, or none."""
    try:
        found = client.run_on_scheduler(version)
    except Exception as error:
        found = error
    answers = {"it": found}
    answers.update((f"the worker at {worker}", answer) for worker, answer in client.run(version, on_error="return").items())
    for who, answer in answers.items():
        if isinstance(answer, BaseException):
            raise ConfigurationError(f"{what}: {who} can't do the work: {in_one_line(answer)}")
        if answer != __version__:
            raise ConfigurationError(f"{what}: {who} has version {answer} of this program, and here is {__version__}")


def version() -> str:
    """Give our version, wherever this is asked."""
    return __version__


def in_one_line(error: BaseException) -> str:
    """Give an error as a text without line ends."""
    text = " ".join(str(error).split())
    return text if isinstance(error, MirrorError) else f"{type(error).__name__}: {text}"
