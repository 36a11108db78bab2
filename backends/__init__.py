"""What makes a plan run: the NumPy reference and PyTorch."""
