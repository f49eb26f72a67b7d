"""Connects to a Dask cluster and checks its version of this program."""

from __future__ import annotations

import logging
from typing import Any

from .. import __version__
from ..errors import ConfigurationError, MirrorError
from ..interfaces import ISettings

#: Loggers to silence: their errors are reported here in one line.
_LOUD = ("distributed", "distributed.client", "distributed.core", "tornado", "tornado.application")


def connected(settings: ISettings) -> Any:
    """Connect to the scheduler, wait for a worker and return the client. Raises ConfigurationError, ImportError."""
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
    """Raise ConfigurationError if the scheduler, which unpickles tasks, or a worker lacks this version of the program."""
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
    """Return this program's version in the process that calls it."""
    return __version__


def in_one_line(error: BaseException) -> str:
    """Return an error as a text without line ends."""
    text = " ".join(str(error).split())
    return text if isinstance(error, MirrorError) else f"{type(error).__name__}: {text}"
