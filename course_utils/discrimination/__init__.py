"""Is it an earthquake? Features of seismograms, classifiers, decisions per event, and how to judge them honestly."""
