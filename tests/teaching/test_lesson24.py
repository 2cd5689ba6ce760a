"""Checks of lesson 24: right answers in any form pass, wrong ones get a message that helps; and the sounds."""

import io
import wave

import numpy as np
import pandas as pd
import pytest

from course_utils.teaching import sound
from course_utils.teaching.checks import lesson24

REASON = "One region and few explosions say nothing of other places in the world."


@pytest.fixture
def archives():
    kinds = ["earthquake"] * 4 + ["explosion"] * 2 + ["surface event"] * 3
    return pd.DataFrame(
        {
            "event_type": kinds,
            "network": ["UW", "CC", "UW", "CN", "CN", "UW", "CC", "UW", "CC"],
            "components": ["Z"] * 6 + ["ZNE"] * 3,
            "seconds": [149.99, 150.01, 150.0, 149.98, 150.0, 150.0, 180.02, 180.01, 180.0],
        }
    )


def test_archive(archives):
    assert lesson24.archive(["seconds", "components"], archives) and lesson24.archive("components, seconds", archives)
    assert "1 more of the 3" in lesson24.archive(["seconds"], archives).message
    assert "network: some value" in lesson24.archive(["seconds", "network"], archives).message
    assert lesson24.archive(..., archives).state == "unanswered"


def test_monitoring():
    answered = pd.DataFrame(
        {
            "threshold": [0.0, 0.4, 0.6, 0.8, 0.9],
            "answered": [1.0, 0.8, 0.5, 0.3, 0.1],
            "accuracy": [0.8, 0.96, 0.94, 0.97, 1.0],
        }
    )
    right = {"threshold": "0.8", "answered": np.float64(0.3)}
    assert "70%" in lesson24.monitoring(right, answered).message
    assert "0.940" in lesson24.monitoring({**right, "threshold": 0.4}, answered).message
    assert "safe" in lesson24.monitoring({"threshold": 0.9, "answered": 0.1}, answered).message
    assert "what share" in lesson24.monitoring({**right, "answered": 0.5}, answered).message
    assert lesson24.monitoring(..., answered).state == "unanswered"


def test_balanced():
    def right(truth, answers):
        return np.mean([(answers[truth == k] == k).mean() for k in np.unique(truth)])

    assert lesson24.balanced(right)
    assert "counts alike" in lesson24.balanced(lambda t, a: (t == a).mean()).message
    assert lesson24.balanced(lambda t, a: ...).state == "unanswered"


@pytest.fixture
def cases():
    kinds = ["nothing", "local earthquake", "tremor"] * 8
    size = [np.nan if k == "nothing" else 2.0 + i for i, k in enumerate(kinds)]
    return pd.DataFrame({"kind": kinds, "size_db": size})


def test_volunteers_disagree_and_the_careless_one_is_found(cases):
    from course_utils.discrimination.agreement import dawid_skene, fleiss_kappa, majority

    labels = lesson24.volunteers(cases)
    assert labels.shape == (24, 7) and labels.isna().any().any() and 0.1 < fleiss_kappa(labels) < 0.8
    reliable = {who: np.diag(m).mean() for who, m in dawid_skene(labels)[1].items()}
    worst, tied = min(reliable, key=reliable.get), majority(labels)["tied"].sum()
    assert lesson24.careless({"volunteer": worst, "tied": tied}, labels)
    assert lesson24.careless({"volunteer": f"({worst.lower()})", "tied": float(tied)}, labels)
    other = max(reliable, key=reliable.get)
    assert "lower" in lesson24.careless({"volunteer": other, "tied": tied}, labels).message
    assert "two labels" in lesson24.careless({"volunteer": worst, "tied": tied + 1}, labels).message
    assert lesson24.careless({"volunteer": ..., "tied": ...}, labels).state == "unanswered"


def test_claims():
    rows = [
        ("earthquake, explosion", s, v, v - w, v + w) for s, v, w in (("event", 0.8, 0.1), ("noise only", 0.55, 0.1))
    ]
    scores = pd.DataFrame(rows, columns=["classes", "seen", "value", "low", "high"])
    assert lesson24.claims({"claims": "a and d", "reason": REASON}, scores)
    assert "where are the events" in lesson24.claims({"claims": ["a", "b", "d"], "reason": REASON}, scores).message
    assert "noise and metadata" in lesson24.claims({"claims": ["c"], "reason": REASON}, scores).message
    assert "left it out" in lesson24.claims({"claims": ["a"], "reason": REASON}, scores).message
    assert lesson24.claims({"claims": ["a", "d"], "reason": ...}, scores).state == "unanswered"


def test_a_record_becomes_a_sound():
    t = np.arange(4000) / 40
    data = sound.wav_bytes(np.sin(2 * np.pi * 5 * t), 40.0, speed=40.0)
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert pcm.size == pytest.approx(20000, rel=0.01) and 28000 < np.abs(pcm).max() <= 29500
    loudest = np.fft.rfftfreq(pcm.size, 1 / 8000)[np.abs(np.fft.rfft(pcm.astype(float))).argmax()]
    assert loudest == pytest.approx(200.0, abs=2.0)  # 5 Hz, forty times faster
    page = sound.players({"a <blast>": np.sin(t)}, 40.0).data
    assert "data:audio/wav;base64," in page and "a &lt;blast&gt;" in page and "http" not in page
    for bad in (np.zeros(4000), np.ones((2, 5)), np.full(4000, np.nan)):
        with pytest.raises(ValueError, match="no finite signal"):
            sound.wav_bytes(bad, 40.0)
    with pytest.raises(ValueError, match="lower speed"):
        sound.wav_bytes(np.sin(t), 40.0, speed=4000.0)
