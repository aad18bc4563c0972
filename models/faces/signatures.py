"""What a file is, by its first bytes: names in the words of people, for messages about files that cannot be used."""

from __future__ import annotations

HEAD = 512
"""First bytes of a file that are enough to tell."""

READ_HERE = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG": "PNG",
    b"BM": "BMP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"GIF8": "GIF",
}
ARCHIVES = {
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"\x1f\x8b": "tar.gz or gz",
    b"BZh": "tar.bz2 or bz2",
    b"\xfd7zXZ\x00": "tar.xz or xz",
    b"\x28\xb5\x2f\xfd": "zst",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
}
OTHERS = {
    b"%!PS": "PostScript (EPS)",
    b"\xc5\xd0\xd3\xc6": "PostScript (EPS)",
    b"%PDF": "PDF",
    b"<svg": "SVG",
    b"<?xml": "XML or SVG",
    b"8BPS": "Photoshop (PSD)",
    b"qoif": "QOI",
    b"BLP1": "BLP",
    b"BLP2": "BLP",
    b"DDS ": "DDS",
    b"\x00\x00\x01\x00": "Windows icon (ICO)",
    b"icns": "Apple icon (ICNS)",
    b"\x00\x00\x00\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\xff\x0a": "JPEG XL",
    b"\x00\x00\x00\x0cJXL ": "JPEG XL",
    b"\x76\x2f\x31\x01": "OpenEXR",
    b"FUJIFILMCCD-RAW": "camera raw",
    b"II\x2b\x00": "BigTIFF",
    b"MM\x00\x2b": "BigTIFF",
    b"P5": "PGM",
    b"P6": "PPM",
    b"\x1a\x45\xdf\xa3": "video (Matroska or WebM)",
    b"\x93NUMPY": "NumPy array",
    b"SIMPLE  =": "FITS",
}
BRANDS = {b"avif": "AVIF", b"avis": "AVIF", b"qt  ": "video (QuickTime)", b"crx ": "camera raw"}
HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def archive_of(head: bytes) -> str:
    """Name of the kind of archive that begins with `head` (HEAD bytes of the file), or ''."""
    return "tar" if head[257:262] == b"ustar" else _first(ARCHIVES, head)


def picture_of(head: bytes) -> str:
    """Name of the format that is read here and begins with `head`, or ''; it may be damaged further on."""
    return "WebP" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else _first(READ_HERE, head)


def other_of(head: bytes) -> str:
    """Name of a known format that begins with `head` and is not among those read here, or ''."""
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return "HEIC" if brand in HEIC else BRANDS.get(brand, "video (MP4)")
    if head[:4] == b"RIFF":
        return "video (AVI)" if head[8:12] == b"AVI " else ""
    return _first(OTHERS, head)


def _first(table: dict[bytes, str], head: bytes) -> str:
    return next((name for magic, name in table.items() if head.startswith(magic)), "")
