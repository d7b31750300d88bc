"""Addresses that settings and callers name: mail addresses, mail servers, public networks."""
