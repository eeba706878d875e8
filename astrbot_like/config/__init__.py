"""Settings of the whole installation; only the host reads them, every room is handed its own part."""
