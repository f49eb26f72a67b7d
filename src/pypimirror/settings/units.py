"""Formats numbers with units."""


def in_bytes(count: int) -> str:
    """Return a number of bytes with a suitable unit: ``1.4 GB`` (powers of 1000, as for disks and networks)."""
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{count} bytes" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
