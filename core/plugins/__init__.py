"""What is installed: the plugins, and the sections and meters that they contribute."""
