"""The script that measures on a GPU: what it writes, how it goes on, a run in the simulator."""

import json
import os
import subprocess
import sys
from argparse import Namespace
from importlib import import_module
from pathlib import Path

import gpu
import gpu_report
import numpy as np
import pytest
from numba import config

BENCHMARKS = Path(gpu.__file__).parent
SPREAD = {"min": 1.0, "median": 2.0, "max": 4.0}
MACHINE = {"date": "today", "versions": {"numba": "1"}, "device": {"name": "some GPU"}}


class FakeCells:
    """Two parts, of two cells and of one, and what was measured."""

    def __init__(self, name="some GPU"):
        self.measured, self.name = [], name
        self.PARTS = {
            "epochs": lambda bench: [(one, lambda one=one: self._measure(one)) for one in "ab"],
            "shapes": lambda bench: [("c", lambda: self._measure("c"))],
        }

    def _measure(self, name):
        self.measured.append(name)
        return [{"epoch_s": SPREAD}]

    def describe(self):
        return {"name": self.name}

    def Bench(self, data_home, quick):
        return None


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run the script with stand-ins for what it measures: what was measured, and the file."""

    def run_with(cells, **options):
        monkeypatch.setattr(gpu, "find_problem", lambda: None)
        monkeypatch.setitem(sys.modules, "gpu_cells", cells)
        path = tmp_path / "gpu.json"
        defaults = dict(output=path, quick=False, parts=None, limit=None, again=False)
        gpu.run(Namespace(**(defaults | {"data_home": None} | options)))
        return cells.measured, json.loads(path.read_text())

    return run_with


def test_a_later_call_goes_on_where_an_earlier_one_stopped(run, capsys):
    assert run(FakeCells(), parts=["epochs"])[0] == ["a", "b"]
    measured, document = run(FakeCells())
    assert measured == ["c"]
    assert [one["cell"] for one in document["epochs"] + document["shapes"]] == ["a", "b", "c"]
    assert run(FakeCells())[0] == []
    measured, document = run(FakeCells(), again=True)
    assert measured == ["a", "b", "c"] and len(document["epochs"]) == 2


def test_no_cell_is_started_when_time_is_up(run, tmp_path, capsys):
    run(FakeCells(), parts=["epochs"])
    assert run(FakeCells(), limit=-1.0)[0] == []
    assert "call again" in capsys.readouterr().out


def test_numbers_of_two_machines_do_not_mix(run, capsys):
    run(FakeCells())
    with pytest.raises(SystemExit, match="some GPU"):
        run(FakeCells("another GPU"))


def test_report_shows_every_part(capsys):
    document = {"machine": MACHINE}
    for part, columns in gpu_report.COLUMNS.items():
        document[part] = [dict.fromkeys(columns, SPREAD) | {"cell": f"cell of {part}"}]
    document["epochs"][0]["marked"] = [0.25, 0.0]
    gpu_report.print_report(document)
    printed = capsys.readouterr().out
    assert "some GPU" in printed and "1 / 2 / 4" in printed and "25.00%, 0.00%" in printed
    for part, title in gpu_report.TITLES.items():
        assert f"### {title}" in printed and f"cell of {part}" in printed


def test_without_a_gpu_it_says_so(monkeypatch):
    monkeypatch.setattr(gpu, "find_problem", lambda: "there is none.")
    with pytest.raises(SystemExit, match="nothing to measure: there is none"):
        gpu.run(Namespace())


@pytest.mark.skipif(config.ENABLE_CUDASIM, reason="the simulator compiles nothing")
def test_instructions_of_an_edge_are_counted(monkeypatch):
    pytest.importorskip("numba_cuda")
    device = Namespace(compute_capability=(9, 0))
    dispatcher = import_module("numba.cuda.dispatcher")
    monkeypatch.setattr(dispatcher, "get_current_device", lambda: device)
    from gpu_kernels import edge_cost

    from sklearn_bp.channels import ACTIVATIONS

    costs = {name: edge_cost(channel) for name, channel in ACTIVATIONS.items()}
    assert 1 <= costs["identity"] <= 3 < costs["sign"] < costs["relu"] < 300


@pytest.mark.parametrize("rate", ["multiply-adds", "products"])
@pytest.mark.parametrize(
    ("n_bytes", "operations", "floor"),
    [(20, 100, (2.0, "bytes")), (20, 1000, (10.0, "arithmetic"))],
)
def test_the_floor_is_what_the_scarcer_resource_allows(n_bytes, operations, floor, rate):
    pytest.importorskip("numba_cuda")
    from gpu_kernels import floor_of

    rates = {"copy": 10.0, "multiply-adds": 50.0, "products": 50.0} | {rate: 100.0}
    assert floor_of(n_bytes, operations, Namespace(rate=rates.get)) == floor


SIMULATED = """
import sys
sys.path[:0] = [{benchmarks!r}, {tests!r}]
import numpy as np
import gpu, gpu_cells, gpu_report
from backends.cuda.turns import take_turns
from contenders import Problem
from sklearn_bp.cavity import series
series.LEAST_EDGES = 0
take_turns(processor=max)
rng = np.random.default_rng(0)
X, y = rng.standard_normal((6, 4)).astype(np.float32), np.arange(6) % 3
gpu_cells.Bench.problem = lambda self, width, batch_size: Problem(X, y, (3, 3), 3)
gpu_cells.describe = lambda: {{"name": "the simulator"}}
gpu_cells.PEER = "pytagi"
gpu_cells.available = lambda name: False
gpu_cells.OWN = {{"mf": {{"algo": "mf"}}, "bp": {{"algo": "bp"}}}}
gpu_cells.SHAPES = {{"one": (2, 2, 2)}}
sys.argv = ["gpu.py", "--quick", "--output", {output!r}]
sys.argv += ["--parts", "ceilings", "epochs", "kernels"]
gpu.main()
"""


@pytest.mark.slow
def test_measuring_runs_in_the_simulator(tmp_path):
    pytest.importorskip("numba_cuda")
    output = tmp_path / "gpu.json"
    folders = {"benchmarks": str(BENCHMARKS), "tests": str(Path(__file__).parents[1])}
    source = SIMULATED.format(**folders, output=str(output))
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1"}
    done = subprocess.run(
        [sys.executable, "-c", source], env=environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr[-5000:]
    document = json.loads(output.read_text())
    assert {one["cell"] for one in document["ceilings"]} >= {"copy", "products", "least kernel"}
    assert {one["contender"] for one in document["epochs"]} == {"mf", "bp"}
    names = {one["kernel"].split()[0] for one in document["kernels"]}
    assert names >= {"product", "moments", "update", "expand", "expanded_sums", "end_step"}
    for one in document["kernels"]:
        assert one["us"] > 0 and one["floor_us"] > 0 and np.isfinite(one["over_floor"])
        assert one["floor_of"] in ("arithmetic", "bytes")
