"""PartialLFW: boxes, crops and pair plans against figures worked out by hand and against OpenCV."""

from __future__ import annotations

import numpy as np
import pytest

from models.faces.partial_crops import (
    FACTORS,
    LANDMARKS,
    PROTOCOLS,
    Benchmark,
    Box,
    benchmarks,
    box_around,
    crop_part,
    keep_box,
    move,
    pair_plan,
)


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (160, 160, 3), dtype=np.uint8)


def test_stated_centres_and_factors() -> None:
    assert LANDMARKS == {
        "left eye": (51.94, 63.71),
        "right eye": (107.47, 63.71),
        "nose": (79.71, 98.37),
        "mouth": (79.71, 121.33),
    }
    assert FACTORS == (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)


@pytest.mark.parametrize(
    ("part", "factor", "edges", "span"),
    [
        ("left eye", 0.1, (24, 43, 78, 84), (54, 41)),
        ("right eye", 0.1, (80, 43, 134, 84), (54, 41)),
        ("nose", 0.1, (52, 77, 106, 118), (54, 41)),
        ("mouth", 0.1, (52, 100, 106, 141), (54, 41)),
        ("nose", 0.3, (28, 56, 130, 139), (102, 83)),
        ("left eye", 0.35, (-5, 16, 108, 110), (113, 94)),  # -5.06 becomes -5, not -6: one pixel narrower
        ("nose", 0.5, (4, 35, 154, 160), (150, 125)),
        ("mouth", 0.5, (4, 58, 154, 183), (150, 125)),
        ("right eye", 0.5, (32, 1, 182, 126), (150, 125)),
        ("left eye", 0.5, (-23, 1, 126, 126), (149, 125)),
    ],
)
def test_exact_boxes(part: str, factor: float, edges: tuple[int, ...], span: tuple[int, int]) -> None:
    box = box_around(LANDMARKS[part], factor)
    assert (box.left, box.top, box.right, box.bottom) == edges
    assert box.span == span


NOSE_SPANS = [(54, 41), (66, 52), (78, 62), (90, 72), (102, 83), (114, 94), (126, 104), (138, 114), (150, 125)]


@pytest.mark.parametrize(("factor", "span"), list(zip(FACTORS, NOSE_SPANS, strict=True)))
def test_nine_factors_at_the_nose(factor: float, span: tuple[int, int]) -> None:
    """Widths 30 + 240 f; heights 20 + 210 f, where a half pixel falls either way by truncation."""
    assert box_around(LANDMARKS["nose"], factor).span == span


def test_clipped_to_the_image() -> None:
    assert box_around(LANDMARKS["left eye"], 0.5).clipped() == Box(0, 1, 126, 126)
    assert box_around(LANDMARKS["mouth"], 0.5).clipped() == Box(4, 58, 154, 159)


def test_published_range_of_visible_area() -> None:
    """The set's authors state 9 % to 73.7 %: both edges of a box are visible."""
    visible = [box_around(c, f).visible() for c in LANDMARKS.values() for f in FACTORS]
    assert round(100 * min(visible), 1) == 9.0
    assert round(100 * max(visible), 1) == 73.7


def test_nothing_visible_outside() -> None:
    assert Box(-20, -20, -5, -5).visible() == 0
    assert Box(200, 10, 220, 30).visible() == 0
    assert (keep_box(np.zeros((160, 160, 3), np.uint8), Box(-20, -20, -5, -5)) == 128).all()


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("part", LANDMARKS)
def test_kept_pixels_and_fill(face: np.ndarray, part: str, factor: float) -> None:
    out = crop_part(face, part, factor)
    (x, y), w, h = LANDMARKS[part], 15 + 120 * factor, 10 + 105 * factor
    for row in range(160):
        for column in (0, 3, 4, 5, 51, 52, 53, 105, 106, 107, 154, 155, 159):
            inside = int(x - w) <= column <= int(x + w) and int(y - h) <= row <= int(y + h)
            assert (out[row, column] == (face[row, column] if inside else 128)).all()


def test_input_is_left_alone_and_whole_is_whole(face: np.ndarray) -> None:
    before = face.copy()
    crop_part(face, "nose", 0.2, centred=True)
    assert np.array_equal(face, before)
    assert np.array_equal(crop_part(face, "whole", 0.2, centred=True), face)


def test_many_faces_at_once(face: np.ndarray) -> None:
    faces = np.stack([face, face[::-1], 255 - face])
    together = crop_part(faces, "mouth", 0.3, centred=True)
    for one, alone in zip(together, faces, strict=True):
        assert np.array_equal(one, crop_part(alone, "mouth", 0.3, centred=True))


