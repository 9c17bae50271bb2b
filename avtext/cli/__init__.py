"""The ``avtext`` command: argument checks only, one file per command; what it calls is the library's.

Nothing heavy is imported here: a command imports what it needs when it runs.
"""

from __future__ import annotations

import sys

import typer

from avtext.cli import align, convert, detect, evaluate, info, train
from avtext.errors import AvtextError

app = typer.Typer(
    name="avtext",
    help="What happens when in a video: sound, picture and words understood together, events out, in seconds.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("detect")(detect.detect)
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate_command)
app.command("align")(align.align)
app.command("convert")(convert.convert)
app.command("info")(info.info)


def main() -> None:
    """Run the command line; one line and exit code 2 for what the user can mend, 130 for Ctrl-C."""
    try:
        app()
    except AvtextError as error:
        sys.stderr.write(f"avtext: {error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("avtext: stopped\n")
        sys.exit(130)
