// The page around the element: the token of the tab, the language, the theme, and the buttons.

import { addressOf, askAhead } from '../src/first';
import { words } from './words';

const TOKEN = 'allowance:token';
const element = document.querySelector('allowance-consumption') as HTMLElement & {
  getToken: () => string | null;
  reconnect(): void;
};
const find = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;

/** The token arrives in the address as #token=…, which is never sent to a server, and stays in this tab alone. */
function takeToken(): boolean {
  const token = /^#token=([\w.~+/=-]+)$/.exec(location.hash)?.[1];
  if (!token) return false;
  history.replaceState(null, '', location.pathname + location.search);
  sessionStorage.setItem(TOKEN, token);
  return true;
}

takeToken();
element.getToken = () => sessionStorage.getItem(TOKEN);
addEventListener('hashchange', () => takeToken() && element.reconnect());

const query = new URLSearchParams(location.search);
const license = query.get('license');
if (license) element.setAttribute('license', license);

const language = find<HTMLSelectElement>('language');
const theme = find<HTMLSelectElement>('theme');

function speak(chosen: string): void {
  const text = words[chosen]!;
  document.documentElement.lang = chosen;
  document.title = text.title!;
  language.value = chosen;
  for (const part of document.querySelectorAll<HTMLElement>('[data-text]')) part.textContent = text[part.dataset.text!]!;
}

function dress(chosen: string): void {
  document.documentElement.style.colorScheme = chosen === 'auto' ? '' : chosen;
  element.setAttribute('theme', chosen);
  theme.value = chosen;
}

const spoken = [query.get('lang'), localStorage.getItem('allowance:language'), ...navigator.languages];
speak(spoken.map((one) => one?.slice(0, 2).toLowerCase() ?? '').find((one) => one in words) ?? 'en');
dress(localStorage.getItem('allowance:theme') ?? 'auto');
language.addEventListener('change', () => {
  localStorage.setItem('allowance:language', language.value);
  speak(language.value);
  element.setAttribute('lang', language.value);
});
theme.addEventListener('change', () => {
  localStorage.setItem('allowance:theme', theme.value);
  dress(theme.value);
});

// The element, which is still on its way, will ask for this.
const token = sessionStorage.getItem(TOKEN);
if (token) askAhead(addressOf('/graphql', language.value), token, license);

const menu = find<HTMLDetailsElement>('menu');
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
