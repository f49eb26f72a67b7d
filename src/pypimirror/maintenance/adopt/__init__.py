"""Takes over the files of older mirrors."""
