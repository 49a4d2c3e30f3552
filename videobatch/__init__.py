"""The operator's command line, and the pipeline as its users see it."""
