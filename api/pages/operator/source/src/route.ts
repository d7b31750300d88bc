// Where the page is: its address holds the view and its filters, so that a reload and the back button keep them.

import { useEffect, useState } from 'preact/hooks';

export const VIEWS = ['licenses', 'requests', 'alerts', 'deliveries', 'plugins'] as const;
export type View = (typeof VIEWS)[number];

export type Go = (changes: Record<string, string | null>, options?: { replace?: boolean; fresh?: boolean }) => void;

export interface Route {
  get(name: string): string | null;
  all(name: string): string[];
  go: Go;
  href(changes: Record<string, string | null>): string;
}

/** The address with other values of its parameters; `fresh` drops all that are not named. */
function address(changes: Record<string, string | null>, fresh: boolean): string {
  const search = new URLSearchParams(fresh ? '' : location.search);
  const spoken = new URLSearchParams(location.search).get('lang');
  if (fresh && spoken) search.set('lang', spoken);
  for (const [name, value] of Object.entries(changes)) {
    if (value) search.set(name, value);
    else search.delete(name);
  }
  const text = search.toString().replaceAll('%2C', ',');
  return location.pathname + (text ? `?${text}` : '');
}

export function useRoute(): Route {
  const [search, setSearch] = useState(location.search);
  useEffect(() => {
    const moved = () => setSearch(location.search);
    addEventListener('popstate', moved);
    return () => removeEventListener('popstate', moved);
  }, []);
  const parameters = new URLSearchParams(search);
  return {
    get: (name) => parameters.get(name),
    all: (name) => parameters.get(name)?.split(',') ?? [],
    href: (changes) => address(changes, true),
    go: (changes, { replace = false, fresh = false } = {}) => {
      history[replace ? 'replaceState' : 'pushState'](null, '', address(changes, fresh));
      setSearch(location.search);
    },
  };
}
