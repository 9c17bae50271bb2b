"""The ``avtext`` command: argument checks only, one file per command; what it calls is the library's.

Nothing heavy is imported here: a command imports what it needs when it runs.
"""

from __future__ import annotations

import sys
from io import TextIOWrapper

import typer

from avtext.cli import align, compress, convert, detect, evaluate, info, train
from avtext.cli.inputs import InputError
from avtext.cli.tables import plain
from avtext.errors import AvtextError, MediaError

app = typer.Typer(
    name="avtext",
    help="What happens when in a video: sound, picture and words understood together, events out, in seconds.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("detect")(detect.detect)
app.command("train")(train.train)
app.command("distill")(train.distill)
app.command("compress")(compress.compress)
app.command("evaluate")(evaluate.evaluate_command)
app.command("align")(align.align)
app.command("convert")(convert.convert)
app.command("info")(info.info)


def main() -> None:
    """Run the command line; one line for what the user can mend.

    The exit code is 1 where an input file failed, 2 for options, configs and manifests, 130 for Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a file name may hold what the terminal's encoding cannot
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except AvtextError as error:
        sys.stderr.write("".join(f"avtext: {plain(line)}\n" for line in str(error).splitlines()))
        sys.exit(1 if isinstance(error, MediaError | InputError) else 2)
    except OSError as error:  # what the system refused and nothing foresaw, such as a full disk behind a pipe
        sys.stderr.write(f"avtext: {plain(str(error))}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write("avtext: stopped\n")
        sys.exit(130)
