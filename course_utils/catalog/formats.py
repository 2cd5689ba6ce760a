"""Catalogs in the formats of others: QuakeML, CSV."""
