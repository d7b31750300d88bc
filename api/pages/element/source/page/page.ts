// The page around the element: the token of the tab, the language, the theme, and the buttons. It comes with the page
// itself, so that it asks for the first figures while the element is still on its way.

import { addressOf, sendAhead } from '../src/http';
import { CONSUMPTION } from '../src/overview';

/** The file of the words in each language, which the element will load too; filled in when the page is built. */
declare const WORDS: Record<string, string>;

type PageText = (typeof import('../src/texts/en'))['page'];

const TOKEN = 'allowance:token';
const element = document.querySelector('allowance-consumption') as HTMLElement & {
  getToken: () => string | null;
  reconnect(): void;
};
const find = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const query = new URLSearchParams(location.search);
const license = query.get('license');
const language = find<HTMLSelectElement>('language');
const theme = find<HTMLSelectElement>('theme');
const menu = find<HTMLDetailsElement>('menu');
const report = find<HTMLFormElement>('report');

/** The token arrives in the address as #token=…, which is never sent to a server, and stays in this tab alone. */
function takeToken(): boolean {
  const token = /^#token=([\w.~+/=-]+)$/.exec(location.hash)?.[1];
  if (!token) return false;
  history.replaceState(null, '', location.pathname + location.search);
  sessionStorage.setItem(TOKEN, token);
  return true;
}
const tokenOf = () => sessionStorage.getItem(TOKEN);

async function speak(chosen: string): Promise<void> {
  document.documentElement.lang = chosen;
  language.value = chosen;
  const { page }: { page: PageText } = await import(/* @vite-ignore */ WORDS[chosen]!);
  document.title = page.title;
  for (const part of document.querySelectorAll<HTMLElement>('[data-text]')) part.textContent = page[part.dataset.text as keyof PageText];
}

function dress(chosen: string): void {
  document.documentElement.style.colorScheme = chosen === 'auto' ? '' : chosen;
  element.setAttribute('theme', chosen);
  theme.value = chosen;
}

takeToken();
element.getToken = tokenOf;
if (license) element.setAttribute('license', license);
const wanted = [query.get('lang'), localStorage.getItem('allowance:language'), ...navigator.languages];
void speak(wanted.map((one) => one?.slice(0, 2).toLowerCase() ?? '').find((one) => one in WORDS) ?? 'en');
dress(localStorage.getItem('allowance:theme') ?? 'auto');

// The element, which is still on its way, will send this.
const token = tokenOf();
if (token) sendAhead(addressOf('/graphql', language.value), token, CONSUMPTION, { license });

addEventListener('hashchange', () => takeToken() && element.reconnect());
language.addEventListener('change', () => {
  localStorage.setItem('allowance:language', language.value);
  void speak(language.value);
  element.setAttribute('lang', language.value);
});
theme.addEventListener('change', () => {
  localStorage.setItem('allowance:theme', theme.value);
  dress(theme.value);
});
/** The menu closes as menus do: by Escape, and by a click elsewhere. */
addEventListener('click', ({ target }) => menu.contains(target as Node) || (menu.open = false));
addEventListener('keydown', ({ key }) => {
  if (key !== 'Escape' || !menu.open) return;
  menu.open = false;
  menu.querySelector('summary')!.focus();
});
find('print').addEventListener('click', () => print());
find('leave').addEventListener('click', () => {
  sessionStorage.removeItem(TOKEN);
  element.reconnect();
});
find('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  const form = event.currentTarget as HTMLFormElement;
  sessionStorage.setItem(TOKEN, (form.elements[0] as HTMLInputElement).value.trim());
  form.reset();
  element.reconnect();
});
// The report is a page of its own, to which a form posts the token: an address would keep it.
element.addEventListener('allowance-status', ({ detail }: CustomEventInit<{ license: string }>) => {
  report.hidden = !tokenOf();
  report.action = `/report/${encodeURIComponent(detail!.license)}`;
});
report.addEventListener('submit', () => {
  report.action = `${report.action.split('?')[0]}?lang=${language.value}`;
  (report.elements[0] as HTMLInputElement).value = tokenOf() ?? '';
});
