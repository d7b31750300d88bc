"""The built-in meters. They import the SDK and nothing else of the project, and reach the engine by entry points."""
