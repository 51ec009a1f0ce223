"""One sweep: a forward pass over all layers, then a backward pass (method page, "One sweep")."""


def forward(layers, sweep):
    """Compute x̂, Δ, V and ω of every layer, from the data up.

    Parameters
    ----------
    layers : list of Layer
        All layers, bound to the mini-batch, the data in ``layers[0].batch.x``.
    sweep : int
        0 in the first sweep of a step.

    Returns
    -------
    bool
        Whether it stopped at a layer that is known to have non-finite variances.
    """
    for layer in layers:
        if layer.has_units_below:
            layer.backend.moments(
                layer.channel_below,
                layer.below.batch.omega,
                layer.below.batch.v,
                layer.batch.down_field,
                layer.batch.down_precision,
                layer.batch.x,
                layer.batch.x_var,
                layer.batch.x_sq,
                layer.batch.x_var_sum,
            )
        preactivation_moments(layer, layer.bad_variances[sweep])
        if layer.bad_variances[sweep].raised:
            return True
        layer.algorithm.preactivation(layer, sweep)
    return False


def preactivation_moments(layer, bad):
    """Compute the plain ω and V of a layer from its x̂ and Δ.

    Parameters
    ----------
    layer : Layer
        The layer.
    bad : object
        Counter of non-finite variances.
    """
    batch = layer.batch
    backend, weights = layer.backend, layer.weights
    layer.layout.up_pair(
        (batch.x, weights.mean, batch.omega), (batch.x_sq, weights.variance, batch.v)
    )
    if layer.keeps_own_v:
        backend.copy(batch.v, layer.left_out.v)
    if layer.is_output and layer.output.unit_variance:
        backend.add_number(batch.v, layer.output.unit_variance)
    if not layer.needs_second_moment:
        backend.finish_v(batch.v, batch.x_var_sum, bad)
        return
    backend.second_moment(weights.mean, weights.variance, layer.second_moment)
    layer.up(batch.x_var, layer.second_moment, batch.unit_product)
    backend.finish_v_full(batch.v, batch.unit_product, bad)


def backward(layers, sweep):
    """Compute g, Γ and the messages of every layer, from the output down, and update weights.

    Parameters
    ----------
    layers : list of Layer
        All layers, their forward pass done, labels in ``layers[-1].labels.y``.
    sweep : int
        0 in the first sweep of a step.

    Returns
    -------
    bool
        Whether a layer is known to have non-finite weight posteriors.
    """
    for layer in reversed(layers):
        _channel(layer)
        _weigh(layer)
        n_terms = layer.algorithm.messages(layer, sweep)
        _down_precision(layer)
        _precision_in(layer)
        update(layer, n_terms, layer.bad_weights[sweep])
        if layer.bad_weights[sweep].raised:
            break
        layer.algorithm.after_update(layer, sweep)
    return any(layer.bad_weights[sweep].raised for layer in layers)


def _channel(layer):
    """Compute g and Γ of a layer from the channel above it."""
    batch = layer.batch
    backend = layer.backend
    if not layer.plain_sums:
        backend.g_gamma(
            layer.channel_above, *layer.messages_above, batch.omega, batch.v, batch.g, batch.gamma
        )
        return
    labels, is_noisy = (layer.output, layer.labels.y), layer.network.has_label_noise
    backend.argmax_g_gamma(
        *labels, batch.omega, batch.v, layer.labels.log_z, batch.g, batch.gamma, is_noisy
    )
    if is_noisy:
        log_z = layer.left_out.log_z if layer.has_cavity_log_z else layer.labels.log_z
        n_others = layer.network.n_classes - 1
        backend.soften_labels(log_z, layer.label_noise, n_others, batch.g, batch.gamma)


def _weigh(layer):
    """Let each sample's terms in sums over samples count as often as its weight says."""
    batch = layer.batch
    if not layer.weighted:
        layer.g_weighted, layer.gamma_weighted = batch.g, batch.gamma
        return
    layer.backend.scale_rows(layer.sample_weight, batch.g, batch.g_weighted_copy)
    layer.backend.scale_rows(layer.sample_weight, batch.gamma, batch.gamma_weighted_copy)
    layer.g_weighted, layer.gamma_weighted = batch.g_weighted_copy, batch.gamma_weighted_copy


def _down_precision(layer):
    """Compute A_in = Σ_k (m² + σ) Γ − σ g², at least 0, where the channel below uses it."""
    batch = layer.batch
    if not layer.has_units_below or not layer.channel_below.uses_precision:
        return
    backend, weights = layer.backend, layer.weights
    layer.down(batch.gamma, layer.second_moment, batch.down_precision)
    backend.multiply(batch.g, batch.g, batch.unit_product)
    layer.down(batch.unit_product, weights.variance, batch.x_product)
    backend.subtract_precision(batch.down_precision, batch.x_product)


def _precision_in(layer):
    """Compute G_in = Σ_n (x̂² + Δ) Γ − Δ g² of the weights that have a precision."""
    batch = layer.batch
    if not layer.n_precision_rows:
        return
    backend = layer.backend
    if not layer.prior.has_precision:
        rows = layer.layout.constant_rows(layer.precision_in)
        backend.matmul(batch.ones.reshape((1, -1)), layer.gamma_weighted, rows)
        return
    layer.collect(batch.x_sq, layer.gamma_weighted, layer.precision_in)
    if layer.has_units_below:
        backend.multiply(batch.g, layer.g_weighted, batch.unit_product)
        backend.subtract_from(layer.gamma_weighted, batch.unit_product)
        layer.collect(batch.x_var, batch.unit_product, layer.precision_term)
        backend.add(layer.precision_in, layer.precision_term)


def update(layer, n_terms, bad):
    """Update H, m and σ (and G) of a layer at the end of its backward pass.

    Parameters
    ----------
    layer : Layer
        The layer, its messages done.
    n_terms : int
        Terms of H_in that were filled.
    bad : object
        Counter of non-finite results.
    """
    backend, committed, old = layer.backend, layer.committed, layer.weights
    new = layer.next_weights()
    if n_terms > 1:
        backend.collect_field(layer.terms[:n_terms], old.mean, layer.unit_scale)
    for number, (prior, field_in, precision_in) in enumerate(layer.learned):
        prior_field, prior_precision, *_ = committed.groups[number]
        field, precision, mean, _ = old.groups[number]
        backend.update(
            prior,
            bad,
            field_in,
            precision_in,
            prior_field,
            prior_precision,
            field,
            precision,
            mean,
            *layer.update_numbers,
            *new.groups[number],
        )
    if layer.mask is not None:
        backend.apply_mask(layer.mask, new.mean, new.variance)
    layer.advance(new)
