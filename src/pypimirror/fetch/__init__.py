"""Getting things by HTTP, and getting them whole."""
