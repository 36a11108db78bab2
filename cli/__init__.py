"""The `chunkc` command."""


def main() -> None:
    """Entry point."""
