"""Is the synthetic Earth real enough? Published weights on its records, its spectra, its speed.

    python benchmarks/synthetic_realism.py [--quick] [--json FILE]

The seed scored here was used for no tuning. Figures that need published weights (SEISBENCH_CACHE_ROOT) or the real
phasenet-ncedc records (COURSE_DATA_MIRROR) say so when those are absent. What our weights find in real records is the
matter of ``benchmarks/training.py``.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd
from _common import Figure, mirror, missing, run

from course_utils.picking.evaluation import judge, labelled_records, run_picker
from course_utils.synthetic.ground_motion import Parts, ground_motion
from course_utils.synthetic.noise import peterson_db
from course_utils.synthetic.path import Attenuation, Ray, Site
from course_utils.synthetic.randomness import Draws
from course_utils.synthetic.records import crustal_setting, records
from course_utils.synthetic.source import Source, double_couple

SEED = 515_151
THRESHOLD = 0.3
RATE = 100.0


def measure(quick: bool) -> dict[str, Figure]:
    figures = speed(quick)
    figures |= published_weights(300 if quick else 1000)
    figures |= spectra(40 if quick else 150)
    figures |= onsets_beside_real(150 if quick else 500)
    return figures


def speed(quick: bool) -> dict[str, Figure]:
    """Seconds of one core: 2,000 records, and a station-day of three components with its events."""
    from course_utils import synthetic

    records(4, SEED)  # tables and models are read once
    count = 400 if quick else 2000
    began = time.process_time()
    records(count, SEED + 1)
    seconds = (time.process_time() - began) * 2000 / count
    what = f"{count} records of 60 s x 3 x 100 Hz, core seconds" + (" times 5" if quick else "")
    figures = {"records_2000_s": Figure(seconds, what, goal="at most 20")}
    world = synthetic.World.day(seed=SEED)
    station = world.stations["station"].iloc[0]
    hours = 6 if quick else 24
    world.waveforms(station, world.start, world.start + pd.Timedelta("1min"))  # events and travel times are made once
    began = time.process_time()
    world.waveforms(station, world.start, world.start + pd.Timedelta(hours=hours))
    seconds = (time.process_time() - began) * 24 / hours
    what = f"{station}, {hours} h of a day with main shock and aftershocks, core seconds" + (
        " times 4" if quick else ""
    )
    return figures | {"station_day_s": Figure(seconds, what, goal="at most 15")}


def published_weights(count: int) -> dict[str, Figure]:
    """What PhaseNet "original", which has seen real records only, finds in ours."""
    import torch

    from course_utils.picking import models

    keys = ("original_p_recall_snr10", "original_p_recall_snr20", "original_s_recall", "original_p_recall_no_coda")
    try:
        model = models.load_model("phasenet:original")
    except models.ModelError as error:
        return {key: missing(f"no published weights ({error})") for key in keys}
    torch.set_num_threads(1)
    made = records(count, SEED)
    full, s, noise_hour = _recalls(model, made)
    bare, _, _ = _recalls(model, records(count, SEED, parts=Parts(coda=False)))
    on = f"{count} synthetic records of seed {SEED}, threshold {THRESHOLD}, within 0.2 s"
    noise_on = f"noise-only windows among {on}, false P an hour"
    return {
        keys[0]: Figure(full[10][0], f"{full[10][1]} P above 10 dB in {on}", goal="at least 0.90"),
        keys[1]: Figure(full[20][0], f"{full[20][1]} P above 20 dB in {on}", goal="at least 0.95"),
        keys[2]: Figure(s[0], f"{s[1]} S of the events with P above 10 dB in {on}", goal="at least 0.88"),
        keys[3]: Figure(
            bare[10][0], f"{bare[10][1]} P above 10 dB, coda left out, else the same {on}", goal="below 0.60"
        ),
        "original_noise_p_per_hour": Figure(noise_hour, noise_on),
    }


def _recalls(model, made) -> tuple[dict, tuple[float, int], float]:
    table = made.table.drop(columns=["p_visible", "s_visible"])  # by SNR of P alone, whether S is visible or not
    found = labelled_records(made.waveforms, table.assign(sampling_rate_hz=RATE))
    picks = run_picker(found, model, THRESHOLD)
    result = judge(picks, found.labels, found.table, tolerance_s=0.2)
    hit = {
        (phase, db): result.labels.query("phase == @phase and p_snr_db >= @db")["found"]
        for phase in "PS"
        for db in (10, 20)
    }
    share = {key: (float(rows.mean()), len(rows)) for key, rows in hit.items()}
    noise_hour = result.table().set_index("phase").loc["P", "false_per_hour"]
    return {db: share["P", db] for db in (10, 20)}, share["S", 10], float(noise_hour)


def spectra(count: int) -> dict[str, Figure]:
    """Do standard methods read from the records what was put into them?"""

    f = np.geomspace(0.02, 20, 60)
    low, high = peterson_db(f)
    inside = []
    for number in range(100):
        model = crustal_setting(Draws(SEED, "spectra", number), "noise").noise
        if model.kind == "land":
            db = 10 * np.log10(model.acceleration_psd(f)[0])
            inside.append(np.mean((db >= low) & (db <= high)))
    figures = {
        "noise_between_peterson": Figure(
            float(np.mean(inside)), f"share of 0.02-20 Hz, vertical, {len(inside)} land stations", goal="at least 0.9"
        )
    }
    return figures | _corners(max(40, count)) | _coda_q(max(20, count // 4))


def _corners(count: int) -> dict[str, Figure]:
    """Corner frequencies of S read from noise-free records by a fit, against Brune's for the same stress drop."""
    magnitudes, fitted, true = [], [], []
    for number in range(count):
        draws = Draws(SEED, "corner", number)
        mw = draws.uniform(1.2, 4.5)
        tensor = double_couple(draws.uniform(0, 360), draws.uniform(30, 90), draws.uniform(-180, 180))
        source = Source(mw, tensor, stress_drop_mpa=draws.lognormal(4.0, 0.5))
        km = draws.loguniform(12.0, 40.0)
        ray = Ray(km, km * 1.1, draws.uniform(0, 360), 115.0, 115.0, 25.0, 18.0, km * 1.1 / 6.0, km * 1.1 / 3.46)
        motion = ground_motion(
            source, ray, Site(), Attenuation(), draws.child("motion"), start_s=ray.p_time_s - 1.0, samples=4000
        )
        first = round((ray.s_time_s - motion.start_s) * RATE)
        fitted.append(_corner_hz(motion.s[1:, first : first + 1024]))
        true.append(source.corner_hz(ray.vs_km_s))
        magnitudes.append(mw)
    ratio = np.log10(np.array(fitted) / np.array(true))
    slope = np.polyfit(magnitudes, np.log10(fitted), 1)[0]
    on = f"S of {count} noise-free records, Mw 1.2-4.5, omega-square fit with t*"
    return {
        "corner_fit_bias_log10": Figure(float(np.median(ratio)), f"fitted over true, {on}", goal="within 0.2"),
        "corner_fit_slope": Figure(float(slope), f"log10 corner frequency per magnitude, {on}", goal="-0.6 to -0.35"),
    }


