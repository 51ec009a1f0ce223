"""Past the paper: what is recommended for ±1 weights on the problems of Table 1, and what it gives.

    python examples/paper/recommended.py                           # trains what is not on record
    python examples/paper/report.py averages points committees     # prints the tables

Networks have the layers and epochs of Table 1. *Averages* are over the posterior of mean field with
large batches and noisy inputs. *Points* are single networks whose layers are rounded with their
inputs in mind (`sklearn_bp.round_weights`); they were chosen by their errors on 10,000 training
samples that were set aside; BinaryNet stands beside them, with noise too. *Committees* are several
networks whose class probabilities are averaged.
"""

import numpy as np
import table_1
from benchmarks.records import markdown_table
from evidence import NOTHING, as_run, percent, values
from paper_numbers import TEST_ERRORS
from paper_tables import TEST_BAYES, TEST_POINT, VALIDATION_POINT, problem_title
from runner import Experiment, main
from settings import MESSAGE_PASSING, OUTPUT_RHO, TITLES, binarynet, make_estimator, message_passing
from trials import ClassifierTrial, averaged, epoch_seed

from sklearn_bp import round_weights

KEPT = 0.999999
"""Damping of a layer that is rounded."""

NETWORK = {"hidden_layer_sizes": [501, 501], "n_epochs": 100}
SMALL_BATCHES = {"rho": [1.0, 1.0, OUTPUT_RHO], "damping": 0.9}
LARGE_BATCHES = SMALL_BATCHES | {"batch_size": 512}
NOISE = {"input_noise": 0.5}
"""Standard deviation of the noise; that of the inputs is 1."""

SHIFT = {"input_shift": 1}
"""Pixels each way by which images are shifted, anew for every epoch."""

ROUNDED = {"round_after": [85, 95]}
"""Of a hundred epochs, those after which the first and the second layer are rounded."""

FIRST_ROUNDED = {"round_after": [85], "free_scale": True}
SETTLED = ROUNDED | {"settling": [[70, 0.95], [80, 0.97]]}
"""Damping is raised before layers are rounded, so that weights settle."""

POINTS = {
    ("mnist", False): ("mf", LARGE_BATCHES, ROUNDED | NOISE),
    ("fashion_mnist", False): ("mf", LARGE_BATCHES, SETTLED),
    ("cifar10", False): ("amp", SMALL_BATCHES, FIRST_ROUNDED | NOISE),
    ("mnist", True): ("mf", SMALL_BATCHES, ROUNDED | {"free_scale": True} | NOISE | SHIFT),
    ("fashion_mnist", True): ("mf", LARGE_BATCHES, SETTLED | {"free_scale": True} | NOISE),
    ("cifar10", True): ("mf", LARGE_BATCHES, SETTLED | {"free_scale": True} | NOISE),
}
"""The point network chosen for each problem: the algorithm, its settings, and how it is trained."""

NOT_FOR_NOISE = ("cifar10",)
"""Data on which noise was not tried with large batches."""

COMMITTEES = {
    ("amp", 3): table_1.ROWS,
    ("mf", 5): tuple(problem for problem in table_1.ROWS if problem[0] != "cifar10"),
}
"""The algorithm, how many networks, and the problems."""


class RoundedTrial(ClassifierTrial):
    """The trial of a classifier whose layers are rounded one after another."""

    def train(self, epoch):
        """Round a layer if it is time, and train one epoch."""
        n_rounded = self._n_rounded(epoch)
        if n_rounded > self._n_rounded(epoch - 1):
            free_scale = self.parameters.get("free_scale", False)
            self.state = round_weights(
                self.state, self.problem.X_train, n_layers=n_rounded, free_scale=free_scale
            )
        self.state.set_params(damping=self._damping(epoch, n_rounded))
        return super().train(epoch)

    def _n_rounded(self, epoch):
        """Count the layers that are rounded when an epoch is trained."""
        return sum(self._is_past(when, epoch) for when in self.parameters["round_after"])

    def _is_past(self, when, epoch):
        """Tell whether an epoch comes after so many of a hundred."""
        return epoch > when * self.n_epochs // 100

    def _damping(self, epoch, n_rounded):
        """Give every layer's damping; those that are rounded are kept as they are."""
        damping = self.parameters["options"]["damping"]
        for when, higher in self.parameters.get("settling", ()):
            damping = higher if self._is_past(when, epoch) else damping
        n_layers = len(self.parameters["hidden_layer_sizes"]) + 1
        return [KEPT] * n_rounded + [damping] * (n_layers - n_rounded)


