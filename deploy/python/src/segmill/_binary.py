"""Where the program is."""

import os
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from ._errors import Error

_NAME = "segmill" + sysconfig.get_config_var("EXE") if os.name == "nt" else "segmill"


def program() -> str:
    """Give the path of the program: ``SEGMILL_BIN``, or what was installed with this package."""
    named = os.environ.get("SEGMILL_BIN")
    if named:
        return named
    for folder in _folders():
        if (folder / _NAME).is_file():
            return str(folder / _NAME)
    raise Error(
        "segmill: the program is not beside this Python; install the wheel again, or set SEGMILL_BIN to its path"
    )


def _folders() -> Iterator[Path]:
    """Give the folders that pip may have put it in: of the environment, of the user, and of ``--target``."""
    yield Path(sysconfig.get_path("scripts"))
    yield Path(sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user")))
    yield Path(__file__).parent.parent / "bin"
