"""The author of a change that is made on the command line."""

import getpass


def author() -> str:
    """Return the user of this machine, who is recorded as the author of a correction."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):  # a container may run as a user without a name
        return "command line"
