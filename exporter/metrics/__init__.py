"""Numbers out: the exporter's own families, the text of a scrape, and the private port.

It asks for what it shows through `private.Source`, and does not know who answers. Imports `storage` and below.
"""
