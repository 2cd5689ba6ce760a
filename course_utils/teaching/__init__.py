"""Exercise checks, figures and tools for lessons."""
