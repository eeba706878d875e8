"""What plugins ask of the host (``astrbot_like.api.services``), over the rooms that do it."""
