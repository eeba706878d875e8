"""Puts the bundled plugins into the package when it is built; everything else is in pyproject.toml."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithPlugins(build_py):
    """Copies ``plugins/`` to ``astrbot_like/bundled_plugins``, where the plugin host looks in an installed package."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "astrbot_like" / "bundled_plugins"
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree("plugins", target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))


setup(cmdclass={"build_py": BuildWithPlugins})
