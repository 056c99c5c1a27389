"""The `strongroom` command: finds the verb, runs it, turns errors into exit codes."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from strongroom import __version__
from strongroom.cli._verbs import Verbs
from strongroom.cli.console import Console
from strongroom.errors import InputError, StrongroomError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

# In the order of the way. The texts stand here so that --help imports no verb.
VERBS = {
    "init": "Look at your data and write a commented strongroom.toml.",
    "run": "Walk the whole way: discover, anonymize, seal, train, audit, report.",
    "scan": "Find personal data in files.",
    "risk": "Measure how easily rows single people out.",
    "anonymize": "Take personal data out of a file, with risk and loss before and after.",
    "keys": "Make and show keys.",
    "seal": "Encrypt files (age v1).",
    "open": "Decrypt files (age v1).",
    "inspect": "Say whether model files are safe to load, without loading them.",
    "train": "Train the model of strongroom.toml, with differential privacy.",
    "budget": "Show what has been spent of the privacy budget; plan a training.",
    "audit": "Attack a model and say what it proves.",
    "check": "The gate: exit 1 when the policy says no.",
    "federate": "Train one model with others, and no row leaves anybody.",
    "report": "Write the report again from what was measured.",
    "verify": "Prove the chain of evidence, offline.",
}
EXIT_INTERRUPTED = 130


@click.group(
    cls=Verbs,
    verbs=VERBS,
    place=lambda verb: (verb, "command"),
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Every verb takes --json, --quiet, -c/--config and --workspace. Exit codes: 0 done and "
    "within policy; 1 done, and the policy says no; 2 bad usage or input; 130 interrupted.",
)
@click.version_option(__version__, prog_name="strongroom", message="%(prog)s %(version)s")
def cli() -> None:
    """Train models on data that must not leak, and prove it.

    Start with `strongroom init DATA.csv`, then `strongroom run`.
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; a user's error is printed, never raised."""
    # Before parsing, nothing knows whether --json was given, and errors of parsing need it.
    console = Console(as_json="--json" in arguments, quiet="--quiet" in arguments)
    try:
        code = cli.main(args=list(arguments), prog_name="strongroom", standalone_mode=False)
    except StrongroomError as error:
        console.error(error)
        return error.exit_code
    except click.UsageError as error:
        _complain(console, error)
        return 2
    except click.ClickException as error:
        console.error(InputError(error.format_message()))
        return 2
    except (KeyboardInterrupt, click.Abort):
        console.talk("\ninterrupted; what was finished is kept, the same command continues")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader went away (`| head`): that is its right. Keep the exit flush from complaining.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code if isinstance(code, int) else 0


def _complain(console: Console, error: click.UsageError) -> None:
    # Click 8.2 and later: a group that was called without a verb.
    help_asked = type(error).__name__ == "NoArgsIsHelpError"
    if help_asked and error.ctx is not None:
        console.say(error.ctx.get_help())
    else:
        console.error(_usage_error(error))


def _usage_error(error: click.UsageError) -> InputError:
    hint = f"{error.ctx.command_path} --help" if error.ctx else "strongroom --help"
    if isinstance(error, click.NoSuchOption) and error.ctx:
        known = [o for p in error.ctx.command.params for o in p.opts if o.startswith("--")]
        hint = did_you_mean(error.option_name, known) or hint
        return InputError(f'unknown flag "{error.option_name}"', hint=hint)
    said = error.format_message().rstrip(".")
    return InputError(said[:1].lower() + said[1:], hint=hint)


def main() -> NoReturn:
    """Run `strongroom` with the arguments of the process."""
    code = run(sys.argv[1:])
    if code == EXIT_INTERRUPTED:
        # An interrupt that fell into code made from text (dataclasses, numba) makes Python end
        # itself by the signal, although it was handled; everything is closed by now.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
