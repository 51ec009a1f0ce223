"""Several networks that answer together, and the trial that trains and judges them."""

import numpy as np
from settings import make_estimator
from trials import ClassifierTrial, averaged, epoch_seed


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
