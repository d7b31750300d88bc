"""Many followers, slow ones, those that leave, and a database that fails."""

import logging
import socket as sockets
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import text

from api.subscriptions import subscribe, web_socket
from core.settings import Settings
from tests.api.fragile import Calls  # noqa: F401 - what breaks below is described there
from tests.api.server import Served, serving
from tests.api.subscriptions.sockets import FOLLOW, Socket, change, socket_to
from tests.e2e.processes import eventually

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SECRETS = ("swordfish", "snapshot", "SELECT", "sqlalchemy", "Traceback", "no such", "core/")
