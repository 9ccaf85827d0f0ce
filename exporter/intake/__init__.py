"""Posts in: the public port, from a connection's first byte to the committed count and the reply.

`service` starts it. Imports everything below, and nothing imports it but `service`.
"""
