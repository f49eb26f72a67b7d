"""The steps of a run: worklist, evaluation, publishing, root pages, sweep."""