class Committee:
    """Several networks whose predictions are averaged.

    Parameters
    ----------
    members : list of BPClassifier
        The networks.
    """

    def __init__(self, members):
        self.members = members

    @property
    def classes_(self):
        """The labels."""
        return self.members[0].classes_

    def predict_proba(self, X):
        """Average the class probabilities."""
        return np.mean([member.predict_proba(X) for member in self.members], axis=0)

    def averaged(self):
        """Make the committee whose members average over their posteriors."""
        return Committee([averaged(member) for member in self.members])


class CommitteeTrial(ClassifierTrial):
    """The trial of a committee: each member has a start and an order of its own."""

    def __init__(self, parameters, seed, machine):
        super().__init__(parameters, seed, machine)
        members = [make_estimator(parameters, machine) for _ in range(parameters["members"])]
        for member in members:
            member.set_params(max_iter=1, warm_start=True)
        self.state = Committee(members)

    def train(self, epoch):
        """Train every member for one epoch."""
        for number, member in enumerate(self.state.members):
            member.set_params(random_state=epoch_seed(self.seed, (epoch, number)))
            self.fit_epoch(member)
        return {}

    def _averaged(self):
        """Make the committee of averages."""
        return self.state.averaged()

    def _passes_messages(self):
        """Tell that overlaps of a committee's units are not defined."""
        return False


def make_trial(parameters, seed, machine):
    """Make the trial that a run needs."""
    if "members" in parameters:
        return CommitteeTrial(parameters, seed, machine)
    kind = RoundedTrial if "round_after" in parameters else ClassifierTrial
    return kind(parameters, seed, machine)


def _problem(problem):
    """Gather the parameters of a problem of Table 1 and its network."""
    data, parity = problem
    return {"data": data, "parity": parity} | NETWORK


def average_run(problem, noise=None):
    """Gather the parameters of a run whose average is recommended, with or without noise."""
    return _problem(problem) | (noise or {}) | message_passing("mf", 2, **LARGE_BATCHES)


def point_run(problem):
    """Gather the parameters of the chosen point network of a problem."""
    algo, options, training = POINTS[problem]
    return _problem(problem) | training | message_passing(algo, 2, **options)


def validated(run):
    """Gather the parameters of a run judged by validation samples."""
    return run | {"n_validation": 10000}


def gradient_run(problem):
    """Gather the parameters of BinaryNet learning from noisy inputs."""
    return _problem(problem) | NOISE | binarynet()


def committee_run(problem, algo, members):
    """Gather the parameters of a committee."""
    return _problem(problem) | {"members": members} | message_passing(algo, 2)


AVERAGE_RUNS = [average_run(problem) for problem in table_1.ROWS] + [
    average_run(problem, NOISE) for problem in table_1.ROWS if problem[0] not in NOT_FOR_NOISE
]
POINT_RUNS = [
    run
    for problem in table_1.ROWS
    for run in (validated(point_run(problem)), point_run(problem), gradient_run(problem))
]

COMMITTEE_RUNS = [
    committee_run(problem, *kind) for kind, problems in COMMITTEES.items() for problem in problems
]
EXPERIMENT = Experiment("recommended", [*AVERAGE_RUNS, *POINT_RUNS, *COMMITTEE_RUNS], make_trial)


