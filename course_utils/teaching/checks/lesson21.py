"""Checks of lesson 21, the association problem and GaMMA."""

from __future__ import annotations

import numpy as np

from course_utils.teaching.checks import Unanswered, Wrong, array, call, choices, exercise, number, one_of, whole, words


@exercise
def ways(answer):
    value = whole(answer, 1)
    right = 2**23
    if value == right:
        return "Eight million for two events; travel times rule out nearly all of them."
    if value == 2 * right:
        raise Wrong("this counts every way twice: once, and once with the two events swapped.")
    if value in (2**11, 2**12):
        raise Wrong("this is the number for one phase. P and S can be sorted independently.")
    if value == 24 or value == 48:
        raise Wrong("each station offers a choice, and choices at different stations multiply.")
    raise Wrong(
        "look at one station and its two P first: in how many ways can they go to the two events? Then multiply."
    )


@exercise
def one_e_step(answer):
    cases = [
        ([0.1, 3.0], [0.25, 0.25], [0.3, 0.3, 0.4], 100.0),
        ([0.5, -0.5, 4.0], [0.3, 2.0, 6.0], [0.2, 0.5, 0.2, 0.1], 60.0),
        ([300.0, -400.0], [0.25, 0.25], [0.45, 0.45, 0.1], 100.0),
    ]
    for residual, sigma, share, span in cases:
        inputs = tuple(map(np.array, (residual, sigma, share)))
        given = array(call(answer, *(x.copy() for x in inputs), span), (len(share),))
        right = _responsibilities(*inputs, span)
        if np.allclose(given, right, atol=1e-6):
            continue
        shown = f"residuals {residual}, widths {sigma}, shares {share}, span {span:g}"
        if not np.isclose(given.sum(), 1, atol=1e-6):
            raise Wrong(
                f"the pick belongs to somebody: the numbers should add up to 1, not {given.sum():.3g} ({shown})."
            )
        if np.allclose(given, _responsibilities(*inputs, span, width=False), atol=1e-6):
            raise Wrong(f"a wide Gaussian is also a low one: its height goes with one over its width ({shown}).")
        if np.allclose(given, _responsibilities(inputs[0], inputs[1], np.ones(len(share)), span), atol=1e-6):
            raise Wrong(f"sources with a larger share of the picks should get more ({shown}).")
        if given[-1] < right[-1] / 10 or given[-1] > min(1, 10 * right[-1]):
            raise Wrong(f"the noise gets {given[-1]:.3g}. Its density is even over the span ({shown}).")
        raise Wrong(f"not the right numbers for {shown}.")
    return "A pick far from every source belongs to the noise: that keeps the sources clean."


def _responsibilities(residual, sigma, share, span, width: bool = True) -> np.ndarray:
    density = np.exp(-0.5 * (residual / sigma) ** 2) / ((sigma if width else 1.0) * np.sqrt(2 * np.pi))
    joint = share * np.append(density, 1 / span)
    return joint / joint.sum()


@exercise
def three_seconds(answer, shares_kept):
    if not isinstance(answer, dict) or set(answer) != {"K", "sigma_s"}:
        raise Wrong('a dictionary is asked for: {"K": ..., "sigma_s": ...}.')
    choice = {"K": whole(answer["K"], 1, 40), "sigma_s": number(answer["sigma_s"], 0.01, 100, unit="s")}
    if choice["K"] < 2:
        raise Wrong("one source can hold one event.")
    for seed in (1, 2, 3):
        kept = shares_kept(choice, seed)
        if min(kept) == 0:
            raise Wrong(
                "on one of the doublets both events end in the same source, or one of them in the noise. Where do the sources start, and is "
                "there one to spare that can take the noise?"
            )
        if min(kept) < 0.8:
            raise Wrong(
                f"on one of the doublets an event keeps only {min(kept):.0%} of its picks. With this width at the start, how much does a "
                "source that begins between the two events tell them apart?"
            )
    return "Sources to spare take the noise, and the start must be able to tell three seconds apart."


@exercise
def splits(answer, pieces):
    if not isinstance(answer, dict) or not {"parameter", "value"} <= set(answer):
        raise Wrong('a dictionary is asked for: {"parameter": "...", "value": ..., "reason": "..."}.')
    name = one_of(answer["parameter"], ["sigma_s", "narrowest_s", "rounds"])
    value = whole(answer["value"], 1, 500) if name == "rounds" else number(answer["value"], 1e-6, 1000, unit="s")
    if pieces({name: value}) < 2:
        raise Wrong(
            f"with {name} = {value:g} the event does not fall into two sources of four picks. What lets a second source "
            "exist right beside the first?"
        )
    if "reason" not in answer:
        raise Unanswered
    words(answer["reason"], 10)
    return (
        "Compare your reason with the solution's. In GaMMA it is the covariance prior that keeps sources wide enough."
    )


@exercise
def lucky_pairs(answer):
    value = number(answer, 0, 2000)
    rate = 20000 / (7 * 86400)
    right = 2000 * (1 - np.exp(-4 * rate))
    if abs(value - right) < 0.02 * right:
        return "More than a tenth of the reference, found by a catalog that knows nothing."
    if abs(value - 2000 * (1 - np.exp(-2 * rate))) < 5:
        raise Wrong("two seconds on *either* side: how long is the window?")
    if abs(value - 2000 * 4 * rate) < 5:
        raise Wrong(
            "this is the expected number of automatic events in the windows. Some windows hold two; how many hold at least one?"
        )
    raise Wrong(
        f"{value:g} is not right. How many automatic events fall into one window on average, and how probable is it that none does?"
    )


@exercise
def claims(answer, rising):
    if not isinstance(answer, dict) or "claims" not in answer:
        raise Wrong('a dictionary is asked for: {"claims": ["a", ...], "reason": "..."}.')
    chosen = choices(answer["claims"], ["a", "b", "c", "d"])
    if "b" in chosen:
        raise Wrong(
            "sentence b names no measure and no case. At which noise would the table show it, and by how many events?"
        )
    if "d" in chosen:
        raise Wrong("sentence d speaks of real amplitudes. Where do the amplitudes of our noise picks come from?")
    f1, precision = (rising.pivot_table(index="noise", columns="method", values=v) for v in ("F1", "precision"))
    both = ["PyOcto", "GaMMA"]
    holds = {
        "a": bool(f1[both].gt(f1["pauses of 1 s"], axis=0).all(axis=None)),
        "c": bool((precision[both].iloc[-1] < precision[both].iloc[0]).all()),
    }
    for letter, true in holds.items():
        if true and letter not in chosen:
            raise Wrong(f"sentence {letter} can be read from the table, and you left it out.")
        if letter in chosen and not true:
            raise Wrong(f"sentence {letter} does not hold in the table. Compute it.")
    if "reason" not in answer:
        raise Unanswered
    words(answer["reason"], 10)
    return "Compare your reason with the solution's."
