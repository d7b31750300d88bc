"""GraphQL operations: prepared once, executed fast, answered again while nothing changed."""
