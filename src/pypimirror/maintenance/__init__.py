"""Trash, verification, repair, restoring and adopting: what keeps a mirror in order between its runs."""
