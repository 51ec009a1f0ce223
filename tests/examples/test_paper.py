"""Tests of the runner and the report of the paper's results, on little data."""

import json

import matplotlib.image
import numpy as np
import problems
import pytest
import recommended
import report
import runner
import table_1
import trials
from evidence import Evidence
from figure_3 import ContinualTrial
from recommended import KEPT, RoundedTrial
from settings import message_passing
from sklearn.utils import Bunch

NETWORK = {"data": "mnist", "parity": False, "hidden_layer_sizes": [21], "n_epochs": 3}
RUN = NETWORK | message_passing("amp", 1)
CURVES = ("test_point", "test_task_1", "polarization_0")


@pytest.fixture(autouse=True)
def little_data(monkeypatch, digits):
    """Put the digits of scikit-learn in the place of MNIST."""

    def load(data_home, parity, standardize):
        divisor = 2 if parity else 10
        shift = 0 if standardize else digits.X_train.min()
        return Bunch(
            X_train=digits.X_train[:400] - shift,
            y_train=digits.y_train[:400] % divisor,
            X_test=digits.X_test[:200] - shift,
            y_test=digits.y_test[:200] % divisor,
            image_shape=(8, 8),
        )

    monkeypatch.setitem(problems.LOADERS, "mnist", load)
    problems._load.cache_clear()
    yield
    problems._load.cache_clear()


def make_runner(folder, runs=(RUN,), trial=trials.ClassifierTrial, curves=CURVES, **options):
    """Make a runner that keeps everything in a folder."""
    experiment = runner.Experiment("experiment", list(runs), trial, lambda run: curves)
    return runner.Runner(experiment, runner.Machine(), folder, folder / "scratch", **options)


