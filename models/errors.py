"""The base of every error whose message is written for the person in front of the program, not for its author.

except UserError as error:
    print(f"error: {error}")
"""

from __future__ import annotations


class UserError(Exception):
    """Something only the user can put right: a photo, a weight, a setting, a folder. The message says what.

    Where it comes from it keeps its built-in type too: a PhotoError is also a ValueError, a DataError also a
    FileNotFoundError.
    """
