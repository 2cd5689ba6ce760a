"""How large P and S of every event should be at every station, without making a seismogram.

A month has a hundred thousand pairs of event and station, most of them far below the noise. These expectations say
which pairs are worth a seismogram; the numbers in the truth come from the seismogram itself
(:mod:`course_utils.synthetic.snr`).
"""

from __future__ import annotations

import numpy as np

from course_utils.synthetic.ground_motion import FREE_SURFACE, RADIATION_FLOOR
from course_utils.synthetic.path import Attenuation
from course_utils.synthetic.paths import Paths
from course_utils.synthetic.receivers import Receiver
from course_utils.synthetic.seismicity import Event
from course_utils.synthetic.snr import WINDOW_S
from course_utils.synthetic.source import P_TO_S_CORNER

_F = np.geomspace(1.0, 16.0, 13)
_BIN_HZ = _F * np.log(_F[1] / _F[0]) * np.where((_F[0] == _F) | (_F[-1] == _F), 0.5, 1.0)
# root mean square over the sphere (Aki and Richards 2002, section 4.3), with the floors of ground_motion
_PATTERN = {
    "P": np.hypot(np.sqrt(4 / 15), RADIATION_FLOOR["P"]),
    "S": np.sqrt(2 / 5 + RADIATION_FLOOR["SV"] ** 2 + RADIATION_FLOOR["SH"] ** 2),
}
_BLAST_PATTERN = {"P": 1.0, "S": 0.15}


def expected_rms(
    events: list[Event], paths: Paths, receivers: list[Receiver], attenuation: Attenuation
) -> dict[str, np.ndarray]:
    """Expected rms ground velocity in m/s, 1-16 Hz, in the 2 s after the onset: {"P", "S"}, (events, stations).

    Energy of the omega-square pulse after spreading, Q and kappa and of its early coda, radiation by its root mean
    square over the sphere, the site by its amplification: good to a factor of two or so for earthquakes (standard
    deviation 3 dB against the seismograms). The holes of a blast add incoherently. Surface events count as if they
    came at once, so too much. NaN where there is no such phase.
    """
    mw, stress = np.array([(e.source.mw, e.source.stress_drop_mpa) for e in events]).reshape(-1, 2).T[..., None]
    kind = np.array([e.source.kind for e in events], dtype=object)[:, None]
    holes = np.array([max(1, len(e.source.delays_s)) for e in events])[:, None]
    moment = 10 ** (1.5 * mw + 9.1)
    vs = paths.vs_km_s[:, None] * 1e3
    corner = 0.4906 * vs * (stress * 1e6 / moment) ** (1 / 3)
    kappa = np.array([r.site.kappa_s for r in receivers])[None]
    gain = np.array([np.sqrt((1 + 2 * r.site.amplification**2) / 3) for r in receivers])[None]
    r_km = np.maximum(paths.hypocentral_km, 0.3)
    out = {}
    for phase, speed, travel, far in (
        ("P", paths.vp_km_s[:, None] * 1e3, paths.p_time_s, 0.8),
        ("S", vs, paths.s_time_s, 0.5),
    ):
        p_wave = phase == "P"
        spread = 1e-3 * np.where(r_km <= 100, 1 / r_km, 0.01 * (100 / r_km) ** far)
        pattern = np.where(kind == "quarry blast", _BLAST_PATTERN[phase], _PATTERN[phase])
        scale = FREE_SURFACE * spread * moment / (4 * np.pi * 2700.0 * speed**3) * pattern * gain
        fc = corner * (P_TO_S_CORNER if p_wave else 1.0)
        energy = np.zeros_like(r_km)
        for f, width in zip(_F, _BIN_HZ, strict=True):
            q = attenuation.qs(f) * (attenuation.qp_over_qs if p_wave else 1.0)
            fall = np.exp(-np.pi * f * (travel / q + kappa * (0.7 if p_wave else 1.0)))
            energy += 2 * width * (scale * 2 * np.pi * f / (1 + (f / fc) ** 2) * fall) ** 2
        early = attenuation.early_p if p_wave else attenuation.early_s
        direct = np.exp(-r_km / attenuation.forward_km)
        arrives = direct + 0.7 * (1 - direct) + early * (1 - (1 + WINDOW_S / attenuation.early_decay_s) ** -0.8)
        out[phase] = np.sqrt(energy * arrives / holes / (3 * WINDOW_S))
    return out
