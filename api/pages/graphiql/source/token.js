// The access token: it arrives in the address as #token=…, and lives in the headers of each tab.
// The last one seen is kept for tabs that have none yet. All is under GraphiQL's own prefix in
// localStorage, so that "Clear storage" in its settings forgets the token too.

const TOKEN = 'graphiql:token';
const HEADERS = 'graphiql:headers'; // GraphiQL's own: the headers last edited
const TABS = 'graphiql:tabState'; // GraphiQL's own: every open tab

const AUTHORIZATION = /("authorization"\s*:\s*)"Bearer ([^"\s]+)"/i;

export const storedToken = () => localStorage.getItem(TOKEN);
export const rememberToken = (token) => localStorage.setItem(TOKEN, token);

/** The bearer token in the text of a headers editor, if there is one. */
export const tokenIn = (headers) => AUTHORIZATION.exec(headers)?.[2];

/** The text of a headers editor with this token in it, other headers and comments kept. */
export function withToken(headers, token) {
  const value = JSON.stringify(`Bearer ${token}`);
  if (tokenIn(headers)) return headers.replace(AUTHORIZATION, (_, name) => name + value);
  if (/{[^]*"[^]*}/.test(headers)) return headers.replace('{', () => `{\n  "Authorization": ${value},`);
  return `{\n  "Authorization": ${value}\n}`;
}

/** Moves a token from the address bar into storage, and into the headers of the tabs kept from earlier visits. */
export function takeTokenFromAddress() {
  const token = /^#token=([\w.~+/=-]+)$/.exec(location.hash)?.[1]; // what RFC 6750 lets a bearer token be
  if (!token) return;
  history.replaceState(null, '', location.pathname + location.search);
  rememberToken(token);
  localStorage.setItem(HEADERS, withToken(localStorage.getItem(HEADERS) ?? '', token));
  const kept = JSON.parse(localStorage.getItem(TABS));
  for (const tab of kept?.tabs ?? []) tab.headers = withToken(tab.headers ?? '', token);
  if (kept) localStorage.setItem(TABS, JSON.stringify(kept));
}
