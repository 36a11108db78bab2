"""What is resident while a module runs: weights that lie in files, mapped and given back as the steps of a plan say.

`steps.py` are the host steps; `memory.py` is what a module has for them: the room (`compiler/loading/residents.py`), the
`loader.py` that fills it in the background from `mapping.py`, and the `replicas.py` that calls run on. `docs/memory.md` is for
users.
"""
