"""Predictions of the oracle: point weights, and moments propagated through the posterior."""

import numpy as np
from scipy.special import ndtr

from .argmax_exact import argmax_probabilities
from .channels import ACTIVATIONS
from .labels import OUTPUTS, has_one_unit, label_chances
from .message_passing import V_FLOOR, with_constant


def point_weights(layer):
    """The likeliest of a few values, +1 before -1; m of Gaussian weights; 0 where masked."""
    return layer.by_row("point", layer.mean, layer.var)


def point_activation(X, layers, activation="sign"):
    """The last pre-activations (M, K) of the network of point weights."""
    x = np.asarray(X, dtype=float)
    for layer in layers[:-1]:
        x = ACTIVATIONS[activation].point(with_constant(layer, x, 1.0) @ point_weights(layer))
    return with_constant(layers[-1], x, 1.0) @ point_weights(layers[-1])


def _layer_moments(layer, x_mean, x_var):
    x, delta = with_constant(layer, x_mean, 1.0), with_constant(layer, x_var, 0.0)
    sigma = layer.var
    return x @ layer.mean, delta @ layer.mean**2 + x**2 @ sigma + delta @ sigma + V_FLOOR


def bayes_moments(X, layers, activation="sign"):
    """Mean and variance (M, K) of the last pre-activations under the posterior, B = A = 0."""
    x_mean = np.asarray(X, dtype=float)
    x_var = np.zeros_like(x_mean)
    for layer in layers[:-1]:
        omega, v = _layer_moments(layer, x_mean, x_var)
        x_mean, x_var = ACTIVATIONS[activation].moments(0.0, 0.0, omega, v)
    return _layer_moments(layers[-1], x_mean, x_var)


def decide(z, output):
    """Labels from last pre-activations or their means: ±1 (sign(0) = +1) or class indices."""
    return np.where(z[:, 0] >= 0, 1, -1) if has_one_unit(output) else z.argmax(axis=1)


def sign_probability(omega, v):
    """P(z > 0), (M,), of the one output unit."""
    return ndtr(omega[:, 0] / np.sqrt(v[:, 0]))


def network_probabilities(omega, v, output):
    """P(the network says c), (M, K): of -1 and +1, or of every class by the exact integral."""
    v = v + OUTPUTS[output].unit_variance
    if has_one_unit(output):
        return np.column_stack([sign_probability(-omega, v), sign_probability(omega, v)])
    return argmax_probabilities(omega, v)


def class_probabilities(omega, v, output, label_noise=0.0):
    """P(y = c) = a + b P(the network says c), (M, K)."""
    network = network_probabilities(omega, v, output)
    a, b = label_chances(label_noise, network.shape[1])
    return a + b * network
