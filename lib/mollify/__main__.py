"""The command line: python -m mollify list | run NAME | verify [DIR] | bench."""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import sys
from pathlib import Path

from mollify import checks, experiments, store

QUICK_RESULTS = Path("_build") / "quick"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        self.exit(2, f"{self.prog}: {message}\n")


def main(words: list[str] | None = None) -> int:
    """Run one command; 0 if all went well, 2 for anything the caller can put right."""
    words = sys.argv[1:] if words is None else words
    arguments = _parser().parse_args(words)
    try:
        return arguments.command(arguments, words) or 0
    except checks.BookError as error:
        print(f"mollify: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("mollify: interrupted; the same command goes on from here", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="mollify", description="Regenerate the book's results.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    listing = commands.add_parser("list", help="name every experiment and what it regenerates")
    listing.set_defaults(command=_list)

    run = commands.add_parser("run", help="run one experiment, or go on with it")
    run.add_argument("name", help="an experiment that `list` names")
    run.add_argument("--seeds", type=_whole, metavar="N", help="seeds 0 to N - 1")
    run.add_argument("--workers", type=_whole, metavar="N", help="processes (default: all cores)")
    run.add_argument(
        "--backend",
        choices=("local", "dask"),
        default="local",
        help="where the units run: this machine (default) or a Dask cluster",
    )
    run.add_argument("--address", metavar="HOST:PORT", help="the scheduler of the Dask cluster")
    run.add_argument("--quick", action="store_true", help="a small grid, to see it work")
    run.add_argument("--out", type=Path, metavar="DIR", help="results folder (default: data/NAME)")
    run.set_defaults(command=_run)

    verify = commands.add_parser("verify", help="check results against their manifests")
    verify.add_argument("folder", nargs="?", type=Path, default=store.DATA, metavar="DIR")
    verify.set_defaults(command=_verify)

    bench = commands.add_parser("bench", help="time the rollouts side by side with others")
    bench.add_argument("--json", action="store_true", help="print the ratios as JSON only")
    bench.add_argument("--rounds", type=_whole, default=5, metavar="N", help="interleaved rounds")
    bench.set_defaults(command=_bench)
    return parser


def _whole(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number, 1 or above, got {text!r}")
    return value


def _list(arguments: argparse.Namespace, words: list[str]) -> None:
    for experiment in experiments.catalogue().values():
        print(f"{experiment.name:28} {experiment.items:40} {experiment.summary}")


def _run(arguments: argparse.Namespace, words: list[str]) -> None:
    known = experiments.catalogue()
    experiment = known[checks.choice("experiment", arguments.name, known)]
    settings = experiments.settings_for(experiment, seeds=arguments.seeds, quick=arguments.quick)
    folder = arguments.out
    if folder is None:
        folder = (QUICK_RESULTS if arguments.quick else store.DATA) / experiment.name
    command = shlex.join(["python", "-m", "mollify", *words])
    with _cluster(arguments, experiment) as cluster:
        shared = dict(command=command, workers=arguments.workers, cluster=cluster)
        done = experiments.run(experiment, settings, folder, **shared)
    total = len(experiment.units(settings))
    print(f"{experiment.name}: computed {done} of {total} units, results in {folder}")


def _cluster(
    arguments: argparse.Namespace, experiment: experiments.Experiment
) -> contextlib.AbstractContextManager:
    """A checked connection to the cluster asked for; None where the units stay here."""
    if arguments.backend == "local":
        if arguments.address is not None:
            raise checks.ArgumentError("--address is for a cluster; add --backend dask")
        return contextlib.nullcontext()
    if arguments.address is None:
        raise checks.ArgumentError("--backend dask needs the scheduler's --address HOST:PORT")
    if arguments.workers is not None:
        raise checks.ArgumentError(
            "--workers counts processes of this machine; with --backend dask the cluster's "
            "workers share the units, so leave it out"
        )
    from mollify import cluster

    return cluster.connect(arguments.address, experiment.reads)


def _verify(arguments: argparse.Namespace, words: list[str]) -> None:
    print("\n".join(store.verify(arguments.folder)))


def _bench(arguments: argparse.Namespace, words: list[str]) -> None:
    from mollify import benchmark

    found = benchmark.rates(rounds=arguments.rounds)
    print(json.dumps(benchmark.ratios(found)) if arguments.json else benchmark.report(found))


if __name__ == "__main__":
    sys.exit(main())
