"""Rules for what operators and back ends may put, checked whole before anything is written.

pydantic was tried for these rules and is not used: they became longer (265 lines of code instead of 203), since a
validator reports a single problem, and rules across fields and entries had to build pydantic's errors themselves.
"""
