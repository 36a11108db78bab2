"""`python -m chunkc` is the `chunkc` command."""

from .cli import main

if __name__ == "__main__":
    main()
