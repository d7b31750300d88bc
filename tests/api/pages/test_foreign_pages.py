"""The element in pages of another origin that are made with React, with Vue, and with nothing."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import time_machine
from playwright.sync_api import Browser, expect

from core.settings import Settings
from tests.api import node
from tests.api.acme import bring_in
from tests.api.conftest import NOW
from tests.api.node import CLIENTS
from tests.api.pages.browser import visit
from tests.api.pages.foreign import back_end
from tests.api.server import Served, serving
from tests.forms import long

pytestmark = pytest.mark.needs("chromium")
MODULES = CLIENTS / "node_modules"
CONTRACT = """mutation { putContract(input: {
  license: "acme", effectiveFrom: "2026-02-01", startsOn: "2026-01-15", warnings: true,
  terms: [{key: "profiles", value: 1000000}]
}) { errors { message } } }"""
PAGE = """<!doctype html><html lang="en"><title>Foreign</title>
<style>h1 { color: red } allowance-consumption { --allowance-accent: rgb(1, 2, 3) }
allowance-consumption::part(button) { text-transform: uppercase }</style>
<div id="root"></div><p id="status"></p>
<script type="module" src="%s/elements/allowance.js"></script>
<script type="module">
%s
</script>"""
ASK_BACK_END = "const getToken = async () => (await fetch('/token')).text();"
NOTHING = f"""{ASK_BACK_END}
// As a back end renders it: the property may be set before the element is defined, and after.
root.innerHTML = '<button>Français</button>'
  + '<allowance-consumption endpoint="ENDPOINT/graphql"></allowance-consumption>'
  + '<allowance-notice endpoint="ENDPOINT/graphql" application="data"></allowance-notice>';
const element = document.querySelector('allowance-consumption');
element.addEventListener('allowance-status', ({{ detail }}) => {{ document.title = detail.status; }});
element.getToken = getToken;
document.querySelector('button').addEventListener('click', () => element.setAttribute('lang', 'fr'));
"""
REACT = f"""import {{ require }} from '/react.js';
const {{ createElement: h, useState }} = require('react');
{ASK_BACK_END}
function App() {{
  const [lang, setLang] = useState('en');
  return h('div', null,
    h('button', {{ onClick: () => setLang('fr') }}, 'Français'),
    h('allowance-consumption', {{
      endpoint: 'ENDPOINT/graphql', lang, getToken,
      'onallowance-status': ({{ detail }}) => {{ document.title = detail.status; }},
    }}),
    h('allowance-notice', {{ endpoint: 'ENDPOINT/graphql', application: 'data', getToken }}));
}}
require('react-dom/client').createRoot(root).render(h(App));
"""
VUE = f"""import {{ createApp, h, ref }} from '/vue.js';
{ASK_BACK_END}
createApp({{
  setup() {{
    const lang = ref('en');
    return () => [
      h('button', {{ onClick: () => {{ lang.value = 'fr'; }} }}, 'Français'),
      h('allowance-consumption', {{
        endpoint: 'ENDPOINT/graphql', lang: lang.value, '.getToken': getToken,
        onAllowanceStatus: ({{ detail }}) => {{ document.title = detail.status; }},
      }}),
      h('allowance-notice', {{ endpoint: 'ENDPOINT/graphql', application: 'data', '.getToken': getToken }}),
    ];
  }},
}}).mount(root);
"""


def react() -> str:
    """React as a module: its packages have no build for browsers, so they are put together as a bundler does."""
    files = {
        "react": "react/cjs/react.production.js",
        "react-dom": "react-dom/cjs/react-dom.production.js",
        "react-dom/client": "react-dom/cjs/react-dom-client.production.js",
        "scheduler": "scheduler/cjs/scheduler.production.js",
    }
    parts = [
        f"{json.dumps(name)}: (module, exports, require, process) => {{ {(MODULES / file).read_text()} }}"
        for name, file in files.items()
    ]
    return f"""const sources = {{ {", ".join(parts)} }}, loaded = {{}};
export function require(name) {{
  if (!loaded[name]) {{
    const module = loaded[name] = {{ exports: {{}} }};
    sources[name](module, module.exports, require, {{ env: {{ NODE_ENV: 'production' }} }});
  }}
  return loaded[name].exports;
}}"""


@pytest.fixture(scope="module")
def foreign(
    new_sqlite: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, str]]:
    """A server with the license acme, and the origin of a page elsewhere, which may ask it."""
    answers: dict[str, str] = {}
    url = new_sqlite(tmp_path_factory.mktemp("foreign") / "test.db")
    with (
        back_end(answers) as origin,
        time_machine.travel(NOW, tick=False),
        serving(Settings(database_url=url, cors_origins=origin)) as served,
    ):
        bring_in(served)
        with served.client() as client:
            client.data(CONTRACT)
        served.refresh()
        node.install()
        answers["/token"] = served.token("consumption:read", license="acme")
        answers["/react.js"] = react()
        answers["/vue.js"] = (MODULES / "vue" / "dist" / "vue.esm-browser.prod.js").read_text()
        for name, script in (("react", REACT), ("vue", VUE), ("nothing", NOTHING)):
            answers[f"/{name}"] = PAGE % (served.url, script.replace("ENDPOINT", served.url))
        yield served, origin


@pytest.mark.needs("node")
@pytest.mark.parametrize("made_with", ["react", long("vue"), "nothing"])
def test_the_element_works_in_a_page_that_is_made_with(
    chromium: Browser, foreign: tuple[Served, str], made_with: str
) -> None:
    served, origin = foreign
    with visit(chromium, f"{served.url} {origin}") as seen:
        page = seen.page
        page.clock.set_fixed_time(NOW)
        page.goto(f"{origin}/{made_with}")
        expect(page.locator("allowance-consumption h1")).to_have_text("My consumption", timeout=30_000)
        expect(page).to_have_title("EXCEEDED")
        expect(page.locator("allowance-notice .notices li")).to_contain_text("Profiles: 1,050,000 of 1,000,000")
        assert len(seen.sockets) == 1
        # The page's styles end at the element, but for what the element offers to change.
        look = "(element, name) => getComputedStyle(element)[name]"
        assert page.locator("allowance-consumption h1").evaluate(look, "color") != "rgb(255, 0, 0)"
        assert page.locator("[data-meter=profiles] .link").evaluate(look, "color") == "rgb(1, 2, 3)"
        button = page.locator("allowance-consumption").get_by_role("button", name="Download")
        assert button.evaluate(look, "textTransform") == "uppercase"
        page.get_by_role("button", name="Français").click()
        expect(page.locator("allowance-consumption h1")).to_have_text("Ma consommation")
        assert seen.hosts == {served.url, origin}
        assert [words for words in seen.complaints if "favicon" not in words and "404" not in words] == []
