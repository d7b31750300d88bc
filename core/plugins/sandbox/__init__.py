"""Child processes that run partners' code, with a deadline and a memory limit.

The walk of a measurement: :mod:`batch` (the meters of a batch, retries) → :mod:`process_pool` (idle processes) →
:mod:`process` (one process, its pipes and deadlines) → :mod:`protocol` (requests and answers as lines of JSON) →
:mod:`child` (inside the process: calls the plugin) → the answer, the same way back.
"""
