"""Plans lowered to PyTorch modules that compute only what was kept."""
