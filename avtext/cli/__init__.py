"""The ``avtext`` command: argument checks only, one file per command; what it calls is the library's.

Nothing heavy is imported here: a command imports what it needs when it runs.
"""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import Annotated

import typer
from typer.exceptions import TyperException

from avtext import __version__
from avtext.cli import align, benchmark, compress, convert, detect, doctor, evaluate, info, report, train
from avtext.cli.ending import INTERRUPTED, TERMINATED, tidy_termination
from avtext.cli.inputs import InputError
from avtext.cli.options import show_traceback
from avtext.errors import AvtextError, MediaError
from avtext.media.opening import shown

app = typer.Typer(
    name="avtext",
    help="What happens when in a video: sound, picture and words understood together, events out, in seconds.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # help in half the time
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("detect")(detect.detect)
app.command("train")(train.train)
app.command("distill")(train.distill)
app.command("compress")(compress.compress)
app.command("evaluate")(evaluate.evaluate_command)
app.command("align")(align.align)
app.command("report")(report.report)
app.command("convert")(convert.convert)
app.command("benchmark")(benchmark.benchmark)
app.command("info")(info.info)
app.command("doctor")(doctor.doctor)


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"avtext {__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options of ``avtext`` itself."""


def main() -> None:
    """Run the command line; one line for what the user can mend.

    The exit code is 1 where an input file failed, 2 for options, configs and manifests, 130 after Ctrl-C and 143 after
    SIGTERM.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # the caller closed it
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115  (until the end)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A file name may hold what the terminal's encoding cannot; who reads a pipe waits for each line of a batch.
            stream.reconfigure(errors="backslashreplace", line_buffering=True)
    with tidy_termination() as terminated:
        code = _run()
    if code == INTERRUPTED:
        _complain("stopped")
    sys.exit(TERMINATED if code == INTERRUPTED and terminated() else code)


def _run() -> int:
    if any(not word or (word.startswith("--") and word.endswith("=")) for word in sys.argv[1:]):
        _complain("an empty argument was given, perhaps by a variable that is not set: give a value, or leave it out")
        return 2  # as a path it would be the current folder
    try:
        code = app(
            prog_name="avtext", standalone_mode=False
        )  # the exit code where a command ended itself, 130 for Ctrl-C
    except TyperException as error:  # a word that is no command, option or value
        _complain(_usage(error))
        return error.exit_code
    except AvtextError as error:
        show_traceback(error)
        _complain(str(error))
        return 1 if isinstance(error, MediaError | InputError) else 2
    except ModuleNotFoundError as error:
        if (error.name or "avtext").partition(".")[0] == "avtext":
            raise
        show_traceback(error)
        _complain(
            f"{error.name} is not installed: pip install -e . once more; a whole model folder that avtext compress "
            "made (detect -m, align -m) runs without torch"
        )
        return 2
    except OSError as error:  # what the system refused and nothing foresaw, such as a full disk behind a pipe
        show_traceback(error)
        _complain(str(error))
        return 1
    return code if isinstance(code, int) else 0


def _usage(error: TyperException) -> str:
    """One line; empty where the help was shown instead."""
    message = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "avtext"
    return message and f"{message.rstrip('.')} (see {command} --help)"


def _complain(text: str) -> None:
    sys.stderr.write("".join(f"avtext: {shown(line)}\n" for line in text.splitlines()))
