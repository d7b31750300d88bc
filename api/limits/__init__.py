"""What one GraphQL document may ask for: refused with a code before it is validated, or before it is executed."""
