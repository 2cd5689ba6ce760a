"""Is it an earthquake? Features of seismograms, classifiers, decisions per event, and how to judge them honestly."""


class DiscriminationError(ValueError):
    """Records, features or labels that no classifier can use; the message names what is wrong and what to do."""