@pytest.mark.parametrize("part", LANDMARKS)
def test_centred_landmark_lies_in_the_middle(part: str) -> None:
    """Channel 0 holds x, channel 1 holds y: at (80, 80) they read the landmark's own coordinates."""
    y, x = np.mgrid[:160, :160]
    ramp = np.stack([x, y, x], 2).astype(np.uint8)
    out = crop_part(ramp, part, 0.1, centred=True)
    assert tuple(out[80, 80, :2]) == tuple(round(v) for v in LANDMARKS[part])


def test_move_by_whole_pixels(face: np.ndarray) -> None:
    out = move(face, 3, -2)
    assert np.array_equal(out[:158, 3:], face[2:, :157])
    assert (out[158:] == 128).all() and (out[:, :3] == 128).all()
    assert (move(face, 500, 0) == 128).all()
    assert np.array_equal(move(face, 0, 0), face)


def test_move_by_half_a_pixel() -> None:
    row = np.array([10, 20, 40], np.uint8).reshape(1, 3, 1)
    assert move(row, 0.5, 0)[0, :, 0].tolist() == [69, 15, 30]  # (128 + 10)/2, (10 + 20)/2, (20 + 40)/2
    assert move(row, -0.5, 0)[0, :, 0].tolist() == [15, 30, 84]


@pytest.mark.parametrize("part", LANDMARKS)
@pytest.mark.parametrize("factor", [0.1, 0.3, 0.5])
def test_same_as_opencv(face: np.ndarray, part: str, factor: float) -> None:
    """An independent second way: a filled rectangle and warpAffine (which rounds positions to 1/32 pixel)."""
    cv2 = pytest.importorskip("cv2")
    x, y = LANDMARKS[part]
    box = box_around((x, y), factor)
    mask = cv2.rectangle(np.zeros((160, 160), np.uint8), (box.left, box.top), (box.right, box.bottom), 1, -1)
    kept = np.where(mask[:, :, None] > 0, face, np.uint8(128))
    assert np.array_equal(crop_part(face, part, factor), kept)
    shift = np.array([[1, 0, 80 - x], [0, 1, 80 - y]], np.float32)
    warped = cv2.warpAffine(kept, shift, (160, 160), borderMode=cv2.BORDER_CONSTANT, borderValue=(128, 128, 128))
    difference = np.abs(crop_part(face, part, factor, centred=True).astype(int) - warped.astype(int))
    assert difference.max() <= 9  # 255 levels of noise, 1/64 pixel off in x and in y
    assert difference.mean() < 1.5


def test_wrong_size_and_wrong_part(face: np.ndarray) -> None:
    with pytest.raises(ValueError, match="160 x 160"):
        crop_part(face[:112, :112], "nose", 0.2)
    with pytest.raises(KeyError):
        crop_part(face, "ear", 0.2)
    with pytest.raises(KeyError):
        benchmarks("partial-some")


def test_protocols() -> None:
    assert {name: len(rows) for name, rows in PROTOCOLS.items()} == {
        "holistic": 1,
        "partial-holistic": 3,
        "partial-same": 3,
        "partial-cross": 4,
    }
    assert PROTOCOLS["partial-cross"] == (
        ("left eye", "right eye"),
        ("left eye", "nose"),
        ("left eye", "mouth"),
        ("nose", "mouth"),
    )
    assert all(first == "whole" for first, _ in PROTOCOLS["partial-holistic"])


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize(
    ("protocol", "runs", "rows"),
    [
        ("holistic", 1, 6000),
        ("partial-holistic", 27, 12000),
        ("partial-same", 27, 6000),
        ("partial-cross", 36, 12000),
    ],
)
def test_runs_and_rows(protocol: str, runs: int, rows: int, centred: bool) -> None:
    table = benchmarks(protocol, centred)
    assert len(table) == len(set(table)) == runs
    assert {len(pair_plan(run)) for run in table} == {rows}
    assert all(run.protocol == protocol for run in table)
    if protocol != "holistic":
        assert {run.centred for run in table} == {centred}
        assert {run.factor for run in table} == set(FACTORS)


def test_pairs_are_doubled_side_by_side() -> None:
    plan = pair_plan(Benchmark("partial-cross", "nose", "mouth", 0.2), pairs=3)
    assert plan.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 1]]
    assert pair_plan(Benchmark("partial-same", "nose", "nose", 0.2), pairs=3).tolist() == [[0, 0], [1, 0], [2, 0]]


def test_folds_keep_their_pairs() -> None:
    plan = pair_plan(Benchmark("partial-holistic", "whole", "nose", 0.2))
    for fold in range(10):
        rows = plan[1200 * fold : 1200 * (fold + 1), 0]
        assert rows.min() == 600 * fold
        assert rows.max() == 600 * fold + 599
