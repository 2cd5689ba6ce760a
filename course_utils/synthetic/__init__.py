"""The Earth whose truth is known: network, sequence, seismograms, noise, faults to inject."""
