"""Figure 3: six tasks one after another, permuted MNIST, 2 × 2001 units.

    python examples/paper/figure_3.py                         # as in the paper: days on a CPU
    python examples/paper/figure_3.py --only n_epochs=10      # 2 × 501 units, 10 epochs per task

Every task is MNIST with its pixels permuted, and is learned for 40 epochs by `partial_fit` on one
mini-batch after another.
"""

import numpy as np
from problems import load_problem
from runner import Experiment, main
from settings import binarynet, computes_on, make_estimator, message_passing
from trials import DivergedError, epoch_seed

from sklearn_bp.datasets import make_permuted_tasks
from sklearn_bp.engine.errors import NonFiniteError

LEARNING_RATES = (0.1, 1.0, 10.0)
FULL = {"hidden_layer_sizes": [2001, 2001], "n_epochs": 40}
REDUCED = {"hidden_layer_sizes": [501, 501], "n_epochs": 10}
FORGETS_LESS = {
    40: {"rho": [1.0, 1.0, 0.9], "damping": [0.8, 0.8, 0.999]},
    10: {"rho": [1.0001, 1.0001, 0.9], "damping": [0.8, 0.8, 0.995]},
}
"""By epochs per task, what kept the tasks before on validation samples of 2 × 501 units."""


class ContinualTrial:
    """A network learns one permuted task after another.

    After every epoch it is judged on the test samples of the first task, and at the end of each
    task on those of all tasks.

    Parameters
    ----------
    parameters : dict
        ``n_epochs`` of a task, ``n_tasks``, and those of :func:`problems.load_problem` and
        :func:`settings.make_estimator`.
    seed : int
        Draws the start, the permutations and the order of the samples.
    machine : Machine
        Where to compute, and where the data are.
    """

    def __init__(self, parameters, seed, machine):
        self.seed, self.n_epochs_per_task = seed, parameters["n_epochs"]
        self.n_epochs = parameters["n_tasks"] * self.n_epochs_per_task
        self.batch_size = parameters["options"]["batch_size"]
        self.device = computes_on(parameters, machine)
        self.problem = load_problem(parameters, machine.data_home)
        self.tasks = make_permuted_tasks(
            self.problem.X_train[:1], parameters["n_tasks"], random_state=seed
        )
        self.state = make_estimator(parameters, machine).set_params(random_state=seed)
        self.classes = np.unique(self.problem.y_train)

    def task(self, epoch):
        """Number the task, from 0 on, of an epoch."""
        return (epoch - 1) // self.n_epochs_per_task

    def train(self, epoch):
        """Learn every mini-batch of the epoch's task once."""
        features, y = self.tasks[self.task(epoch)], self.problem.y_train
        order = np.random.RandomState(epoch_seed(self.seed, epoch)).permutation(y.shape[0])
        for first in range(0, y.shape[0], self.batch_size):
            rows = order[first : first + self.batch_size]
            X = self.problem.X_train[rows][:, features]
            try:
                self.state.partial_fit(X, y[rows], classes=self.classes)
            except (NonFiniteError, FloatingPointError) as error:
                raise DivergedError(str(error)) from error
        return {"task": self.task(epoch) + 1}

    def measure(self, epoch):
        """Judge the network by the first task, at the end of a task by all."""
        ends = epoch % self.n_epochs_per_task == 0
        judged = self.tasks if ends else self.tasks[:1]
        errors = [self._error_percent(features) for features in judged]
        name = self.problem.held_out
        return {f"{name}_task_1": errors[0]} | ({f"{name}_tasks": errors} if ends else {})

    def _error_percent(self, features):
        """Compute the share of held-out samples of a task that are classified wrongly."""
        predicted = self.state.predict(self.problem.X_held_out[:, features])
        return 100 * float(np.mean(predicted != self.problem.y_held_out))

    def result(self):
        """Measure nothing more."""
        return {}


def contenders(n_epochs):
    """List the networks that learn for some epochs per task: the paper's, and BP that forgets less.

    The paper's BP has rho 1 and damping 0.8 in all layers, the last one too.
    """
    return [
        message_passing("bp", 2, rho=[1.0, 1.0, 1.0]),
        message_passing("bp", 2, **FORGETS_LESS[n_epochs]),
        *(binarynet(learning_rate=rate) for rate in LEARNING_RATES),
    ]


def runs():
    """List the runs, those of the paper's size first."""
    return [
        {"data": "mnist", "parity": False, "n_tasks": 6} | size | contender
        for size in (FULL, REDUCED)
        for contender in contenders(size["n_epochs"])
    ]


EXPERIMENT = Experiment("figure_3", runs(), ContinualTrial, lambda run: ("test_task_1",))

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
