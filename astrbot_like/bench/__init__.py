"""Measuring the platform from outside: load, mock upstream, tables."""
