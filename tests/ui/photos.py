"""Test photos made from the app's public-domain examples."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

EXAMPLES = Path(__file__).parents[2] / "ui" / "examples"
PORTRAITS = ("obama_2012.jpg", "biden_2010.jpg", "obama_2009.jpg")


def montage() -> Image.Image:
    """1080 x 900: two rows of three portraits."""
    sheet = Image.new("RGB", (1080, 900))
    for i in range(6):
        portrait = Image.open(EXAMPLES / PORTRAITS[i % 3]).convert("RGB").resize((360, 450))
        sheet.paste(portrait, (i % 3 * 360, i // 3 * 450))
    return sheet


def bad_files(folder: Path) -> dict[str, Path]:
    """What the page must say -> a file that makes it say so."""
    text, cut, tiny, empty = (folder / n for n in ("text.jpg", "cut.jpg", "tiny.png", "no_face.png"))
    text.write_text("this is not a picture")
    whole = (EXAMPLES / "obama_2012.jpg").read_bytes()
    cut.write_bytes(whole[: len(whole) // 3])
    Image.new("RGB", (9, 9), "red").save(tiny)
    Image.new("RGB", (640, 480), "#889").save(empty)
    return {"not an image": text, "cut short": cut, "only 9 x 9": tiny, "No face was found": empty}
