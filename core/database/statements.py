"""SQL statements from files that stand beside the code, each under its name.

aiosql reads such files as well, but it also runs the statements, through its own adapters. The statements here run in
pipelines and on connections of their own, so only the texts are needed.
"""

import re
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_COMMENT = re.compile(r"^--.*\n?", re.MULTILINE)


def load_statements(package: str, path: str) -> dict[str, str]:
    """Return the statements of a file by their names.

    Args:
        package: The package that the file belongs to, such as ``core.usage``.
        path: The file's path in the package. A statement begins below a line ``-- name: NAME`` and ends at the next
            such line. Lines of comments are left out.
    """
    text = files(package).joinpath(path).read_text("utf-8")
    _, *sections = _NAME.split(text)
    statements = {
        name: _COMMENT.sub("", body).strip() for name, body in zip(sections[::2], sections[1::2], strict=True)
    }
    if 2 * len(statements) < len(sections):
        raise ValueError(f"{package}/{path} has two statements of one name")
    return statements
