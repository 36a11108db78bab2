"""Chunks that something else runs: ONNX files, torch.export archives, Python classes. One file a runner, all behind `Runner`."""
