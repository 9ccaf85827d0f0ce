"""The ledger's disk: one SQLite file, one transaction for each commit.

The store's contract stands at the head of `journal`. The committer is the only caller while posts are taken; `check`
reads a stopped exporter's file. Imports `counting` and `wire`.
"""
