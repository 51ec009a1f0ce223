"""Progress of a fit: a tqdm bar where tqdm is installed, else one line per epoch."""

from time import perf_counter


def summary(record):
    """Name what an epoch's record says about the network.

    Parameters
    ----------
    record : dict
        An entry of ``history_``.

    Returns
    -------
    dict of str
        Short texts by name: train and validation accuracy, polarization per layer.
    """
    texts = {"train": f"{record['train_accuracy']:.4f}"}
    if "validation_score" in record:
        texts["validation"] = f"{record['validation_score']:.4f}"
    layers = [value for name, value in record.items() if name.startswith("polarization_")]
    texts["polarization"] = " ".join(f"{value:.3f}" for value in layers)
    return texts


class Silent:
    """Shows nothing."""

    def advance(self, n_samples):
        """Take note of samples learned.

        Parameters
        ----------
        n_samples : int
            Samples of a mini-batch.
        """

    def finish_epoch(self, record):
        """Take note of an epoch's end.

        Parameters
        ----------
        record : dict
            The epoch's entry of ``history_``.
        """

    def close(self):
        """Take note of the end of training."""


class Lines(Silent):
    """Prints a line per epoch, with the time that the remaining epochs would take.

    Parameters
    ----------
    n_epochs : int
        Epochs at most.
    """

    def __init__(self, n_epochs):
        self._n_epochs, self._done, self._start = n_epochs, 0, perf_counter()

    def finish_epoch(self, record):
        """Print a line.

        Parameters
        ----------
        record : dict
            The epoch's entry of ``history_``.
        """
        self._done += 1
        elapsed = perf_counter() - self._start
        left = elapsed / self._done * (self._n_epochs - self._done)
        texts = ", ".join(f"{name} {text}" for name, text in summary(record).items())
        print(f"epoch {self._done}/{self._n_epochs}: {texts}, {left:.0f} s left", flush=True)


class Bar(Silent):
    """Shows a tqdm bar over the samples of all epochs.

    Parameters
    ----------
    tqdm : callable
        The class of the bar.
    n_epochs : int
        Epochs at most.
    n_samples : int
        Samples per epoch.
    """

    def __init__(self, tqdm, n_epochs, n_samples):
        self._n_epochs, self._done = n_epochs, 0
        self._bar = tqdm(total=n_epochs * n_samples, unit=" samples", unit_scale=True)
        self._bar.set_description(f"epoch 1/{n_epochs}")

    def advance(self, n_samples):
        """Move the bar.

        Parameters
        ----------
        n_samples : int
            Samples of a mini-batch.
        """
        self._bar.update(n_samples)

    def finish_epoch(self, record):
        """Show what the epoch reached.

        Parameters
        ----------
        record : dict
            The epoch's entry of ``history_``.
        """
        self._done += 1
        self._bar.set_postfix(summary(record), refresh=False)
        self._bar.set_description(f"epoch {min(self._done + 1, self._n_epochs)}/{self._n_epochs}")

    def close(self):
        """Leave the bar as it is."""
        self._bar.close()


def make_progress(verbose, n_epochs, n_samples):
    """Choose how to show progress.

    Parameters
    ----------
    verbose : bool or int
        0 for silence, 1 for a bar (lines without tqdm), 2 or more for lines.
    n_epochs : int
        Epochs at most.
    n_samples : int
        Samples per epoch.

    Returns
    -------
    Silent
        Something to tell what happens.
    """
    if not verbose:
        return Silent()
    if verbose > 1:
        return Lines(n_epochs)
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return Lines(n_epochs)
    return Bar(tqdm, n_epochs, n_samples)
