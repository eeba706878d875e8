"""Local stand-ins for remote services: each speaks its service's documented protocol and names its source."""
