"""Helpers for authors of provider plugins: chat messages, media, HTTP services, audio.

Nothing here is needed to write a provider; all bundled ones use it. Importing any of its modules loads no library.
"""
