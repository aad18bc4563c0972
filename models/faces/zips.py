"""What a zip says of itself, and why a member of it cannot be had."""

from __future__ import annotations

import contextlib
import errno
import lzma
import stat
import zipfile
import zlib
from pathlib import Path

PASSWORD = "This zip is protected by a password. Unpack it, and choose its photos or a zip without a password."
PASSWORD_MEMBER = "This file is protected by a password inside its zip."
BROKEN_MEMBER = "This file is damaged inside its zip."
LINK = "This is a link inside a zip, not a photo."
NO_SPACE = "There is no room left on the disk to unpack this file."
METHOD = "This file is compressed in a way that is not read here ({name}). Make the zip in another way."

_ENCRYPTED = 0x1
_AES = 99
_METHODS = {1: "shrink", 6: "implode", 9: "deflate64", 93: "zstd", 95: "xz", 96: "jpeg", 98: "ppmd"}
"""Kinds of compression that are not read here (APPNOTE.TXT, section 4.4.5)."""
_READ_HERE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
MEMBER_FAULTS: tuple[type[Exception], ...] = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    OSError,  # bz2 on damaged data; EINVAL for an offset below zero
    EOFError,
    ValueError,
    RuntimeError,  # encrypted after all, NotImplementedError
    MemoryError,
)
"""What reading a member of an untrusted zip may raise."""
_END, _END64 = b"PK\x05\x06", b"PK\x06\x06"
_END_LENGTH, _LOCATOR_LENGTH, _END64_LENGTH = 22, 20, 56
_LONGEST_COMMENT = 0xFFFF


def directory_bytes(path: Path) -> int:
    """Length of a zip's list of members as its end states it, which zipfile reads whole; 0 for what is no zip.

    APPNOTE.TXT of PKWARE, sections 4.3.14 to 4.3.16.
    """
    with path.open("rb") as file:
        length = file.seek(0, 2)
        file.seek(max(0, length - _LONGEST_COMMENT - _END_LENGTH - _LOCATOR_LENGTH - _END64_LENGTH))
        tail = file.read()
    end = tail.rfind(_END)
    if end < 0:
        return 0
    end64 = max(0, end - _LOCATOR_LENGTH - _END64_LENGTH)
    if tail[end64 : end64 + 4] == _END64:
        return int.from_bytes(tail[end64 + 40 : end64 + 48], "little")
    return int.from_bytes(tail[end + 12 : end + 16], "little")


def is_sealed(member: zipfile.ZipInfo) -> bool:
    """A password is needed."""
    return bool(member.flag_bits & _ENCRYPTED) or member.compress_type == _AES


def why_not(member: zipfile.ZipInfo) -> str:
    """Why a member is not even tried, or ''."""
    if is_sealed(member):
        return PASSWORD_MEMBER
    if stat.S_ISLNK(member.external_attr >> 16):
        return LINK
    if member.compress_type not in _READ_HERE:
        method = member.compress_type
        return METHOD.format(name=_METHODS.get(method, f"method {method}"))
    return ""


def reason_of(error: Exception) -> str:
    """Why reading a member ended, in the user's words."""
    if isinstance(error, OSError) and error.errno in _NO_SPACE:
        return NO_SPACE
    return BROKEN_MEMBER


def member_name(member: zipfile.ZipInfo) -> str:
    """The member's name, with "/" between folders.

    Without the UTF-8 flag zipfile reads cp437, though most such names are UTF-8 all the same.
    """
    name = member.filename
    if not member.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")
