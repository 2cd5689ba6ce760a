"""The Earth that travel times are computed in: velocity models, local coordinates, eikonal tables."""
