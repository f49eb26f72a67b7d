"""Numbers as people read them."""


def in_bytes(count: int) -> str:
    """Give a number of bytes with a fitting unit: ``1.4 GB`` (powers of 1000, as disks and networks are sold)."""
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{count} bytes" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
