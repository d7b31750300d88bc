"""The command ``allowance`` of operators."""
