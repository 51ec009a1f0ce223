"""All tables and figures, several runs at a time.

    python examples/paper/everything.py --workers 2
    python examples/paper/everything.py --workers 16 --device cuda --seeds 0 1 2 3 4

Every run is one that the script of a table or figure would do, with the same result, and takes the
same place on record. On a GPU, networks of the paper's sizes leave room for each other, most when
its multi-process service is on. Times against batch size are left out, since runs beside each other
would disturb them.
"""

import multiprocessing
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module

import runner

SCRIPTS = (
    "figure_3",
    "table_1",
    "figure_1_left",
    "figure_2",
    "figure_b5",
    "figure_1_right",
    "depth_width",
    "recommended",
    "tuning",
)
"""Those whose runs are long come first."""


def missing(scripts, options):
    """List what is not on record.

    Parameters
    ----------
    scripts : list of str
        Names of scripts.
    options : argparse.Namespace
        What the command line asks for.

    Returns
    -------
    list of tuple
        Script, parameters and seed of each run, one seed after another; each run once, though two
        scripts share it.
    """
    found = {}
    for seed in options.seeds:
        for script in scripts:
            experiment = import_module(script).EXPERIMENT
            one = runner.make_runner(experiment, options, 0.0)
            for parameters, _ in one.missing([seed], options.only, options.quick):
                key = experiment.name, runner.run_key(parameters, seed)
                found.setdefault(key, (script, parameters, seed))
    return list(found.values())


def do(script, parameters, seed, options, end):
    """Do a run in a process of its own.

    Parameters
    ----------
    script : str
        Name of its script.
    parameters : dict
        Of the run.
    seed : int
        Of the run.
    options : argparse.Namespace
        What the command line asks for.
    end : float
        The time, in seconds since the epoch, after which no epoch of training is begun.

    Returns
    -------
    str
        "done", "time over", or "failed": what went wrong is printed, and other runs go on.
    """
    experiment = import_module(script).EXPERIMENT
    try:
        runner.make_runner(experiment, options, end - time.time()).run_one(parameters, seed)
    except runner.TimeOverError:
        return "time over"
    except Exception:
        print(f"{script}, {parameters}, seed {seed}:\n{traceback.format_exc()}", file=sys.stderr)
        return "failed"
    return "done"


def main():
    """Read the command line and run."""
    parser = runner.command_line(__doc__)
    parser.add_argument("--workers", type=int, default=2, help="runs at a time")
    parser.add_argument("--scripts", nargs="+", default=SCRIPTS, choices=SCRIPTS, metavar="SCRIPT")
    options = parser.parse_args()
    end = time.time() + options.stop_after
    runs = missing(options.scripts, options)
    # A GPU's state does not survive a fork. Each process keeps its data, and what it has compiled,
    # for its next run, which joblib takes for a leak.
    with ProcessPoolExecutor(options.workers, multiprocessing.get_context("spawn")) as pool:
        outcomes = [one.result() for one in [pool.submit(do, *run, options, end) for run in runs]]
    print(", ".join(f"{outcomes.count(word)} {word}" for word in sorted(set(outcomes))))
    if "time over" in outcomes:
        print(runner.TIME_OVER)
    if "failed" in outcomes:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
