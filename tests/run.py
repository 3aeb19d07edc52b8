"""`make test`: every check and the suite on both databases, with one summary at the end.

    python -m tests.run [STEP...]       # all steps, or those named

Each step writes to var/test-logs/STEP.log; a failing step's log is printed. At most three run at a time, one more than
there are cores, as each waits now and then (JOBS= says otherwise).
"""

import argparse
import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.system import CHROMIUM, POSTGRES, Need, install, missing

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / "var" / "test-logs"
SECONDS_PER_STEP = 40 * 60
SECONDS_TO_END = 60
LINES_SHOWN = 200

# A developer's own settings must not decide what the checks find; MAKE*: the suite may call make itself.
FOREIGN_VARIABLES = {
    "ALLOWED_HOSTS",
    "CSRF_TRUSTED_ORIGINS",
    "DATABASE_POOL",
    "DATABASE_URL",
    "DATA_DIR",
    "DEBUG",
    "DJANGO_SETTINGS_MODULE",
    "HTTPS",
    "LOG_LEVEL",
    "MAKEFLAGS",
    "MAKELEVEL",
    "MFLAGS",
    "PORT",
    "PYTEST_ADDOPTS",
    "QUERY_SECONDS",
    "TEXT_INDEX",
    "SECRET_KEY",
    "TRUST_PROXY",
}


class Step(NamedTuple):
    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = {}
    needs: tuple[Need, ...] = ()

    @property
    def log(self) -> Path:
        return LOGS / f"{self.name}.log"

    @property
    def is_suite(self) -> bool:
        return "pytest" in self.command


class Result(NamedTuple):
    step: Step
    passed: bool
    seconds: float


def _module(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *words)


def _steps() -> list[Step]:
    """In the order of their start: the two longest first, so that the others run beside them."""
    manage = (sys.executable, "manage.py")
    suite = _module("pytest", "--color=no", "--durations=10", "-p", "no:cacheprovider")
    # The suite talks plain HTTP to itself.
    plain = {"HTTPS": "0"}
    return [
        Step("sqlite", (*suite, "-m", "not browser"), plain),
        Step("postgres", (*_module("tests.postgres"), *suite, "-m", "not browser and not pure"), plain, (POSTGRES,)),
        Step("format", _module("ruff", "format", "--check", ".")),
        Step("lint", _module("ruff", "check", ".")),
        Step("imports", (str(Path(sys.executable).with_name("lint-imports")),)),
        Step("migrations", (*manage, "makemigrations", "--check", "--dry-run")),
        Step("deploy", (*manage, "check", "--deploy", "--fail-level", "WARNING"), {"ALLOWED_HOSTS": "example.org"}),
        Step("types", _module("mypy")),
        Step("browser", (*suite, "-m", "browser"), plain, (CHROMIUM,)),
    ]


async def _run_all(steps: list[Step], jobs: int) -> list[Result]:
    turn = asyncio.Semaphore(jobs)

    async def in_turn(step: Step) -> Result:
        async with turn:
            result = await _run(step)
        _report(result)
        return result

    # A termination ends the steps, and whatever they started, as Ctrl-C does.
    if this := asyncio.current_task():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    async with asyncio.TaskGroup() as group:  # unlike gather, it waits for every step's end when cancelled
        tasks = [group.create_task(in_turn(step)) for step in steps]
    return [task.result() for task in tasks]


async def _run(step: Step) -> Result:
    started = time.monotonic()
    with step.log.open("wb") as log, _environment(step) as environment:
        process = await asyncio.create_subprocess_exec(
            *step.command,
            cwd=ROOT,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # A group of its own, so that a step is ended together with the servers and browsers it started.
            start_new_session=True,
        )
        try:
            passed = await asyncio.wait_for(process.wait(), SECONDS_PER_STEP) == 0
        except TimeoutError:
            passed = False
            log.write(f"\nEnded after {SECONDS_PER_STEP} seconds.\n".encode())
        finally:
            await _end(process)
    return Result(step, passed, time.monotonic() - started)


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the step's whole group, whether the step itself still runs or left something behind."""
    _signal_group(process, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), SECONDS_TO_END)
    _signal_group(process, signal.SIGKILL)


def _signal_group(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


@contextlib.contextmanager
def _environment(step: Step) -> Iterator[dict[str, str]]:
    """The step's variables: settings as in production, on a data directory of its own."""
    inherited = {name: value for name, value in os.environ.items() if name not in FOREIGN_VARIABLES}
    directory = tempfile.mkdtemp(prefix=f"interactions-{step.name}-")
    own = {"SECRET_KEY": secrets.token_urlsafe(64), "DATA_DIR": directory, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
    try:
        yield inherited | own | step.environment
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _report(result: Result) -> None:
    verdict = "ok    " if result.passed else "FAILED"
    print(f"{verdict} {result.seconds:7.1f} s  {result.step.name}", flush=True)


def _summarise(results: list[Result], seconds: float) -> None:
    failed = [result for result in results if not result.passed]
    for result in failed:
        _print_log(result.step)
    print()
    if failed:
        print(f"FAILED after {seconds:.0f} s: {', '.join(result.step.name for result in failed)}.")
    else:
        print(f"All {len(results)} steps passed in {seconds:.0f} s.")
    for result in results:
        if result.step.is_suite:
            print(f"pytest on {result.step.name}:", _closing_line(result.step), sep="\n")
    sys.stdout.flush()


def _print_log(step: Step) -> None:
    lines = step.log.read_text(errors="replace").splitlines()
    print(f"\n--- {step.log.relative_to(ROOT)}: {' '.join(step.command)}")
    if len(lines) > LINES_SHOWN:
        print(f"(the last {LINES_SHOWN} of {len(lines)} lines)")
    print(*lines[-LINES_SHOWN:], sep="\n")


def _closing_line(step: Step) -> str:
    """pytest's own last word, unchanged: CI reads it."""
    lines = step.log.read_text(errors="replace").splitlines()
    closing = [line for line in lines if line.startswith("=") and " in " in line]
    return closing[-1] if closing else f"(no closing line; see {step.log.relative_to(ROOT)})"


def _chosen(names: list[str]) -> list[Step]:
    steps = _steps()
    if unknown := sorted(set(names) - {step.name for step in steps}):
        sys.exit(f"Unknown step {', '.join(unknown)}; there are {', '.join(step.name for step in steps)}.")
    return [step for step in steps if not names or step.name in names]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.run", description="Run every check and the suite.")
    parser.add_argument("steps", nargs="*", metavar="STEP", help="only these: " + ", ".join(s.name for s in _steps()))
    steps = _chosen(parser.parse_args().steps)
    needed = {need for step in steps for need in step.needs}
    install([need for need in missing() if need in needed])
    LOGS.mkdir(parents=True, exist_ok=True)
    jobs = int(os.environ.get("JOBS") or min(3, 1 + (os.cpu_count() or 1)))
    started = time.monotonic()
    try:
        results = asyncio.run(_run_all(steps, jobs))
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("Interrupted.", file=sys.stderr)
        return 128 + signal.SIGINT
    _summarise(results, time.monotonic() - started)
    return 0 if all(result.passed for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
