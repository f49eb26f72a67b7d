"""What is said of libraries that come with an extra of ours and are not there."""

from __future__ import annotations

from ..errors import ConfigurationError

#: Extras by the libraries that they bring.
EXTRAS = {"boto3": "objectstore", "distributed": "dask", "pycurl": "fast"}


def missing(what: str, error: ImportError) -> ConfigurationError:
    """Give the error that says of a library that it can't be imported, why, and which extra it comes with.

    what: key and value of the configuration that need it.
    """
    why = "which is not installed" if isinstance(error, ModuleNotFoundError) else f"which can't be loaded: {error.msg}"
    extra = EXTRAS.get(str(error.name).partition(".")[0])
    hint = "" if extra is None else f"; it comes with z3c.recipe.pypimirror[{extra}]"
    return ConfigurationError(f"{what}: needs {error.name}, {why}{hint}")
