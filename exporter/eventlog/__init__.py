"""Events out: each counted event as one JSON line.

Never in the way of a reply: what is offered waits in a bounded buffer, and one thread writes. Imports `wire` alone.
"""
