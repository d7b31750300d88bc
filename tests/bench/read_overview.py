"""Reading the overview of a license over GraphQL."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import islice, repeat
from typing import Final

import orjson

from core.access.keys import Scope
from core.runtime import open_runtime
from core.settings import Settings
from tests.bench import places
from tests.bench.clients import clients, for_seconds, http_post
from tests.bench.findings import Found, Remark, Scale, compare, interleaved
