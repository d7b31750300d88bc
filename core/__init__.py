"""The engine of Allowance; it knows no HTTP and no GraphQL."""

import os

# Pydantic imports plugins of any installed distribution into this process, and fails if the metadata of one is broken.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
