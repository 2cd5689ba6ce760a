"""Outside data: the manifest, fetching and verifying, readers of public formats."""
