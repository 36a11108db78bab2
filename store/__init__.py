"""The store: chunks by name, version and content, in files that are checked where they are read.

`Store` (store.py) is what the others begin with; `add` (adding.py) puts a file into it.
"""
