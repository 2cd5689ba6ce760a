"""The commands of ``course``, one module each."""
