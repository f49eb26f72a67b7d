"""Messages for missing optional dependencies."""

from __future__ import annotations

from ..errors import ConfigurationError

#: The extra that installs each optional library.
EXTRAS = {"boto3": "objectstore", "distributed": "dask", "greenlet": "fast", "pycurl": "fast"}


def missing(what: str, error: ImportError) -> ConfigurationError:
    """Return the error for a library that can't be imported, with the reason and the extra that installs it.

    what: key and value of the configuration that need it.
    """
    why = "which is not installed" if isinstance(error, ModuleNotFoundError) else f"which can't be loaded: {error.msg}"
    extra = EXTRAS.get(str(error.name).partition(".")[0])
    hint = "" if extra is None else f"; it comes with z3c.recipe.pypimirror[{extra}]"
    return ConfigurationError(f"{what}: needs {error.name}, {why}{hint}")