def _corner_hz(window: np.ndarray) -> float:
    """Corner frequency of an omega-square spectrum with t*, by least squares on a grid of both (Anderson and Hough 1984)."""
    taper = np.ones(window.shape[1])
    taper[-128:] = np.cos(np.linspace(0, np.pi / 2, 128)) ** 2
    f = np.fft.rfftfreq(window.shape[1], 1 / RATE)
    power = (np.abs(np.fft.rfft(window * taper)) ** 2).sum(0)
    nodes = np.geomspace(0.5, 35, 40)
    smooth = np.array(
        [
            power[(f > n / 1.15) & (f < n * 1.15)].mean() if ((f > n / 1.15) & (f < n * 1.15)).any() else np.nan
            for n in nodes
        ]
    )
    use = np.isfinite(smooth)
    level = 0.5 * np.log(smooth[use]) - np.log(2 * np.pi * nodes[use])  # displacement
    best = (np.inf, 1.0)
    for corner in np.geomspace(0.2, 40, 60):
        for t_star in np.linspace(0.0, 0.14, 15):
            shape = -np.log1p((nodes[use] / corner) ** 2) - np.pi * nodes[use] * t_star
            misfit = np.var(level - shape)
            best = min(best, (misfit, corner))
    return best[1]


def _coda_q(count: int) -> dict[str, Figure]:
    """Coda Q at 6 Hz by the slope of ln(t A(t)) (Aki and Chouet 1975), against the one that was put in."""
    from scipy.signal import butter, sosfiltfilt

    attenuation = Attenuation()
    band = butter(4, [4.0, 8.0], "bandpass", fs=RATE, output="sos")
    ray = Ray(20.0, 21.5, 40.0, 115.0, 115.0, 25.0, 18.0, 3.6, 6.2)
    slopes = []
    for number in range(count):
        source = Source(2.5, double_couple(30.0, 60.0, 20.0))
        motion = ground_motion(
            source,
            ray,
            Site(),
            attenuation,
            Draws(SEED, "coda q", number),
            start_s=1.6,
            samples=6500,
            sampling_rate_hz=RATE,
        )
        power = (sosfiltfilt(band, motion.total, axis=1) ** 2).sum(0)
        t = motion.start_s + np.arange(power.size) / RATE
        use = (t > 2 * ray.s_time_s) & (t < 50)
        rows = [chunk.mean() for chunk in np.array_split(power[use], 37)]
        middle = np.array([chunk.mean() for chunk in np.array_split(t[use], 37)])
        slopes.append(np.polyfit(middle, 0.5 * np.log(rows) + np.log(middle), 1)[0])
    measured = -np.pi * np.sqrt(4.0 * 8.0) / np.mean(slopes)
    ratio = float(measured / attenuation.coda_q(np.sqrt(4.0 * 8.0)))
    return {"coda_q_over_true": Figure(ratio, f"4-8 Hz, {count} noise-free records, lapse 12-50 s", goal="0.8 to 1.25")}


