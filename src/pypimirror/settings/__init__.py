"""The configuration: which keys there are, how they are read, what came out."""
