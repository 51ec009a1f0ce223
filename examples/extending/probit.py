"""A noisy output: the label is the sign of z + ξ, with ξ ~ N(0, 1)."""

from dataclasses import replace

from sklearn_bp.channels import OUTPUTS

PROBIT = replace(OUTPUTS["sign"], name="probit", unit_variance=1.0)
