"""What cannot be classified, in words."""

from __future__ import annotations


class DiscriminationError(ValueError):
    """Records, features or labels that no classifier can use; the message names what is wrong and what to do."""
