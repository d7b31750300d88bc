"""Where everything is kept: the engine, its column types, and the migrations."""
