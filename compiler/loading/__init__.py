"""Chunks that live outside: what a handle says, where tensors lie, what is resident under a budget, and what goes when room is
needed. No file is read here: the room `store` does that, the torch backend loads, the simulator times the same decisions."""
