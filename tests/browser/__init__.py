"""The web UI in headless Chromium against the real server."""