def onsets_beside_real(count: int) -> dict[str, Figure]:
    """Amplitude ratios of P and S, synthetic and real, measured alike (1-20 Hz, S-P below 4 s)."""

    made = records(count, SEED + 3, noise_fraction=0.0)
    table = made.table
    ours = [
        _ratios(made.waveforms[row].astype(float), table["p_sample"].iloc[row], table["s_sample"].iloc[row])
        for row in np.flatnonzero((table["p_snr_db"] > 10) & (table["s_sample"] - table["p_sample"] < 400))
    ]
    real = [_ratios(x, p, s) for x, p, s in real_records() or [] if s - p < 400 and x[1].any()]
    figures = {}
    for column, (key, what) in enumerate(
        (
            ("p_horizontal_over_vertical", "P, both horizontals over vertical"),
            ("s_over_p", "S over P, three components"),
        )
    ):
        values = [r[column] for r in ours if r]
        figures[f"synthetic_{key}"] = Figure(float(np.median(values)), f"median of {len(values)} records; {what}")
        values = [r[column] for r in real if r]
        figures[f"real_{key}"] = (
            Figure(float(np.median(values)), f"median of {len(values)} phasenet-ncedc records; {what}")
            if values
            else missing("phasenet-ncedc is not there (COURSE_DATA_MIRROR)")
        )
    return figures


def _ratios(x: np.ndarray, p: float, s: float) -> tuple[float, float] | None:
    from scipy.signal import butter, sosfilt

    y = sosfilt(butter(4, [1.0, 20.0], "bandpass", fs=RATE, output="sos"), x - x.mean(1, keepdims=True), axis=1)
    p, s = round(p), round(s)
    width = min(200, s - p - 5)
    if width < 40 or p < 300 or s + 200 > x.shape[1]:
        return None
    power_p, power_s = (y[:, p : p + width] ** 2).mean(1), (y[:, s : s + 200] ** 2).mean(1)
    before = (y[:, max(100, p - 400) : p - 50] ** 2).mean()
    if power_p.mean() < 9 * before or not power_p[0] > 0:
        return None
    return float(np.sqrt(power_p[1:].sum() / power_p[0])), float(np.sqrt(power_s.sum() / power_p.sum()))


def real_records() -> list[tuple[np.ndarray, int, int]] | None:
    """Real records as (waveforms (3, 9001) in Z, N, E, P sample, S sample), or None without the mirror."""
    folder = mirror("phasenet-ncedc")
    if folder is None:
        return None
    out = []
    for file in sorted(folder.glob("dataset/waveform_train/*.npz")):
        with np.load(file, allow_pickle=False) as record:
            out.append((record["data"].T[[2, 1, 0]].astype(float), int(record["itp"]), int(record["its"])))
    return out


if __name__ == "__main__":
    sys.exit(run("synthetic_realism", measure))
