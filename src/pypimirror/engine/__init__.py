"""Engines: run the steps of a sync in greenlets, threads, processes or a Dask cluster."""