def _of_table_1(evidence, problem, contender):
    """Find the records of a contender of Table 1, with its point settings."""
    for run in table_1.EXPERIMENT.runs:
        named = (run["data"], run["parity"]), run["contender"], run["setting"]
        if named == (problem, contender, "point"):
            return evidence.of_run("table_1", run)
    raise LookupError(f"no run of {contender} on {problem}")


def report_averages(evidence):
    """Show test errors of averages over the posterior."""
    header = ["problem", "paper: BP", "our BinaryNet", "MF as in Table 1", "large batches"]
    rows = []
    for problem in TEST_ERRORS:
        paper = TEST_ERRORS[problem]["bp"]
        peer = percent(_of_table_1(evidence, problem, "binarynet"), *TEST_POINT)
        found = [_of_table_1(evidence, problem, "mf")]
        found += [evidence.of_run("recommended", average_run(problem, n)) for n in ({}, NOISE)]
        errors = [percent(records, *TEST_BAYES) for records in found]
        rows.append([problem_title(problem), paper, peer, *errors])
    return markdown_table([*header, "large batches, noise"], rows)


def report_points(evidence):
    """Show test errors of the chosen point networks."""
    header = ["problem", "trained by", "validation error", "paper: BP", "paper: BinaryNet"]
    header += ["our BinaryNet", "BinaryNet, noise", "message passing", "seeds"]
    rows = []
    for problem in TEST_ERRORS:
        judged = evidence.of_run("recommended", validated(point_run(problem)))
        records = evidence.of_run("recommended", point_run(problem))
        usual = _of_table_1(evidence, problem, "binarynet")
        peer = evidence.of_run("recommended", gradient_run(problem))
        papers = [TEST_ERRORS[problem][contender] for contender in ("bp", "binarynet")]
        cells = [_training(problem), percent(judged, *VALIDATION_POINT), *papers]
        errors = [percent(found, *TEST_POINT) for found in (usual, peer, records)]
        rows.append([problem_title(problem), *cells, *errors, as_run(records)[0]])
    return markdown_table(header, rows)


def _training(problem):
    """Name how the chosen point network of a problem is trained."""
    algo, options, training = POINTS[problem]
    words = [TITLES[algo], f"batches of {options.get('batch_size', 128)}"]
    for name, word in (
        ("settling", "damping rises"),
        ("free_scale", "free factors"),
        ("input_noise", "noise"),
        ("input_shift", "shifts"),
    ):
        words += [word] if name in training else []
    return ", ".join(words + ["first layer rounded"] * (len(training["round_after"]) == 1))


def report_committees(evidence):
    """Show test errors of committees of averages, beside those of the best single average."""
    header = ["problem", "best single average"]
    header += [f"{members} × {TITLES[algo]}" for algo, members in COMMITTEES]
    rows = []
    for problem in TEST_ERRORS:
        cells = [
            percent(evidence.of_run("recommended", committee_run(problem, *kind)), *TEST_BAYES)
            for kind in COMMITTEES
        ]
        rows.append([problem_title(problem), _best_average(evidence, problem), *cells])
    return markdown_table(header, rows)


def _best_average(evidence, problem):
    """Write the lowest error of a single network's average in Table 1 and above."""
    found = [
        evidence.of_run("table_1", run)
        for run in table_1.EXPERIMENT.runs
        if (run["data"], run["parity"]) == problem and run["contender"] in MESSAGE_PASSING
    ]
    found += [evidence.of_run("recommended", average_run(problem, n)) for n in ({}, NOISE)]
    means = [np.mean(errors) for one in found if (errors := values(one, *TEST_BAYES))]
    return f"{min(means):.2f}" if means else NOTHING


SECTIONS = {
    "averages": report_averages,
    "points": report_points,
    "committees": report_committees,
}
"""What can be reported, of the runs of :data:`EXPERIMENT`."""

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
