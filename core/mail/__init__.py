"""E-mail to the people of a license."""
