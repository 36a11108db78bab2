"""Graph to graph: one file a pass, and the pipeline that runs them."""