def read(folder):
    """Read the finished runs."""
    lines = (folder / "experiment.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


class CutOffError(Exception):
    """Stands for whatever ends a process."""


def interrupted(trial, epoch):
    """Make a trial that is cut off when it should train an epoch."""

    class Interrupted(trial):
        def train(self, number):
            if number == epoch:
                raise CutOffError
            return super().train(number)

    return Interrupted


def test_a_finished_run_is_one_line_and_is_not_done_again(tmp_path):
    make_runner(tmp_path).run([0, 1])
    first = read(tmp_path)
    assert [record["seed"] for record in first] == [0, 1]
    assert not list((tmp_path / "scratch").glob("*.joblib"))
    make_runner(tmp_path, trial=interrupted(trials.ClassifierTrial, 1)).run([0, 1])
    assert read(tmp_path) == first


def test_a_record_tells_what_was_run_and_what_came_out(tmp_path):
    make_runner(tmp_path).run([0])
    (record,) = read(tmp_path)
    assert record["parameters"] == RUN
    assert record["epochs"] == 3
    assert [line["epoch"] for line in record["history"]] == [1, 2, 3]
    assert record["result"]["test_point"] == record["history"][-1]["test_point"]
    for part in ("test_point", "test_bayes", "train_point", "train_bayes"):
        assert 0 <= record["result"][part]["error_percent"] < 50
    assert 0 < record["train_cpu_s"] and 0 < record["measure_cpu_s"]
    assert record["versions"]["sklearn_bp"] and record["device"] == "cpu"


@pytest.mark.parametrize("curves", [(), ("test_point",)], ids=str)
def test_only_what_is_shown_epoch_by_epoch_is_on_record_for_every_epoch(curves, tmp_path):
    make_runner(tmp_path, curves=curves).run([0])
    (record,) = read(tmp_path)
    shown = [{"epoch", *curves}] * 3 if curves else []
    assert [set(line) for line in record["history"]] == shown
    assert record["epochs"] == 3 and "test_point" in record["result"]


@pytest.mark.parametrize(
    "name", sorted({experiment.name for _, experiment in report.SECTIONS.values()})
)
def test_records_hold_what_is_shown_and_nothing_else(name):
    """No run that no table has, and no curve that no plot has."""
    curves = {}
    for _, experiment in report.SECTIONS.values():
        if experiment.name == name:
            curves |= {runner.run_key(run, None): experiment.curves(run) for run in experiment.runs}
    for record in runner.read_lines(runner.RESULTS / f"{name}.jsonl"):
        shown = curves[runner.run_key(record["parameters"], None)]
        assert runner.shown(record, shown) == record


@pytest.mark.parametrize(
    ("run", "trial"),
    [
        (RUN, trials.ClassifierTrial),
        (RUN | {"n_tasks": 2, "n_epochs": 2}, ContinualTrial),
    ],
    ids=["classifier", "continual"],
)
def test_a_run_that_is_cut_off_goes_on_to_the_same_result(run, trial, tmp_path):
    make_runner(tmp_path / "whole", [run], trial).run([0])
    with pytest.raises(CutOffError):
        make_runner(tmp_path / "cut", [run], interrupted(trial, 3)).run([0])
    assert not (tmp_path / "cut" / "experiment.jsonl").exists()
    assert len(list((tmp_path / "cut" / "scratch").glob("*.joblib"))) == 1
    begun = interrupted(trial, 1)
    make_runner(tmp_path / "cut", [run], begun).run([0])
    (whole,), (cut,) = read(tmp_path / "whole"), read(tmp_path / "cut")
    assert cut["history"] == whole["history"]
    assert cut["result"] == whole["result"]


def test_when_the_time_is_over_no_epoch_is_begun(tmp_path):
    with pytest.raises(runner.TimeOverError):
        make_runner(tmp_path, stop_after=-1).run([0])
    assert not (tmp_path / "experiment.jsonl").exists()


def test_a_line_that_was_cut_off_is_dropped_and_its_run_done_again(tmp_path):
    make_runner(tmp_path).run([0, 1])
    path = tmp_path / "experiment.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    make_runner(tmp_path).run([0, 1])
    assert [record["seed"] for record in read(tmp_path)] == [0, 1]


def test_training_that_leaves_the_finite_numbers_is_put_on_record(tmp_path):
    class Diverging(trials.ClassifierTrial):
        def train(self, epoch):
            if epoch == 2:
                raise trials.DivergedError("no more numbers")
            return super().train(epoch)

    make_runner(tmp_path, trial=Diverging).run([0])
    (record,) = read(tmp_path)
    assert record["diverged"] == "epoch 2: no more numbers"
    assert record["epochs"] == 1 and "result" not in record


@pytest.mark.parametrize(
    ("only", "chosen"),
    [
        ([], ["amp", "mf"]),
        (["contender=mf"], ["mf"]),
        (["contender=mf", "contender=amp"], ["amp", "mf"]),
        (["contender=mf", "batch_size=64"], []),
        (["batch_size=128", "parity=False"], ["amp", "mf"]),
    ],
)
def test_runs_are_chosen_by_their_parameters(only, chosen):
    runs = [NETWORK | message_passing(algo, 1) for algo in ("amp", "mf")]
    assert [run["contender"] for run in runs if runner.wanted(run, only)] == chosen


def test_a_condition_without_a_value_is_refused():
    with pytest.raises(SystemExit, match="NAME=VALUE"):
        runner.wanted(RUN, ["contender"])


def test_quick_runs_are_small():
    large = RUN | {"hidden_layer_sizes": [501, 31], "n_epochs": 100, "n_validation": 10000}
    small = runner.quickened(large)
    assert small["hidden_layer_sizes"] == [51, 31]
    assert (small["n_epochs"], small["n_train"], small["n_validation"]) == (3, 2000, 500)
    assert "n_validation" not in runner.quickened(RUN)


def test_selection_never_sees_the_test_set(digits):
    problem = problems.load_problem(NETWORK | {"n_validation": 100})
    assert problem.held_out == "validation"
    rows = {row.tobytes() for row in digits.X_train[:400]}
    parts = [problem.X_train, problem.X_held_out]
    assert [len(part) for part in parts] == [300, 100]
    found = [{row.tobytes() for row in part} for part in parts]
    assert found[0] | found[1] == rows and not found[0] & found[1]


def test_black_pixels_stay_at_0_unless_centred(digits):
    problem = problems.load_problem(NETWORK | {"centred": False})
    black = digits.X_train[:400] == digits.X_train.min()
    np.testing.assert_array_equal(problem.X_train == 0, black)
    assert problem.X_train.dtype == problem.X_held_out.dtype == np.float32
    np.testing.assert_allclose(np.mean(problem.X_train**2), 1, rtol=1e-5)
    scale = problem.X_train.max() / (digits.X_train[:400].max() - digits.X_train.min())
    held_out = (digits.X_test[:200] - digits.X_train.min()) * scale
    np.testing.assert_allclose(problem.X_held_out, held_out, rtol=1e-5)


def invented_record(experiment, run, seed):
    """Make a record as of a finished run, with numbers that can be told apart."""
    errors = {
        f"{part}_{kind}": {"error_percent": 10 * place + seed, "log_loss": 0.5}
        for place, (part, kind) in enumerate(
            (part, kind) for part in ("test", "train", "validation") for kind in ("point", "bayes")
        )
    }
    history = [
        {"epoch": epoch, "test_task_1": 5.0, "epoch_cpu_s": 2.0, "epoch_wall_s": 3.0, **errors}
        | {f"polarization_{layer}": 0.5 for layer in range(4)}
        | {"mean_overlaps": [0.1, 0.2, 0.3, 0.4]}
        for epoch in (1, 5)
    ]
    energy = {"flip_probabilities": [0.0, 0.2], "train_error_percent": 1.0}
    energy |= {"added_error_percent": [0.0, 7.0 + seed], "deviation_percent": [0.0, 0.1]}
    tasks = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    result = {**errors, "local_energy": energy, "test_tasks": tasks, "validation_tasks": tasks}
    return {
        "experiment": experiment,
        "parameters": run,
        "seed": seed,
        "history": history,
        "epochs": len(history),
        "result": result,
    }


@pytest.fixture
def invented(tmp_path):
    """Make a folder with records of every run of every section, for two seeds."""
    experiments = {}
    for _, experiment in report.SECTIONS.values():
        experiments.setdefault(experiment.name, []).extend(experiment.runs)
    for name, runs in experiments.items():
        records = {
            runner.run_key(run, seed): invented_record(name, run, seed)
            for run in runs
            for seed in (0, 2)
        }
        lines = [json.dumps(record) for record in records.values()]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("section", report.SECTIONS)
def test_every_section_shows_its_runs_and_misses_none(section, invented):
    text = report.report(section, Evidence(invented))
    assert "Not run yet" not in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in table}) == 1
    assert len(table) > 3


