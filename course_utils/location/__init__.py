"""Where and when: hypocenters and their uncertainty."""
