"""Options that every command has: ``-v`` says what is done, ``--debug`` shows where an error came from."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Annotated

import typer

_PACKAGE = logging.getLogger("avtext")
_COMMANDS = logging.getLogger(__name__)


def _talk(wanted: bool) -> None:
    """Send what the package logs to standard error."""
    _PACKAGE.setLevel(logging.INFO if wanted else logging.NOTSET)
    _PACKAGE.handlers = [logging.StreamHandler(sys.stderr)] if wanted else []
    for handler in _PACKAGE.handlers:
        handler.setFormatter(logging.Formatter("%(relativeCreated)6d ms  %(message)s"))


def _trace(wanted: bool) -> None:
    _COMMANDS.setLevel(logging.DEBUG if wanted else logging.NOTSET)


def show_traceback(error: BaseException) -> None:
    """Print where ``error`` came from, if ``--debug`` was given."""
    if _COMMANDS.isEnabledFor(logging.DEBUG):
        traceback.print_exception(error)


Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say on standard error what is done.", callback=_talk)]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.", callback=_trace)]
