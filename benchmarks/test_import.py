"""Importing hedgecore in a fresh interpreter, beside importing numpy alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize("module", ["hedgecore", "numpy"])
def test_import(measure: Callable[..., Any], module: str) -> None:
    command = [sys.executable, "-c", f"import {module}"]
    done = measure(lambda: subprocess.run(command, check=True), operation="import", who=module, n=1)
    assert done.returncode == 0
