"""Configuration of clients, and the buildout extension."""