def test_means_and_deviations_over_seeds_are_shown(invented):
    text = report.report("table_1", Evidence(invented))
    # Test errors of the two seeds: 0 and 2, point; 10 and 12, averaged.
    assert (
        "| MNIST, 10 classes | MF | 2.3 | 1.00 ± 1.41 | 11.00 ± 1.41 | 11.00 ± 1.41 | 2 | 2 |"
        in (text)
    )
    assert "8.00 ± 1.41" in report.report("figure_b5", Evidence(invented))
    assert "99.00 ± 1.41" in report.report("figure_1_right", Evidence(invented))


@pytest.mark.parametrize("section", report.SECTIONS)
def test_a_section_without_records_says_that_nothing_was_run(section, tmp_path):
    n_runs = len(report.SECTIONS[section][1].runs)
    text = report.report(section, Evidence(tmp_path))
    assert f"Not run yet: {n_runs} of {n_runs} runs" in text


@pytest.mark.parametrize("section", report.SECTIONS)
def test_what_is_committed_can_be_reported_and_always_alike(section):
    texts = [report.report(section, Evidence(runner.RESULTS)) for _ in range(2)]
    assert texts[0] == texts[1]
    assert texts[0].startswith("| ")


def test_plots_are_drawn_and_always_alike(invented):
    import plots

    folders = [invented / name for name in ("first", "second")]
    for folder in folders:
        plots.draw_all(Evidence(invented), folder)
    names = sorted(path.name for path in folders[0].iterdir())
    assert names == sorted(f"{name}.png" for name in plots.PLOTS)
    for name in names:
        contents = [(folder / name).read_bytes() for folder in folders]
        assert contents[0] == contents[1]
        assert np.ptp(matplotlib.image.imread(folders[0] / name)) > 0


def test_a_plot_of_which_only_a_part_was_run_is_drawn(invented):
    import plots

    path = invented / "table_1.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if json.loads(line)["parameters"]["contender"] == "mf"]
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    figure = plots.draw_figure_b8(Evidence(invented))
    for ax in figure.axes:
        plots._finish(ax)
    assert [bool(ax.texts) for ax in figure.axes] == [True, True, False]
    plots.plt.close(figure)


def test_without_records_no_plot_is_drawn(tmp_path):
    import plots

    plots.draw_all(Evidence(tmp_path), tmp_path / "figures")
    assert not list((tmp_path / "figures").iterdir())


