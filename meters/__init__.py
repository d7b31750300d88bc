"""The built-in meters.

They import only the SDK. The engine finds them through entry points, as it finds the meters of partners.
"""
