"""The store: chunks by name, version and content, in files that are checked where they are read."""
