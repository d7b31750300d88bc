// The connection of the page to the API: the token of the tab, requests, and the subscription to all licenses.

import { addressOf, request } from '../../../element/source/src/http';
import { asFailure } from '../../../element/source/src/model';
import { subscribe } from '../../../element/source/src/socket';
import { CHANGES } from './queries';

const TOKEN = 'allowance:token';
const ENDPOINT = '/graphql';
const AGAIN_AFTER = 3_000;

export const token = () => sessionStorage.getItem(TOKEN);

export function keepToken(value: string | null): void {
  if (value) sessionStorage.setItem(TOKEN, value);
  else sessionStorage.removeItem(TOKEN);
}

/** The token arrives in the address as #token=…, which is never sent to a server, and stays in this tab alone. */
export function takeToken(): boolean {
  const found = /^#token=([\w.~+/=-]+)$/.exec(location.hash)?.[1];
  if (!found) return false;
  history.replaceState(null, '', location.pathname + location.search);
  keepToken(found);
  return true;
}

/** Ask the API. Throws a failure if it refuses, or if it cannot be reached. */
export async function ask<T>(language: string, query: string, variables: object = {}): Promise<T> {
  const { data, errors, trace } = await request(addressOf(ENDPOINT, language), token(), query, { ...variables });
  if (errors[0]) throw asFailure(errors[0], trace);
  return data as T;
}

/** Call `changed` after each change of any license; `live` tells whether changes are heard of. */
export function follow(changed: () => void, live: (isLive: boolean) => void): () => void {
  let close = () => {};
  let timer = 0;
  const again = () => {
    live(false);
    timer = window.setTimeout(open, AGAIN_AFTER);
  };
  const open = () => {
    const url = new URL(ENDPOINT, location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    close = subscribe(url.href, CHANGES, {}, {
      payload: async () => ({ Authorization: `Bearer ${token()}` }),
      next: () => (live(true), changed()),
      error: () => (close(), again()),
      closed: again,
    });
  };
  open();
  return () => {
    clearTimeout(timer);
    close();
  };
}
