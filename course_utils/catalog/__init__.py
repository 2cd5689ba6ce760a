"""Catalogs as tables: the common language of every room, matching, storing, formats."""
