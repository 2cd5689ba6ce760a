"""Catalogs on disk: Parquet folders."""
