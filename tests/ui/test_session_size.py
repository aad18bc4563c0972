"""What a session keeps is small, and what went is made again, the same."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import numpy as np
import pytest

from models.faces.affine import Move
from tests.ui.keypoints.untrained import write_vits
from ui.keypoints import answers as keypoints
from ui.keypoints import callbacks as keypoints_tab
from ui.keypoints.answers import PatchQuery, Setting
from ui.kinship import callbacks as kinship_tab
from ui.shared import answering, evidence, evidence_callbacks
from ui.shared.evidence import Seen
from ui.shared.photos import Shot

MB = 1_000_000


@pytest.fixture(autouse=True, scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        folder = write_vits(tmp_path_factory.mktemp("weights"))
        patch.setenv("KINSIGHT_WEIGHTS", str(folder))
        answering.sidecar.cache_clear()
        answering.NETWORKS.clear()
        yield
    answering.sidecar.cache_clear()
    answering.NETWORKS.clear()


def size(*states: object) -> int:
    return len(pickle.dumps(states))


def drawn(look: PatchQuery) -> list[np.ndarray]:
    return [v for v in keypoints_tab.draw(look, None, None, None, 0.6) if isinstance(v, np.ndarray)]


def test_keypoints_keeps_at_most_three_megabytes(obama: Shot) -> None:
    setting = Setting(Move(rotation=20))
    look, _, _ = keypoints_tab.run(obama, 20, 1, 0, 0, False, None)
    assert look is not None and look.setting == setting
    held = keypoints.sweeps(obama, off=False)
    assert size(obama, look, held, setting.keypoints, (0.5, 0.5)) <= 3 * MB
    assert size(look.followed) > 10 * MB  # what is not in it
    before = drawn(look)
    keypoints.FOLLOWED.clear()
    after = drawn(pickle.loads(pickle.dumps(look)))
    assert len(before) == len(after) >= 2
    for x, y in zip(before, after, strict=True):
        assert np.abs(x.astype(int) - y).max() <= 1


def test_kinship_keeps_at_most_two_megabytes(obama: Shot, biden: Shot) -> None:
    given, _, _, _, seen = kinship_tab.answer_pair(obama, biden, "svit", 0.5)
    assert given is not None and isinstance(seen, Seen)
    ((maps, _, _),) = kinship_tab.explain_pair(obama, biden, given, "grad_cam", None, 0.5)
    assert maps is not None and size(obama, biden, given, seen, maps, (0.5, 0.5), (0.5, 0.5)) <= 2 * MB
    before = evidence_callbacks.draw_attention(seen, None, 1, None, 0.5)
    evidence.INSIDE.clear()
    after = evidence_callbacks.draw_attention(pickle.loads(pickle.dumps(seen)), None, 1, None, 0.5)
    for x, y in zip(before[2:4], after[2:4], strict=True):
        assert np.abs(x.astype(int) - y).max() <= 1
