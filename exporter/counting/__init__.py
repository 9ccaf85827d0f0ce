"""What is counted, what has been seen, and what is shown.

Pure: time, limits and what the disk knows reach it as arguments. The committer asks (`draft`, `exposure`) and, once the
disk has it, changes (`apply`); a start rebuilds with the same `apply`. Imports `wire` alone.
"""
