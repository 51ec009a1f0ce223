"""Past the paper: what lowers the error of the same network, chosen by validation samples.

    python examples/paper/beyond.py --seeds 0 1 2

Each variant changes one thing of the usual settings: the exact argmax channel, rho or damping of
some layers, their schedule over the epochs, growing batches, several sweeps, pixels that are not
centred, or the average of the predictions of several networks; some change two or three that are
better alone. All are judged by 10,000 training samples that are set aside; the test set is not
touched.
"""

from committees import CommitteeTrial
from runner import Experiment, main
from settings import OUTPUT_RHO, POINT_RHO, message_passing
from trials import ClassifierTrial

NETWORK = {
    "data": "mnist",
    "parity": False,
    "hidden_layer_sizes": [101, 101],
    "n_epochs": 30,
    "n_validation": 10000,
}
COMMITTEES = {
    "3 networks": ("amp", 3),
    "5 networks": ("amp", 5),
    "3 networks of mean field": ("mf", 3),
}
SCHEDULES = {
    "rho rises": {"rho": [[rho, rho, 0.9] for rho in (1.0, 1.0001, 1.0003, 1.001)]},
    "rho falls": {"rho": [[rho, rho, 0.9] for rho in (1.001, 1.0003, 1.0001, 1.0)]},
    "damping rises": {"damping": [0.8, 0.9, 0.95, 0.98]},
    "batches grow": {"batch_size": [32, 64, 128, 256]},
}
"""What changes after each quarter of the epochs."""

COMBINATIONS = (
    {"rho": 0.9999, "damping": 0.9},
    {"rho": 0.9999, "damping": 0.95},
    {"rho": 1.0, "damping": 0.9},
    {"damping": 0.9, "argmax": "exact"},
    {"damping": 0.9, "batch_size": 256},
    {"damping": 0.9, "n_inner_iter": 2},
    {"rho": 0.9999, "damping": 0.9, "batch_size": 256},
    {"rho": 0.9999, "damping": 0.9, "output_rho": 0.98},
    {"rho": 0.9999, "damping": 0.9, "n_inner_iter": 2},
)
"""Of what is better alone, what is tried together; `rho` is that of the hidden layers."""


MEAN_FIELD = (
    {},
    {"damping": 0.9},
    {"damping": 0.95},
    {"rho": 0.9999, "damping": 0.9},
    {"rho": 1.0003},
    {"damping": 0.9, "output_rho": 0.98},
)
"""What is tried by mean field, whose weights polarise less than those of AMP."""


NOT_CENTRED = ({}, {"rho": 0.9999}, {"rho": 0.9995}, {"rho": 0.999})
"""What is tried on pixels of which black ones are 0, instead of all with mean 0."""


class VariantTrial(ClassifierTrial):
    """The trial of every classifier, for networks whose settings change with time."""

    def train(self, epoch):
        """Train one epoch with the settings of its time."""
        for name, stages in self.parameters.get("schedule", {}).items():
            stage = (epoch - 1) * len(stages) // self.n_epochs
            self.state.set_params(**{name: stages[stage]})
        return super().train(epoch)


def make_trial(parameters, seed, machine):
    """Make the trial that a run needs."""
    kind = CommitteeTrial if "members" in parameters else VariantTrial
    return kind(parameters, seed, machine)


def _together(rho=POINT_RHO, output_rho=OUTPUT_RHO, **others):
    """Gather the options of a combination."""
    return {"rho": [rho, rho, output_rho], **others}


def _named(*words, **options):
    """Name a variant by what it changes."""
    return ", ".join([*words, *(f"{name} {value}" for name, value in options.items())])


def variants():
    """List the variants by name: what they change in the usual settings."""
    changed = {
        "usual settings": {},
        "exact argmax": {"argmax": "exact"},
        **{f"rho {rho}": {"rho": [rho, rho, 0.9]} for rho in (0.9999, 1.0, 1.0003, 1.001)},
        **{f"output rho {rho}": {"rho": [1.0001, 1.0001, rho]} for rho in (0.8, 0.95, 0.98, 1.0)},
        **{f"damping {damping}": {"damping": damping} for damping in (0.9, 0.95)},
        **{f"{sweeps} sweeps": {"n_inner_iter": sweeps} for sweeps in (2, 4)},
        **{f"batches of {size}": {"batch_size": size} for size in (32, 64, 256)},
    }
    changed |= {f"rho {rho}": {"rho": [rho, rho, 0.9]} for rho in (0.9995, 0.999)}
    changed |= {_named(**together): _together(**together) for together in COMBINATIONS}
    runs = [
        {"variant": name, **message_passing("amp", 2, **options)}
        for name, options in changed.items()
    ]
    runs += [
        {"variant": name, "schedule": schedule, **message_passing("amp", 2)}
        for name, schedule in SCHEDULES.items()
    ]
    runs += [
        {"variant": _named("mean field", **together)}
        | message_passing("mf", 2, **_together(**together))
        for together in MEAN_FIELD
    ]
    runs += [
        {"variant": _named("black is 0", **together), "centred": False}
        | message_passing("amp", 2, **_together(**together))
        for together in NOT_CENTRED
    ]
    return runs + [
        {"variant": name, "members": members, **message_passing(algo, 2)}
        for name, (algo, members) in COMMITTEES.items()
    ]


RUNS = [NETWORK | run for run in variants()]
EXPERIMENT = Experiment("beyond", RUNS, make_trial)

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
