"""Exchanges two folders in one step, so that readers see one or the other, never none."""

from __future__ import annotations

import ctypes
import errno
import os
from functools import lru_cache
from typing import Any

_RENAME_EXCHANGE = 2
#: Errors of file systems and kernels that can't exchange.
_UNSUPPORTED = frozenset({errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV})


def exchange(one: str, other: str) -> bool:
    """Exchange two paths of one file system (renameat2); return False where that is not supported. Raises OSError."""
    call = _renameat2()
    if call is None:
        return False
    folder = -100  # AT_FDCWD: relative to the current directory; both paths are absolute
    if call(folder, os.fsencode(one), folder, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), one, None, other)


@lru_cache
def _renameat2() -> Any:
    """Return the function of the C library, or None."""
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    return call
