"""Configuration of clients."""
