"""Copies of a running ledger: handed out by a Unix socket in the data directory, fetched by `capgo-exporter backup`.

A copy holds the key of the fingerprints. A socket that only the exporter's own user and root may open can't be reached
by a neighbour on the machine or through a proxy, whatever they send. Imports `storage` and what is below it.
"""
