"""Jobs of cron and systemd, for the recipe and the verb ``job``."""
