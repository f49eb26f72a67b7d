"""One run: what is to be looked at, looked at, published, written into the root, swept."""
