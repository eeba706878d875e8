"""What is photographed: each page, and its dialogs, forms and states, reached as a person reaches them."""

from __future__ import annotations

from scripts.pictures.furnishing import FURNISHING
from scripts.pictures.talking import TALKING, TRACES
from scripts.pictures.watching import WATCHING

SCENES = (*TALKING, *FURNISHING, *WATCHING, *TRACES)
