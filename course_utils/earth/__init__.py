"""The Earth that travel times are computed in: velocity models, local coordinates, eikonal tables."""

from course_utils.earth.coordinates import LocalFrame, azimuthal_gap, distance_azimuth
from course_utils.earth.velocity import layers_to_nodes, read_velocity, sample

__all__ = ["LocalFrame", "azimuthal_gap", "distance_azimuth", "layers_to_nodes", "read_velocity", "sample"]
