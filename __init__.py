"""chunkc: a compiler for conditional computation. Write dense semantics, get sparse execution."""