def test_noise_is_that_of_the_epoch_and_changes_no_sample():
    """A network sees other inputs in every epoch, the same in the same one, and none keeps them."""
    trial = trials.ClassifierTrial(RUN | {"input_noise": 0.25}, 0, runner.Machine())
    X = trial.problem.X_train.copy()
    first, again, second = (trial._inputs(seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.dtype == X.dtype and first.shape == X.shape
    for noise in (first - X, second - X, (second - first) / np.sqrt(2)):
        assert abs(noise.std() - 0.25) < 0.01 and abs(noise.mean()) < 0.01
    trial.train(1)
    plain = trials.ClassifierTrial(RUN, 0, runner.Machine())
    plain.train(1)
    assert np.any(trial.state.weight_means_[0] != plain.state.weight_means_[0])
    np.testing.assert_array_equal(trial.problem.X_train, X)
    assert plain._inputs(1) is plain.problem.X_train


@pytest.mark.parametrize("image_shape", [(4, 5), (4, 5, 3)], ids=str)
def test_every_image_is_shifted_whole_and_all_shifts_are_as_likely(image_shape):
    """Images and their shifts are known by the pixels that stay inside for every one of them."""
    rng = np.random.default_rng(0)
    X = rng.permutation(9000 * np.prod(image_shape)).reshape(9000, -1).astype(np.float32)
    found = problems.shift_images(X, image_shape, 1, rng)
    assert found.dtype == X.dtype and found.shape == X.shape
    images, found = X.reshape(-1, *image_shape), found.reshape(-1, *image_shape)
    height, width = image_shape[:2]
    counts = []
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            rows = np.clip(np.arange(height) + down, 0, height - 1)
            columns = np.clip(np.arange(width) + right, 0, width - 1)
            same = found == images[:, rows][:, :, columns]
            counts.append(same.reshape(9000, -1).all(axis=1).sum())
    assert sum(counts) == 9000
    # A thousand each, with deviation 30.
    assert 850 < min(counts) and max(counts) < 1150


def test_shifts_are_those_of_the_epoch_and_change_no_sample():
    """Noise is added to images that are shifted already."""
    run = RUN | {"input_shift": 1}
    trial = trials.ClassifierTrial(run, 0, runner.Machine())
    X = trial.problem.X_train.copy()
    first, again, second = (trial._inputs(seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != second) and np.any(first != X)
    noisy_trial = trials.ClassifierTrial(run | {"input_noise": 0.25}, 0, runner.Machine())
    noise = noisy_trial._inputs(1) - first
    assert abs(noise.std() - 0.25) < 0.01 and abs(noise.mean()) < 0.01
    trial.train(1)
    np.testing.assert_array_equal(trial.problem.X_train, X)


def test_only_runs_that_say_when_have_layers_rounded():
    rounded = recommended.point_run(("mnist", True))
    for run, kind in ((rounded, RoundedTrial), (RUN, trials.ClassifierTrial)):
        small = run | {"n_train": 100}
        assert type(recommended.make_trial(small, 0, runner.Machine())) is kind


def test_layers_are_rounded_one_after_another(tmp_path):
    """The first after 50 of 100 epochs, the second after 75; here after two and three of four."""
    network = NETWORK | {"hidden_layer_sizes": [21, 15], "n_epochs": 4, "round_after": [50, 75]}
    trial = RoundedTrial(network | message_passing("mf", 2, rho=1.0), 0, runner.Machine())
    certain = []
    for epoch in range(1, 5):
        trial.train(epoch)
        certain.append([bool((np.abs(m) > 0.99).all()) for m in trial.state.weight_means_])
    assert certain == [[False] * 3] * 2 + [[True, False, False], [True, True, False]]
    assert len(trial.state.history_) == 4


@pytest.mark.parametrize("asked", [{}, {"free_scale": True}, {"free_scale": False}], ids=str)
def test_a_run_says_whether_factors_are_free(asked, monkeypatch):
    """Runs that do not say are those from before there was a choice."""
    found = []

    def keep(state, X, n_layers, free_scale):
        found.append((n_layers, free_scale))
        return state

    monkeypatch.setattr("recommended.round_weights", keep)
    network = NETWORK | {"hidden_layer_sizes": [21, 15], "n_epochs": 2, "round_after": [50, 50]}
    trial = RoundedTrial(network | asked | message_passing("mf", 2), 0, runner.Machine())
    for epoch in (1, 2):
        trial.train(epoch)
    assert found == [(2, asked.get("free_scale", False))]


def test_weights_settle_before_layers_are_rounded():
    """Damping rises after 25 and 75 of 100 epochs, here after one and three of four."""
    network = NETWORK | {"hidden_layer_sizes": [21, 15], "n_epochs": 4, "round_after": [50, 80]}
    network |= {"settling": [[25, 0.7], [75, 0.9]]} | message_passing("mf", 2, damping=0.5)
    trial, found = RoundedTrial(network, 0, runner.Machine()), []
    for epoch in range(1, 5):
        trial.train(epoch)
        found.append(trial.state.damping)
    assert found == [[0.5] * 3, [0.7] * 3, [KEPT, 0.7, 0.7], [KEPT, KEPT, 0.9]]


def test_the_best_average_is_the_lowest_mean_of_single_networks():
    """Of all in Table 1 and those with large batches, in which ever of them it is."""

    class Asked:
        @staticmethod
        def of_run(experiment, run):
            if (run["data"], run["parity"]) != ("mnist", True):
                return []
            low = run.get("setting") == "bayes" and run["contender"] == "amp"
            errors = [3.0, 5.0] if low else [6.0]
            return [{"result": {"test_bayes": {"error_percent": error}}} for error in errors]

    assert recommended._best_average(Asked, ("mnist", True)) == "4.00"
    assert recommended._best_average(Asked, ("mnist", False)) == "–"


def test_every_network_recommended_is_a_run_of_its_own_kind():
    keys = [runner.run_key(run, None) for run in recommended.EXPERIMENT.runs]
    assert len(set(keys)) == len(keys)
    assert set(recommended.POINTS) == set(table_1.ROWS)
    assert recommended.NOISE["input_noise"] == 0.5
