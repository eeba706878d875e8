"""What the pictures of the web UI show: an installation in use, and every page, dialog and state of it."""
