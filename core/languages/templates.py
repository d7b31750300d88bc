"""The environment of Jinja templates, in a reader's languages."""

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from core.languages.words import Words


def template_environment(package: str, words: Words) -> Environment:
    """Return the environment of the templates of a package, whose sentences are translated and whose HTML is escaped.

    Args:
        package: The package, with the folder `templates`.
        words: The words of the reader.
    """
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=select_autoescape(["html"]),
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.install_gettext_translations(words.translations, newstyle=True)  # type: ignore[attr-defined]
    return environment
