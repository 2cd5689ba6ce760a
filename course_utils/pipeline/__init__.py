"""Configuration, stages, runs, report and command line."""
