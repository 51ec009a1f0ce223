"""Everything scalar also works as plain Python, on NumPy scalars and floats, without warnings.

So it runs in the CUDA simulator and under ``NUMBA_DISABLE_JIT=1``, where a debugger can enter.
"""

import os
import subprocess
import sys

SCRIPT = """
import itertools
import warnings

import numpy as np

from sklearn_bp import scalar
from sklearn_bp.channels import ACTIVATIONS, OUTPUTS, labels
from sklearn_bp.priors import PRIORS

warnings.simplefilter("error")
ratios = (0, -0.0, 1e-8, 0.5, -0.5, 3, -3, 12, -12, 40, -40, 300, -300, 1e7, -1e7)
names = set(scalar.__all__) - {"scalar_function", "is_double", "exp_between", "log", "log1p"}


def check(results, kind, *where):
    for result in results:
        values = result if isinstance(result, tuple) else (result,)
        for value in values:
            assert type(value) is kind and np.isfinite(value), (where, kind, value)


for kind in (np.float32, np.float64, float):
    assert scalar.is_double(kind(1)) == (kind is not np.float32)
    for x in ratios:
        for name in names:
            argument = kind(abs(x) if name.endswith(("fraction", "sides")) else x)
            check([getattr(scalar, name)(argument)], kind, name, x)
        for prior in PRIORS.values():
            field, precision = kind(x), kind(2)
            mean = prior.mean(field, precision)
            check([mean, prior.variance(mean, precision)], kind, prior.name, x)
    for B, ratio, v in itertools.product((0, 1e-12, 0.3, -3, 60, -60), ratios, (1e-8, 1, 1e4)):
        B, A, omega, v = (kind(value) for value in (B, 0.5, ratio * v**0.5, v))
        for channel in ACTIVATIONS.values():
            results = [
                channel.log_z(B, A, omega, v),
                channel.moments(B, A, omega, v),
                channel.g_gamma(B, A, omega, v),
                channel.edge_g(omega, *channel.edge_parameters(B, A, v)),
                channel.point(omega),
            ]
            check(results, kind, channel.name, B, ratio, v)
        for y, noise in itertools.product((kind(-1), kind(1)), (kind(0), kind(0.1))):
            output = OUTPUTS["sign"]
            message, log_z = output.message(y, noise), output.log_z(y, omega, v)
            others, (g, gamma) = kind(2), output.activation.g_gamma(*message, omega, v)
            r = labels.responsibility(log_z, noise, others)
            results = [
                log_z,
                (g, gamma),
                labels.soften(g, gamma, r),
                labels.label_log_probability(log_z, noise, others),
                labels.doubt(log_z, noise, others),
            ]
            check(results, kind, output.name, y, ratio, v)
        check([OUTPUTS["argmax"].pair(omega, v)], kind, "pair", ratio, v)
print("checked")
"""


def test_plain_python():
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == "checked\n"
